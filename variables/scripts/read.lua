-- What a shard's owner is to do next: entries of the log and the timers that are due, in a way that orders them for good.
-- If a timer is due, the log's next id is moved beyond the end of this millisecond, so that nothing can be stamped at or
-- before it any more: a timer comes before an item of the same instant (DESIGN.md section 4, "Timers and items in one order").
-- KEYS    1 the log   2 the timers (a sorted set: number of the visitor by due time)   3 what the keys of `names` begin with:
--         hashes that hold 128 visitors' ids each, by number
-- ARGV    1 the id after which to read   2 how many entries and how many timers at the most
-- Returns {now in ms, entries as XRANGE gives them, {number, due, visitor or nil, …}}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local info = redis.call('XINFO', 'STREAM', KEYS[1])
local last = 0
for i = 1, #info, 2 do
  if info[i] == 'last-generated-id' then last = tonumber(string.match(info[i + 1], '^%d+')) end
end
if last > now then now = last end
local text = string.format('%.0f', now)
local timers = redis.call('ZRANGE', KEYS[2], '-inf', text, 'BYSCORE', 'LIMIT', 0, ARGV[2], 'WITHSCORES')
if #timers > 0 then redis.call('XSETID', KEYS[1], text .. '-18446744073709551615') end
local due = {}
for i = 1, #timers, 2 do
  local number, visitor = tonumber(timers[i]), false
  if number then -- else nobody's: somebody spoilt it
    local block = KEYS[3] .. string.format('%.0f', math.floor(number / 128))
    visitor = redis.pcall('HGET', block, string.format('%.0f', number % 128))
    if type(visitor) == 'table' then visitor = false end
  end
  due[#due + 1] = timers[i]
  due[#due + 1] = timers[i + 1]
  due[#due + 1] = visitor
end
return {text, redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', ARGV[2]), due}
