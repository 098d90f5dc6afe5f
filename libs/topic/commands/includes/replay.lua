--- @include "../../../queue/commands/includes/keptDeliveries"
--- @include "loadPending"
-- The store that a replay is about: 'delivered', else what was given up.
local function storeOf(queue, outcome)
  if outcome == 'delivered' then return deliveredOf(queue) end
  return failedOf(queue)
end

-- A delivery that is kept is owed again, as if it had never been tried: behind what waits already, with its retention (ms) anew.
-- It takes over the reference to the body. → whether there was one
local function replayKept(store, id, retention)
  local queue, entry = store.queue, takeKept(store, id)
  if not entry then return false end
  local body, published = unpackKept(entry)
  queue.sequence = queue.sequence + 1
  local chunk, offset = locate(queue, queue.sequence)
  redis.call('HSET', chunk, offset, packReference(1, published, queue.now + retention, body))
  redis.call('ZADD', queue.ready, rank(queue.sequence, 1), joinMember(queue.sequence, 1))
  redis.call('HSET', queue.key, 'n', text(queue.sequence), 't', text(queue.now))
  visitBy(queue, queue.now + retention)
  return true
end

-- → epoch for which a drain must be added, 0 when one is under way or the subscription is stopped
local function wakeAfterReplay(queue)
  if queue.armed or queue.stopped then return 0 end
  return arm(queue)
end
