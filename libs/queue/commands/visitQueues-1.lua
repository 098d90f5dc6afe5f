--- @include "includes/constants"
--- @include "includes/readNow"
--- @include "includes/promoteDue"
--- @include "includes/removeMessage"
--- @include "includes/expireDelivery"
-- Upkeep of the queues of one partition whose visit is due: removes expired messages, in order of arrival and STEPS at a time,
-- and brings deliveries that are used up to the outbox without waiting for a poll.
-- KEYS[1] partition · ARGV: now
-- → {next visit (0 = none), {ids of the queues visited that have something in their outbox},
--    {ids of the pending queues visited that have given up something and have a dead-letter queue},
--    how many of the queues visited have added to the attempt log}
local STEPS, QUEUES = 256, 16
-- How soon dead letters are tried again whose target is missing, or whose mover died (ms).
local OUTBOX_RETRY = 10000
local base, now = KEYS[1], readNow(ARGV[1])
local withOutbox, deadLetters, logged = {}, {}, 0

-- → end of the lease of an attempt under way: it may still end well and is waited for
local function inFlightUntil(queue, sequence)
  for priority = 1, 2 do
    local leased = tonumber(redis.call('ZSCORE', queue.leased, joinMember(sequence, priority)) or nil)
    if leased and leased > queue.now then return leased end
  end
end

-- Messages were stored in the order of their sequence numbers, so the first one that is still good ends the walk.
-- → expiry of that message, nil when the queue is empty, `now` when there is more to walk
local function removeExpired(queue)
  local sequence, expired, steps, released = queue.lowest, 0, 0, 0
  local nextExpiry
  while sequence <= queue.sequence do
    if steps >= STEPS then
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
      nextExpiry = queue.pending and inFlightUntil(queue, sequence) or nil
      if nextExpiry then break end
      local _, priority = struct.unpack('>BB', packed)
      local member = memberOf(queue, sequence, priority)
      for _, set in ipairs({ queue.ready, queue.delayed, queue.leased, queue.outbox }) do redis.call('ZREM', set, member) end
      -- A retried delivery of a pending queue carries priority 2 in its member (settleDeliveries).
      if queue.pending then
        local retried = joinMember(sequence, 2)
        for _, set in ipairs({ queue.ready, queue.delayed, queue.leased }) do redis.call('ZREM', set, retried) end
      end
      if queue.fifo then released = released + leaveGroup(queue, groupOf(packed), sequence) end
      if queue.pending then
        expireDelivery(queue, sequence, packed)
        -- It costs more than to remove a message.
        steps = steps + 1
      else
        dropEntry(queue, sequence, packed)
      end
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
local function visitKept(queue)
  if redis.call('HDEL', queue.key, 'lg') == 1 then logged = logged + 1 end
  local delivered = dropOldKept(deliveredOf(queue), STEPS)
  local failed = dropOldKept(failedOf(queue), STEPS)
  if failed and redis.call('HEXISTS', queue.key, 'dq') == 1 then
    deadLetters[#deadLetters + 1] = queue.id
    failed = queue.now + OUTBOX_RETRY
  end
  return delivered and failed and math.min(delivered, failed) or delivered or failed
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
  local kept = queue.pending and visitKept(queue)
  if kept then again = math.min(again or kept, kept) end
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
return { head[2] or '0', withOutbox, deadLetters, logged }
