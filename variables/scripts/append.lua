-- Adds a flush of entries to a shard's log: all of them, and once, however often the flush is sent.
-- KEYS    1 the log   2 this sender's last flush (a hash: number, first, count)
-- ARGV    1 flush number   2 bound of the log's length   3 milliseconds to remember the flush
--         then a pair per entry: body, note
-- Returns {log length, first id's ms, first id's sequence}; the ids of a flush follow each other by one.
-- Errors  FULL the log has reached its bound   STALE a later flush came first
local number = tonumber(ARGV[1])
local last = redis.call('HMGET', KEYS[2], 'number', 'ms', 'sequence')
local length = redis.call('XLEN', KEYS[1])
if last[1] then
  if tonumber(last[1]) == number then return {length, last[2], last[3]} end
  if tonumber(last[1]) > number then return redis.error_reply('STALE a later flush came first') end
end
local count = (#ARGV - 3) / 2
if length + count > tonumber(ARGV[2]) then return redis.error_reply('FULL the log has reached its bound') end
local function fields(i)
  if ARGV[i + 1] == '' then return 'body', ARGV[i] end
  return 'body', ARGV[i], 'note', ARGV[i + 1]
end
local first = redis.call('XADD', KEYS[1], '*', fields(4))
local ms, sequence = string.match(first, '^(%d+)-(%d+)$')
for k = 1, count - 1 do
  redis.call('XADD', KEYS[1], ms .. '-' .. string.format('%.0f', tonumber(sequence) + k), fields(4 + 2 * k))
end
redis.call('HSET', KEYS[2], 'number', ARGV[1], 'ms', ms, 'sequence', sequence)
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return {length + count, ms, sequence}
