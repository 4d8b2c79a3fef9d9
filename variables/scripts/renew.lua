-- Lets an owner's lease run anew, or (a lease of 0) gives the shard up.
-- KEYS    1 the owner's record
-- ARGV    1 epoch   2 lease in milliseconds
-- Returns now in ms.
-- Errors  FENCED the shard has another owner
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return redis.error_reply('FENCED the shard has another owner') end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'lapses', string.format('%.0f', now + ARGV[2]))
return string.format('%.0f', now)
