-- Stores a program under the next version, for good, if nobody else stored one since the caller looked.
-- KEYS    1 the app's programs (a hash: version to JSON; `newest`)
-- ARGV    1 the newest version that the caller knows   2 JSON   3 channel
-- Returns the new version, or nil if there is a newer one than the caller knows.
local newest = redis.call('HGET', KEYS[1], 'newest') or '0'
if newest ~= ARGV[1] then return false end
local version = string.format('%.0f', newest + 1)
redis.call('HSET', KEYS[1], 'newest', version, version, ARGV[2])
redis.call('PUBLISH', ARGV[3], version)
return tonumber(version)
