-- Fast copies of events that no durable copy has followed.
-- KEYS[1] copies · ARGV: age (ms) that they have at least, most to read → {copy, time (ms), …}, the oldest first
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
return redis.call('ZRANGEBYSCORE', KEYS[1], '(0', string.format('%d', now - tonumber(ARGV[1])), 'WITHSCORES', 'LIMIT', 0, ARGV[2])
