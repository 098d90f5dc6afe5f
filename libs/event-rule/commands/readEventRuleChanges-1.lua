-- The rules that changed after a version, as they are now: one moment, never a mixture of two.
-- KEYS[1] rules · ARGV: version, changes that are remembered
-- → {version, field, JSON ('' when it was deleted), …}, or {version, false} when too much has changed since
local rules, since, remembered = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])

local version = tonumber(redis.call('GET', rules .. ':version') or '0')
if since < version - remembered or since > version then return {version, false} end
-- Whoever raised the version without saying why may have changed anything.
local newest = redis.call('ZRANGE', rules .. ':changes', -1, -1, 'WITHSCORES')[2]
if since < version and tonumber(newest or '0') ~= version then return {version, false} end
local reply = {version}
for _, field in ipairs(redis.call('ZRANGEBYSCORE', rules .. ':changes', '(' .. since, '+inf')) do
  reply[#reply + 1] = field
  reply[#reply + 1] = redis.call('HGET', rules, field) or ''
end
return reply
