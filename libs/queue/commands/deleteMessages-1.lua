--- @include "includes/constants"
--- @include "includes/readNow"
--- @include "includes/findDelivery"
--- @include "includes/groups"
--- @include "includes/removeMessage"
-- Deletes messages by the delivery that their receipt handles name.
-- KEYS[1] partition · ARGV: now, then 3 per message: queue id, member, delivery number
-- → per message OK | STALE (no such queue) | GONE (the delivery has ended)
local base, now = KEYS[1], readNow(ARGV[1])
local queues, replies = {}, {}

for at = 2, #ARGV, 3 do
  local id, member = ARGV[at], ARGV[at + 1]
  if queues[id] == nil then queues[id] = loadQueue(base, id, now) or false end
  local queue = queues[id]
  local delivery = queue and findDelivery(queue, member, tonumber(ARGV[at + 2]))
  if not queue then
    replies[#replies + 1] = STALE
  elseif not delivery then
    replies[#replies + 1] = GONE
  else
    local sequence = splitMember(member)
    redis.call('ZREM', delivery.set, member)
    if delivery.group then queue.released = (queue.released or 0) + leaveGroup(queue, delivery.group, sequence) end
    dropEntry(queue, sequence)
    replies[#replies + 1] = OK
  end
end
for _, queue in pairs(queues) do
  if queue then restIfEmpty(queue) end
  if queue and queue.released and queue.released > 0 then wakeWaiters(queue, queue.released, 0) end
end
return replies
