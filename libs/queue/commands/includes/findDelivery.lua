--- @include "loadQueue"
--- @include "messageState"
-- The set in which the delivery that a receipt handle names is still going on: leased, or delayed for the handle a sender got
-- (delivery 0). nil when the delivery has ended: deleted, timed out or received again.
local function findDelivery(queue, member, delivery)
  local set = queue.leased
  local visible = tonumber(redis.call('ZSCORE', set, member) or nil)
  if not visible then
    set = queue.delayed
    visible = tonumber(redis.call('ZSCORE', set, member) or nil)
  end
  if not visible or visible <= queue.now then return nil end
  local chunk, _, field = locate(queue, (splitMember(member)))
  local number, count, first = unpackDelivery(redis.call('HGET', chunk, field))
  if number ~= delivery then return nil end
  return { set = set, chunk = chunk, field = field, number = number, count = count, first = first }
end
