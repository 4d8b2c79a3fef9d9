-- Everything that is kept of some visitors, in one answer.
-- KEYS    four per visitor: profile, tallies, runs, inbox
-- ARGV    per visitor: how many messages' status is wanted, then their ids
-- Returns per visitor: {profile, tallies and runs as HGETALL gives them, {status or nil, …}}
local answer = {}
local a = 1
for k = 1, #KEYS, 4 do
  local statuses = {}
  local count = tonumber(ARGV[a])
  for i = 1, count do
    local id = ARGV[a + i]
    local status = redis.call('HGET', KEYS[k + 3], id .. '.status')
    if not status and redis.call('HEXISTS', KEYS[k + 3], id) == 1 then status = 'sent' end
    statuses[i] = status
  end
  a = a + 1 + count
  answer[#answer + 1] = {
    redis.call('HGETALL', KEYS[k]), redis.call('HGETALL', KEYS[k + 1]), redis.call('HGETALL', KEYS[k + 2]), statuses,
  }
end
return answer
