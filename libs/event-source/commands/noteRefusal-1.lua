-- Remembers the last post to a source that was refused. Names come from whoever posts, so their number is limited.
-- KEYS[1] refusals · ARGV: source, refusal, most sources, seconds without any after which all are forgotten
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
