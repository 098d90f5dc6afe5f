--- @include "../../../queue/commands/includes/failedDeliveries"
--- @include "loadPending"
-- A delivery that was given up is owed again, as if it had never been tried: behind what waits already, with its retention (ms) anew.
-- It takes over the reference to the body. → whether there was one
local function replayFailed(queue, id, retention)
  local entry = takeFailed(queue, id)
  if not entry then return false end
  local body, published = unpackFailed(entry)
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
