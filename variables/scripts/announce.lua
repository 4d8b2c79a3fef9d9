-- Says that a processor of an app is alive, or (a lifetime of 0) that it leaves, and tells which ones are alive.
-- KEYS    1 the app's processors (a hash: holder to when it joined and when its word lapses, by this server's clock)
-- ARGV    1 holder   2 milliseconds that its word holds
-- Returns the holders that are alive, those that have been here longest first.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = redis.call('HGETALL', KEYS[1])
local joined, alive = {}, {}
for i = 1, #found, 2 do
  local since, lapses = string.match(found[i + 1], '^(%d+) (%d+)$')
  if lapses and tonumber(lapses) > now and found[i] ~= ARGV[1] then
    joined[found[i]] = tonumber(since)
    alive[#alive + 1] = found[i]
  elseif found[i] ~= ARGV[1] then
    redis.call('HDEL', KEYS[1], found[i])
  elseif lapses and tonumber(lapses) > now then
    joined[ARGV[1]] = tonumber(since)
  end
end
if tonumber(ARGV[2]) > 0 then
  joined[ARGV[1]] = joined[ARGV[1]] or now
  alive[#alive + 1] = ARGV[1]
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f %.0f', joined[ARGV[1]], now + ARGV[2]))
else
  redis.call('HDEL', KEYS[1], ARGV[1])
end
table.sort(alive, function(a, b) return joined[a] < joined[b] or (joined[a] == joined[b] and a < b) end)
return alive
