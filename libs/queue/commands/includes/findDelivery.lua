--- @include "loadQueue"
--- @include "messageState"
-- The set in which the delivery that a receipt handle names is still going on: leased, or delayed for the handle a sender got
-- (delivery 0). nil when the delivery has ended: deleted, timed out, received again, or its message is past its retention.
local function findDelivery(queue, member, delivery)
  local set = queue.leased
  local visible = tonumber(redis.call('ZSCORE', set, member) or nil)
  if not visible then
    set = queue.delayed
    visible = tonumber(redis.call('ZSCORE', set, member) or nil)
  end
  if not visible or visible <= queue.now then return nil end
  local chunk, offset, field = locate(queue, (splitMember(member)))
  local state = redis.call('HGET', chunk, field)
  local number, count, first, expires = unpackDelivery(state)
  if number ~= delivery then return nil end
  expires = expires or expireTime(redis.call('HGET', chunk, offset))
  if expires <= queue.now then return nil end
  return {
    set = set, chunk = chunk, field = field, number = number, count = count, first = first, expires = expires,
    group = queue.fifo and groupOfDelivery(state) or nil,
  }
end
