--- @include "promoteDue"
--- @include "removeMessage"
-- Leases up to `count` ready messages until `until_`. Messages past their retention are removed, messages that have used up their
-- deliveries go to the outbox; at most TAKE_BUDGET entries are looked at.
-- In a FIFO queue one message is looked at after the other: a head that cannot be taken leaves at once, and the next of its group comes
-- into `ready` behind it, never before what was taken. A lease ends with the message's retention, and the lock of the group with it.
-- `expire(queue, sequence, packed)` ends what is past its retention; removed when there is none.
-- `describe(member, packed, number, deliveries, first)` makes the reply of one message; nil when its body is gone, which removes it.
-- → replies, true when the budget was used up before `count` was reached
local TAKE_BUDGET = 128

local function takeReady(queue, count, until_, countsOnLease, describe, expire)
  local taken, leased, states, gone, spent, expired, looked = {}, {}, {}, {}, {}, 0, 0

  local function leave(member, sequence, packed)
    if not queue.fifo then
      gone[#gone + 1] = member
    else
      redis.call('ZREM', queue.ready, member)
      leaveGroup(queue, packed and groupOf(packed) or '', sequence)
    end
  end

  while #taken < count and looked < TAKE_BUDGET do
    local from, to = looked, looked + count - #taken - 1
    if queue.fifo then from, to = #taken, #taken end
    local members = redis.call('ZRANGE', queue.ready, from, to)
    if #members == 0 then break end
    for _, member in ipairs(members) do
      looked = looked + 1
      local sequence = splitMember(member)
      local chunk, offset, field = locate(queue, sequence)
      local entry = redis.call('HMGET', chunk, offset, field)
      local packed, number, deliveries, first = entry[1], unpackDelivery(entry[2])
      if not packed then
        leave(member, sequence)
      elseif expireTime(packed) <= queue.now then
        leave(member, sequence, packed)
        expired = expired + 1
        local remove = expire or dropEntry
        remove(queue, sequence, packed)
      elseif queue.maxReceive > 0 and deliveries >= queue.maxReceive then
        leave(member, sequence, packed)
        spent[#spent + 1] = member
      else
        if countsOnLease then deliveries = deliveries + 1 end
        if first == 0 then first = queue.now end
        local reply = describe(member, packed, number + 1, deliveries, first)
        if reply then
          local expires, group = expireTime(packed), queue.fifo and groupOf(packed) or nil
          leased[#leased + 1] = text(group and math.min(until_, expires) or until_)
          leased[#leased + 1] = member
          local fields = states[chunk] or {}
          states[chunk] = fields
          fields[#fields + 1] = field
          fields[#fields + 1] = packDelivery(number + 1, deliveries, first, expires, group)
          taken[#taken + 1] = reply
        else
          gone[#gone + 1] = member
          redis.call('HDEL', chunk, offset, field)
        end
      end
    end
  end
  for chunk, fields in pairs(states) do redis.call('HSET', chunk, unpack(fields)) end
  if #leased > 0 then
    redis.call('ZADD', queue.leased, unpack(leased))
    for i = 2, #leased, 2 do gone[#gone + 1] = leased[i] end
  end
  enterOutbox(queue, spent)
  if #gone > 0 then redis.call('ZREM', queue.ready, unpack(gone)) end
  countExpired(queue, expired)
  return taken, #taken < count and looked >= TAKE_BUDGET
end
