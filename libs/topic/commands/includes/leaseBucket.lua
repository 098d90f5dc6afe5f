--- @include "../../../queue/commands/includes/number"
-- The token bucket of a subscription whose options limit its attempts: `rb` is "<tokens> <when they were counted>". It lies in the pending
-- queue, so all workers share it and it costs no step of its own. It holds a tenth of a second's worth, at least one token, so any
-- second has at most the limit and a tenth.
local BURST, PORTION = 0.1, 0.05
-- What arithmetic loses.
local TINY = 0.000001

-- The limit in attempts a second, nil when there is none. Inside a text the name would stand with backslashes before its quotes.
local function rateLimit(record)
  return record and tonumber(string.match(record, '"maxPerSecond":(%d+)'))
end

local function openBucket(queue, limit)
  local stored = redis.call('HGET', queue.key, 'rb')
  local tokens, time = string.match(stored or '', '^(%S+) (%d+)$')
  local burst = math.max(1, limit * BURST)
  local filled = tokens and tonumber(tokens) + math.max(0, queue.now - tonumber(time)) * limit / 1000 or burst
  return { tokens = math.min(burst, filled), limit = limit }
end

local function takeTokens(queue, bucket, count)
  redis.call('HSET', queue.key, 'rb', string.format('%.6f ', bucket.tokens - count) .. text(queue.now))
end

-- Milliseconds until it is worth asking again: many tokens a second are taken some at a time.
local function waitOf(bucket)
  local portion = math.max(1, bucket.limit * PORTION)
  return math.max(1, math.ceil((portion - bucket.tokens) * 1000 / bucket.limit - TINY))
end
