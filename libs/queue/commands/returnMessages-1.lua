--- @include "includes/constants"
--- @include "includes/readNow"
--- @include "includes/findDelivery"
--- @include "includes/groups"
-- Takes back deliveries that never reached their client: visible at once, and not counted.
-- KEYS[1] partition · ARGV: now, queue id, then 2 per message: member, delivery number
-- → how many were taken back
local queue = loadQueue(KEYS[1], ARGV[2], readNow(ARGV[1]))
if not queue then return 0 end

local returned = 0
for at = 3, #ARGV, 2 do
  local member = ARGV[at]
  local delivery = findDelivery(queue, member, tonumber(ARGV[at + 1]))
  if delivery and delivery.set == queue.leased then
    local sequence, priority = splitMember(member)
    local count = delivery.count - 1
    redis.call('HSET', delivery.chunk, delivery.field,
      packDelivery(delivery.number, count, count > 0 and delivery.first or 0, delivery.expires, delivery.group))
    if delivery.group then
      enterGroup(queue, delivery.group, sequence)
    else
      redis.call('ZADD', queue.ready, rank(sequence, priority), member)
    end
    redis.call('ZREM', queue.leased, member)
    returned = returned + 1
  end
end
if returned > 0 then wakeWaiters(queue, returned, 0) end
return returned
