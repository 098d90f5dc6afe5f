--- @include "../../queue/commands/includes/constants"
--- @include "../../queue/commands/includes/readNow"
--- @include "../../queue/commands/includes/removeMessage"
--- @include "../../queue/commands/includes/keptDeliveries"
--- @include "includes/loadPending"
-- Records what became of leased deliveries, each with its line of the attempt log. A lease that has run out still counts as long as
-- nobody else got the delivery: what was delivered is not delivered twice for being late.
-- KEYS[1] partition · ARGV: now, pending queue id, life of the attempt log (ms), last look ('' or "<epoch> <run>": when nothing
--   is due any more the queue is disarmed in the same step), then 5 per delivery: member, delivery number,
--   outcome (0 delivered, 1 retry, 2 failed, 3 returned, 4 gone: the subscription is disabled, the delivery waits),
--   not before (ms, for retry) or reason (for failed and gone), attempt ('' = none)
-- → per delivery OK | GONE; last element: time for which a timer must be added (0 = none is needed), '' when the queue was not disarmed
local DELIVERED, RETRY, FAILED, ENDPOINT_GONE = 0, 1, 2, 4
local HOUR = 3600000
local base = KEYS[1]
local queue = loadPending(base, ARGV[2], readNow(ARGV[1]))
local replies = {}

-- What is written in one command for all deliveries at the end.
local attempts, settled, dropped, leaving = {}, {}, {}, {}

local function logAttempts()
  if #attempts == 0 then return end
  local key = base .. ':al:' .. text(math.floor(queue.now / HOUR))
  redis.call('ZADD', key, unpack(attempts))
  if redis.call('PTTL', key) < 0 then redis.call('PEXPIRE', key, ARGV[3]) end
end

local function append(lists, key, ...)
  local list = lists[key] or {}
  lists[key] = list
  for _, value in ipairs({ ... }) do list[#list + 1] = value end
end

-- The body is not released where the subscription keeps what was delivered: that refers to it from now on.
local function finish(packed, attempts)
  if not packed then return end
  if not queue.keepsDelivered then return releaseBody(base, queue.topic, referredBody(packed)) end
  local store = deliveredOf(queue)
  local _, _, published = struct.unpack('>BBI6', packed)
  keep(store, referredBody(packed), published, attempts, '')
  visitBy(queue, queue.now + store.life)
end

local function settle(member, number, outcome, detail)
  if settled[member] then return GONE end
  local sequence, priority = splitMember(member)
  local chunk, offset, field = locate(queue, sequence)
  local entry = redis.call('HMGET', chunk, offset, field)
  local packed, current, count, first, expires = entry[1], unpackDelivery(entry[2])
  if current ~= number then return GONE end
  local set = redis.call('ZSCORE', queue.leased, member) and queue.leased
    or redis.call('ZSCORE', queue.ready, member) and queue.ready
  if not set then return GONE end
  settled[member] = true

  if outcome == RETRY or outcome == ENDPOINT_GONE then
    -- Retries carry priority 2: they never stand before a first attempt.
    redis.call('HSET', chunk, field, packDelivery(number, count + 1, first, expires))
    redis.call('ZADD', queue.delayed, outcome == RETRY and detail or text(queue.now), joinMember(sequence, 2))
    if outcome == ENDPOINT_GONE and not queue.stopped then stop(queue, 'disabled', detail) end
  elseif outcome == DELIVERED then
    finish(packed, count + 1)
    append(dropped, chunk, offset, field)
  elseif outcome == FAILED then
    redis.call('HINCRBY', queue.key, 'fl', 1)
    append(dropped, chunk, offset, field)
    if packed then giveUp(queue, packed, count + 1, detail, queue.deadLetterQueue) end
  else
    redis.call('ZADD', queue.ready, rank(sequence, priority), member)
    if set == queue.ready then return OK end
  end
  append(leaving, set, member)
  return OK
end

for at = 5, #ARGV, 5 do
  local reply = queue and settle(ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), ARGV[at + 3]) or GONE
  if reply == OK and ARGV[at + 4] ~= '' then
    attempts[#attempts + 1] = 0
    attempts[#attempts + 1] = ARGV[at + 4]
  end
  replies[#replies + 1] = reply
end
for chunk, fields in pairs(dropped) do redis.call('HDEL', chunk, unpack(fields)) end
for set, members in pairs(leaving) do redis.call('ZREM', set, unpack(members)) end
logAttempts()

local function isInCharge(run)
  return queue and queue.armed and queue.owner and run == queue.epoch .. ' ' .. queue.owner
end

if isInCharge(ARGV[4]) and not somethingDue(queue) then
  replies[#replies + 1] = text(disarm(queue))
else
  if queue then
    restIfEmpty(queue)
    if queue.armed then redis.call('ZADD', base .. ':armed', text(queue.now), queue.id) end
  end
  replies[#replies + 1] = ''
end
return replies
