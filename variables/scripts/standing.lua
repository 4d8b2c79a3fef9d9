-- How a shard stands, for whoever looks.
-- KEYS    1 the owner's record
-- Returns {the holder whose lease runs or nil, what keeps the shard from going on or nil}.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local record = redis.call('HMGET', KEYS[1], 'holder', 'lapses', 'trouble')
return {(tonumber(record[2]) or 0) > now and record[1], record[3]}
