-- Says in a shard's log that a program version holds from here on; once for each version, and never an older one after a newer.
-- KEYS    1 the log   2 the owner's record (a hash; field `announced`)
-- ARGV    1 version   2 the entry's note
-- Returns the entry's id, or nil if this or a later version was announced before.
local announced = redis.call('HGET', KEYS[2], 'announced')
if announced and tonumber(announced) >= tonumber(ARGV[1]) then return false end
redis.call('HSET', KEYS[2], 'announced', ARGV[1])
return redis.call('XADD', KEYS[1], '*', 'body', '', 'note', ARGV[2])
