-- Writes all that a batch changes, or nothing. A script is isolated but not undone when it fails in the middle, so whatever
-- could fail is looked at first: the epoch, the commit's number, and the type of every key.
-- KEYS    1 the owner's record   2 the log   3 the timers   4… the keys to be written
-- ARGV    1 epoch   2 the number that the shard has after this commit   3 position   4 program   5 visitors   6 eras
--         7 the id from which on the log is kept   8 channel   9 hint
--         10 operations, as MessagePack: {command, index into KEYS, arguments}; HSET's is a map of fields to values
-- Returns when the next timer is due or nil, also for a commit that was done before.
-- Errors  FENCED another owner, or not the number that follows   WRONGKEY a key has another type; nothing was written
local state = redis.call('HMGET', KEYS[1], 'epoch', 'commit')
if state[1] ~= ARGV[1] then return redis.error_reply('FENCED the shard has another owner') end
local done = tonumber(state[2] or 0)
local function next_timer() return redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')[2] or false end
if done == tonumber(ARGV[2]) then return next_timer() end
if done ~= tonumber(ARGV[2]) - 1 then return redis.error_reply('FENCED the shard is at commit ' .. done) end

local types = {
  HSET = 'hash', HDEL = 'hash', INBOX = 'hash', COUNT = 'hash', PEXPIRE = 'hash', DEL = 'hash', ZADD = 'zset', ZREM = 'zset', XADD = 'stream',
  TRACES = 'stream',
}
local function wrong(key, wanted)
  local found = redis.call('TYPE', key)['ok']
  return found ~= 'none' and found ~= wanted and redis.error_reply('WRONGKEY ' .. key .. ' is a ' .. found .. ', not a ' .. wanted)
end
local operations = cmsgpack.unpack(ARGV[10])
local refusal = wrong(KEYS[2], 'stream') or wrong(KEYS[3], 'zset')
local known = {}
for _, operation in ipairs(operations) do
  local k = operation[2]
  if not known[k] then
    known[k] = true
    refusal = refusal or wrong(KEYS[k], types[operation[1]])
  end
end
if refusal then return refusal end

-- HSET fields: some at a time, for a script's stack is not endless.
local function hset(key, fields)
  local words, count = {}, 0
  for field, value in pairs(fields) do
    words[count + 1], words[count + 2] = field, value
    count = count + 2
    if count == 512 then
      redis.call('HSET', key, unpack(words))
      words, count = {}, 0
    end
  end
  if count > 0 then redis.call('HSET', key, unpack(words)) end
end

-- INBOX id body size: a message comes in, and the oldest give way; ids sort by time. Status fields end in `.status`.
local function inbox(key, id, body, size)
  redis.call('HSET', key, id, body)
  if redis.call('HLEN', key) <= size then return end
  local ids = {}
  for _, field in ipairs(redis.call('HKEYS', key)) do
    if not string.find(field, '.status', 1, true) then ids[#ids + 1] = field end
  end
  table.sort(ids)
  for i = 1, #ids - size do redis.call('HDEL', key, ids[i], ids[i] .. '.status') end
end

-- COUNT name more: a counter goes up or down; one that comes to nought is dropped.
local function count_up(key, name, more)
  local count = (tonumber(redis.call('HGET', key, name) or 0) or 0) + more
  if count == 0 then redis.call('HDEL', key, name) else redis.call('HSET', key, name, string.format('%.0f', count)) end
end

-- TRACES size {visitor, trace} …: each becomes an entry; the oldest give way.
local function remember(key, size, traces)
  for i = 1, #traces, 2 do
    redis.call('XADD', key, 'MAXLEN', '~', size, '*', 'v', traces[i], 't', traces[i + 1])
  end
end

for _, operation in ipairs(operations) do
  local command, key = operation[1], KEYS[operation[2]]
  if command == 'HSET' then
    hset(key, operation[3])
  elseif command == 'INBOX' then
    inbox(key, operation[3], operation[4], operation[5])
  elseif command == 'COUNT' then
    count_up(key, operation[3], operation[4])
  elseif command == 'TRACES' then
    remember(key, operation[3], operation[4])
  else
    redis.call(command, key, unpack(operation, 3))
  end
end
redis.call('HSET', KEYS[1], 'commit', ARGV[2], 'position', ARGV[3], 'program', ARGV[4], 'visitors', ARGV[5], 'eras', ARGV[6])
redis.call('XTRIM', KEYS[2], 'MINID', '~', ARGV[7])
redis.call('PUBLISH', ARGV[8], ARGV[9])
return next_timer()
