--- @include "../../queue/commands/includes/constants"
--- @include "../../queue/commands/includes/readNow"
--- @include "../../queue/commands/includes/removeMessage"
--- @include "../../queue/commands/includes/failedDeliveries"
--- @include "includes/loadPending"
-- Records what became of leased deliveries, each with its line of the attempt log. A lease that has run out still counts as long as
-- nobody else got the delivery: what was delivered is not delivered twice for being late.
-- KEYS[1] partition · ARGV: now, pending queue id, life of the attempt log (ms), then 5 per delivery: member, delivery number,
--   outcome (0 delivered, 1 retry, 2 failed, 3 returned, 4 gone: the subscription is disabled, the delivery waits),
--   not before (ms, for retry) or reason (for failed and gone), attempt ('' = none)
-- → per delivery OK | GONE
local DELIVERED, RETRY, FAILED, ENDPOINT_GONE = 0, 1, 2, 4
local HOUR = 3600000
local base = KEYS[1]
local queue = loadPending(base, ARGV[2], readNow(ARGV[1]))
local replies = {}

local function logAttempt(attempt)
  local key = base .. ':al:' .. text(math.floor(queue.now / HOUR))
  redis.call('ZADD', key, 0, attempt)
  if redis.call('PTTL', key) < 0 then redis.call('PEXPIRE', key, ARGV[3]) end
end

-- The body is not released: what was given up refers to it from now on.
local function giveUp(chunk, offset, field, attempts, reason)
  local packed = redis.call('HGET', chunk, offset)
  redis.call('HDEL', chunk, offset, field)
  if not packed then return end
  local _, _, published = struct.unpack('>BBI6', packed)
  keepFailed(queue, referredBody(packed), published, attempts, reason)
  visitBy(queue, queue.deadLetterQueue and queue.now or queue.now + FAILED_LIFE)
end

local function settle(member, number, outcome, detail)
  local sequence, priority = splitMember(member)
  local chunk, offset, field = locate(queue, sequence)
  local current, attempts, first, expires = unpackDelivery(redis.call('HGET', chunk, field))
  if current ~= number then return GONE end
  local set = queue.leased
  if not redis.call('ZSCORE', set, member) then set = queue.ready end
  if not redis.call('ZSCORE', set, member) then return GONE end

  if outcome == RETRY or outcome == ENDPOINT_GONE then
    -- Retries carry priority 2: they never stand before a first attempt.
    redis.call('HSET', chunk, field, packDelivery(number, attempts + 1, first, expires))
    redis.call('ZADD', queue.delayed, outcome == RETRY and detail or text(queue.now), joinMember(sequence, 2))
    if outcome == ENDPOINT_GONE and not queue.stopped then stop(queue, 'disabled', detail) end
  elseif outcome == DELIVERED then
    dropEntry(queue, sequence)
  elseif outcome == FAILED then
    redis.call('HINCRBY', queue.key, 'fl', 1)
    giveUp(chunk, offset, field, attempts + 1, detail)
  else
    redis.call('ZADD', queue.ready, rank(sequence, priority), member)
    if set == queue.ready then return OK end
  end
  redis.call('ZREM', set, member)
  return OK
end

for at = 4, #ARGV, 5 do
  local reply = queue and settle(ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), ARGV[at + 3]) or GONE
  if reply == OK and ARGV[at + 4] ~= '' then logAttempt(ARGV[at + 4]) end
  replies[#replies + 1] = reply
end
if queue then
  restIfEmpty(queue)
  if queue.armed then redis.call('ZADD', base .. ':armed', text(queue.now), queue.id) end
end
return replies
