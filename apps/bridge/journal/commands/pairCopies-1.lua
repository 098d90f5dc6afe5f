-- Notes copies of events by the way they came. The two copies of an event cancel each other, whichever comes first: what stays has come
-- one way only.
-- KEYS[1] copies, a sorted set: score = time (ms) of a fast copy, minus the time of a durable one
-- ARGV: most copies to keep, life (ms) of a durable one, life (s) of all, then per copy: way ('f' or 'd'), copy
local key, most, life = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Where no fast copy comes, because it was refused or its target is not set up, there is nothing to wait for.
redis.call('ZREMRANGEBYSCORE', key, string.format('%d', life - now), '(0')
local room = most - redis.call('ZCARD', key)
for at = 4, #ARGV, 2 do
  local sign, copy = ARGV[at] == 'f' and 1 or -1, ARGV[at + 1]
  local score = redis.call('ZSCORE', key, copy)
  if score and tonumber(score) * sign < 0 then
    redis.call('ZREM', key, copy)
  elseif not score and room > 0 then
    redis.call('ZADD', key, string.format('%d', now * sign), copy)
    room = room - 1
  end
end
redis.call('EXPIRE', key, ARGV[3])
return 1
