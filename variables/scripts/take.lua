-- Makes a holder the owner of a shard, unless another one's lease still runs.
-- KEYS    1 the owner's record   2 the log   3 the timers
-- ARGV    1 holder   2 lease in milliseconds
--         3 milliseconds that the shard must have been free for; above 0 also where the holder itself had it last
-- Returns {1, now, epoch, commit, position, program, visitors, eras, next timer or nil}, or
-- {0, milliseconds until it may be taken}.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local patience = tonumber(ARGV[3])
local record = redis.call('HMGET', KEYS[1], 'holder', 'lapses')
local free = (tonumber(record[2]) or 0) + patience
if record[1] and (record[1] ~= ARGV[1] or patience > 0) and free > now then
  return {0, free - now}
end
if redis.call('EXISTS', KEYS[2]) == 0 then -- XSETID and blocking reads need the stream to be there
  redis.call('XGROUP', 'CREATE', KEYS[2], 'none', '0', 'MKSTREAM')
  redis.call('XGROUP', 'DESTROY', KEYS[2], 'none')
end
redis.call('HINCRBY', KEYS[1], 'epoch', 1)
redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'lapses', string.format('%.0f', now + ARGV[2]))
local state = redis.call('HMGET', KEYS[1], 'epoch', 'commit', 'position', 'program', 'visitors', 'eras')
local next = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
return {1, string.format('%.0f', now), state[1], state[2], state[3], state[4], state[5], state[6], next[2] or false}
