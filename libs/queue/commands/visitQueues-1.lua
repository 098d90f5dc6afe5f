--- @include "includes/constants"
--- @include "includes/readNow"
--- @include "includes/promoteDue"
--- @include "includes/removeMessage"
--- @include "includes/failedDeliveries"
-- Upkeep of the queues of one partition whose visit is due: removes expired messages, in order of arrival and STEPS at a time,
-- and brings deliveries that are used up to the outbox without waiting for a poll.
-- KEYS[1] partition · ARGV: now
-- → {next visit (0 = none), {ids of the queues visited that have something in their outbox},
--    {ids of the pending queues visited that have given up something and have a dead-letter queue}}
local STEPS, QUEUES = 256, 16
-- How soon dead letters are tried again whose target is missing, or whose mover died (ms).
local OUTBOX_RETRY = 10000
local base, now = KEYS[1], readNow(ARGV[1])
local withOutbox, deadLetters = {}, {}

-- Messages were stored in the order of their sequence numbers, so the first one that is still good ends the walk.
-- → expiry of that message, nil when the queue is empty, `now` when there is more to walk
local function removeExpired(queue)
  local sequence, expired, steps, released = queue.lowest, 0, 0, 0
  local nextExpiry
  while sequence <= queue.sequence do
    if steps == STEPS then
      nextExpiry = queue.now
      break
    end
    steps = steps + 1
    local chunk, offset = locate(queue, sequence)
    local packed = redis.call('HGET', chunk, offset)
    if packed then
      local expires = expireTime(packed)
      if expires > queue.now then
        nextExpiry = expires
        break
      end
      local _, priority = struct.unpack('>BB', packed)
      local member = memberOf(queue, sequence, priority)
      for _, set in ipairs({ queue.ready, queue.delayed, queue.leased, queue.outbox }) do redis.call('ZREM', set, member) end
      -- A retried delivery of a pending queue carries priority 2 in its member (settleDeliveries).
      if queue.pending then
        local retried = joinMember(sequence, 2)
        for _, set in ipairs({ queue.ready, queue.delayed, queue.leased }) do redis.call('ZREM', set, retried) end
      end
      if queue.fifo then released = released + leaveGroup(queue, groupOf(packed), sequence) end
      dropEntry(queue, sequence, packed)
      expired = expired + 1
      sequence = sequence + 1
    elseif redis.call('EXISTS', chunk) == 0 then
      sequence = (math.floor(sequence / CHUNK) + 1) * CHUNK
    else
      sequence = sequence + 1
    end
  end
  sequence = math.min(sequence, queue.sequence + 1)
  if sequence ~= queue.lowest then redis.call('HSET', queue.key, 'lo', text(sequence)) end
  countExpired(queue, expired)
  if released > 0 then wakeWaiters(queue, released, 0) end
  return nextExpiry
end

-- → when to look again
local function visitFailed(queue)
  local again = dropOldFailed(queue, STEPS)
  if not again or redis.call('HEXISTS', queue.key, 'dq') == 0 then return again end
  deadLetters[#deadLetters + 1] = queue.id
  return queue.now + OUTBOX_RETRY
end

local function visit(queue)
  local again = removeExpired(queue)
  if queue.maxReceive > 0 then
    queue.visit = nil
    local more = promoteSet(queue, queue.leased)
    local due = tonumber(redis.call('ZRANGE', queue.leased, 0, 0, 'WITHSCORES')[2])
    if more then due = queue.now end
    if due then again = math.min(again or due, due) end
    local ready = redis.call('ZCARD', queue.ready)
    if ready > 0 then wakeWaiters(queue, ready, 0) end
  end
  if redis.call('EXISTS', queue.outbox) == 1 then again = math.min(again or math.huge, queue.now + OUTBOX_RETRY) end
  local failed = queue.pending and visitFailed(queue)
  if failed then again = math.min(again or failed, failed) end
  queue.visit = nil
  if again then visitBy(queue, again) else cancelVisit(queue) end
end

for _, id in ipairs(redis.call('ZRANGEBYSCORE', base .. ':due', '-inf', text(now), 'LIMIT', 0, QUEUES)) do
  local queue = loadQueue(base, id, now)
  if queue then
    visit(queue)
    restIfEmpty(queue)
    if redis.call('EXISTS', queue.outbox) == 1 then withOutbox[#withOutbox + 1] = id end
  else
    redis.call('ZREM', base .. ':due', id)
  end
end
local head = redis.call('ZRANGE', base .. ':due', 0, 0, 'WITHSCORES')
return { head[2] or '0', withOutbox, deadLetters }
