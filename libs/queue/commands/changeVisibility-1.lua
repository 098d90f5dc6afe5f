--- @include "includes/constants"
--- @include "includes/readNow"
--- @include "includes/findDelivery"
-- Sets when a received (or delayed) message becomes visible; counted from now.
-- KEYS[1] partition · ARGV: now, queue id, member, delivery number, visibility timeout (ms)
-- → {OK, next visible time} | {STALE} | {GONE}
local queue = loadQueue(KEYS[1], ARGV[2], readNow(ARGV[1]))
if not queue then return { STALE } end
local member = ARGV[3]
local delivery = findDelivery(queue, member, tonumber(ARGV[4]))
if not delivery then return { GONE } end

local visible = queue.now + tonumber(ARGV[5])
-- The lock of a group ends with its message.
local until_ = delivery.group and delivery.set == queue.leased and math.min(visible, delivery.expires) or visible
redis.call('ZADD', delivery.set, text(until_), member)
if queue.maxReceive > 0 then visitBy(queue, visible) end
wakeWaiters(queue, 0, visible)
return { OK, text(visible) }
