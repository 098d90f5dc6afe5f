--- @include "promoteDue"
--- @include "removeMessage"
-- Leases up to `count` ready messages until `until_`. Messages past their retention are removed, messages that have used up their
-- deliveries go to the outbox; at most TAKE_BUDGET entries are looked at.
-- `describe(member, packed, number, deliveries, first)` makes the reply of one message; nil when its body is gone, which removes it.
-- → replies, true when the budget was used up before `count` was reached
local TAKE_BUDGET = 128

local function takeReady(queue, count, until_, countsOnLease, describe)
  local taken, leased, states, gone, spent, expired, looked = {}, {}, {}, {}, {}, 0, 0
  while #taken < count and looked < TAKE_BUDGET do
    local members = redis.call('ZRANGE', queue.ready, looked, looked + count - #taken - 1)
    if #members == 0 then break end
    for _, member in ipairs(members) do
      looked = looked + 1
      local sequence = splitMember(member)
      local chunk, offset, field = locate(queue, sequence)
      local entry = redis.call('HMGET', chunk, offset, field)
      local packed, number, deliveries, first = entry[1], unpackDelivery(entry[2])
      if not packed then
        gone[#gone + 1] = member
      elseif expireTime(packed) <= queue.now then
        gone[#gone + 1] = member
        expired = expired + 1
        dropEntry(queue, sequence, packed)
      elseif queue.maxReceive > 0 and deliveries >= queue.maxReceive then
        gone[#gone + 1] = member
        spent[#spent + 1] = text(queue.now)
        spent[#spent + 1] = member
      else
        if countsOnLease then deliveries = deliveries + 1 end
        if first == 0 then first = queue.now end
        local reply = describe(member, packed, number + 1, deliveries, first)
        if reply then
          leased[#leased + 1] = text(until_)
          leased[#leased + 1] = member
          states[#states + 1] = { chunk, field, packDelivery(number + 1, deliveries, first, expireTime(packed)) }
          taken[#taken + 1] = reply
        else
          gone[#gone + 1] = member
          redis.call('HDEL', chunk, offset, field)
        end
      end
    end
  end
  for _, state in ipairs(states) do redis.call('HSET', state[1], state[2], state[3]) end
  if #leased > 0 then
    redis.call('ZADD', queue.leased, unpack(leased))
    for i = 2, #leased, 2 do gone[#gone + 1] = leased[i] end
  end
  if #spent > 0 then
    redis.call('ZADD', queue.outbox, unpack(spent))
    visitBy(queue, queue.now)
  end
  if #gone > 0 then redis.call('ZREM', queue.ready, unpack(gone)) end
  countExpired(queue, expired)
  return taken, #taken < count and looked >= TAKE_BUDGET
end
