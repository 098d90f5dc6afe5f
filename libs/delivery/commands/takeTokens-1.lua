--- @include "../../queue/commands/includes/number"
--- @include "../../queue/commands/includes/readNow"
-- Takes from a token bucket that all processes share.
-- KEYS[1] bucket · ARGV: now, burst, ms until one more token is there, how many are wanted
-- → {granted, ms until more are worth asking for (0 = all were granted)}
-- Who gets nothing waits for some tokens at a time where they come quickly.
local PORTION_MILLIS, TINY = 50, 0.000001
local now, burst, refill, wanted = readNow(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local state = redis.call('HMGET', KEYS[1], 'n', 't')
local tokens, time = tonumber(state[1]) or burst, tonumber(state[2]) or now
tokens = math.min(burst, tokens + math.max(0, now - time) / refill)
local granted = math.min(wanted, math.floor(tokens + TINY))
tokens = tokens - granted
if granted > 0 then
  redis.call('HSET', KEYS[1], 'n', string.format('%.6f', tokens), 't', text(math.max(now, time)))
  redis.call('PEXPIRE', KEYS[1], text(math.ceil(burst * refill) + 60000))
end
if granted == wanted then return { granted, 0 } end
local portion = math.min(wanted - granted, burst, math.max(1, PORTION_MILLIS / refill))
return { granted, math.max(1, math.ceil((portion - tokens) * refill - TINY)) }
