-- Everything that is kept of some visitors, in one answer.
-- KEYS    three per visitor: profile, tallies, runs; then the inboxes of the messages whose status is wanted
-- ARGV    1 how many visitors   2… those messages' ids
-- Returns MessagePack: {per visitor: {profile, tallies, runs: field to value}, per message: its status, or false}
redis.setresp(3)
local count = tonumber(ARGV[1])
local visitors, statuses = {}, {}
for v = 1, count do
  local k = 3 * v - 2
  visitors[v] = {
    redis.call('HGETALL', KEYS[k]).map, redis.call('HGETALL', KEYS[k + 1]).map, redis.call('HGETALL', KEYS[k + 2]).map,
  }
end
for m = 1, #ARGV - 1 do
  local inbox, id = KEYS[3 * count + m], ARGV[m + 1]
  local status = redis.call('HGET', inbox, id .. '.status')
  statuses[m] = status or (redis.call('HEXISTS', inbox, id) == 1 and 'sent') or false
end
return cmsgpack.pack({visitors, statuses})
