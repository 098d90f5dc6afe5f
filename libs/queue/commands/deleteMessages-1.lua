--- @include "includes/constants"
--- @include "includes/readNow"
--- @include "includes/findDelivery"
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
    redis.call('ZREM', delivery.set, member)
    dropEntry(queue, (splitMember(member)))
    replies[#replies + 1] = OK
  end
end
for _, queue in pairs(queues) do
  if queue then restIfEmpty(queue) end
end
return replies
