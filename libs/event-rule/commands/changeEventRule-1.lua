-- Puts or deletes a rule, raises the version and notes which rule it was.
-- KEYS[1] rules · ARGV: field, JSON (empty: delete), changes that are remembered
-- → {what there was ('' when nothing), version after it}; nothing happens when the rule is there as it should be
local rules, field, json, remembered = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])

local before = redis.call('HGET', rules, field) or ''
if before == json then return {before, tonumber(redis.call('GET', rules .. ':version') or '0')} end
if json == '' then
  redis.call('HDEL', rules, field)
  redis.call('ZREM', rules .. ':names', field)
  redis.call('HDEL', rules .. ':status', field)
else
  redis.call('HSET', rules, field, json)
  redis.call('ZADD', rules .. ':names', 0, field)
end
local version = redis.call('INCR', rules .. ':version')
redis.call('ZADD', rules .. ':changes', version, field)
redis.call('ZREMRANGEBYSCORE', rules .. ':changes', '-inf', version - remembered)
return {before, version}
