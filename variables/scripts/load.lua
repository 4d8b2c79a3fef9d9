-- Everything that is kept of some visitors, in one answer.
-- KEYS    three per visitor: profile, starts, inbox
-- ARGV    per visitor: how many messages' status is wanted, then their ids
-- Returns per visitor: {profile as HGETALL, starts as HGETALL, {status or nil, …}}
local answer = {}
local a = 1
for k = 1, #KEYS, 3 do
  local statuses = {}
  local count = tonumber(ARGV[a])
  for i = 1, count do
    local id = ARGV[a + i]
    local status = redis.call('HGET', KEYS[k + 2], id .. '.status')
    if not status and redis.call('HEXISTS', KEYS[k + 2], id) == 1 then status = 'sent' end
    statuses[i] = status
  end
  a = a + 1 + count
  answer[#answer + 1] = {redis.call('HGETALL', KEYS[k]), redis.call('HGETALL', KEYS[k + 1]), statuses}
end
return answer
