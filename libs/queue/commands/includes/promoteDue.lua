--- @include "loadQueue"
--- @include "messageState"
--- @include "groups"
--- @include "outbox"
-- → members that are spent
local function promoteGrouped(queue, due)
  local spent = {}
  for _, member in ipairs(due) do
    local sequence = splitMember(member)
    local chunk, _, field = locate(queue, sequence)
    local state = redis.call('HGET', chunk, field)
    local _, count = unpackDelivery(state)
    local group = state and groupOfDelivery(state) or ''
    if queue.maxReceive > 0 and count >= queue.maxReceive then
      spent[#spent + 1] = member
      leaveGroup(queue, group, sequence)
    else
      enterGroup(queue, group, sequence)
    end
  end
  return spent
end

local function promoteUngrouped(queue, due)
  local ready, spent = {}, {}
  for _, member in ipairs(due) do
    local sequence, priority = splitMember(member)
    local isSpent = false
    if queue.maxReceive > 0 then
      local chunk, _, delivery = locate(queue, sequence)
      local _, count = unpackDelivery(redis.call('HGET', chunk, delivery))
      isSpent = count >= queue.maxReceive
    end
    if isSpent then
      spent[#spent + 1] = member
    else
      ready[#ready + 1] = rank(sequence, priority)
      ready[#ready + 1] = member
    end
  end
  if #ready > 0 then redis.call('ZADD', queue.ready, unpack(ready)) end
  return spent
end

-- Moves what has become due from delayed and leased to ready, at most PROMOTE_LIMIT of each. A message that has used up its
-- deliveries goes to the outbox instead. → true when more is due.
local function promoteSet(queue, set)
  local due = redis.call('ZRANGEBYSCORE', set, '-inf', text(queue.now), 'LIMIT', 0, PROMOTE_LIMIT)
  if #due == 0 then return false end
  local spent = queue.fifo and promoteGrouped(queue, due) or promoteUngrouped(queue, due)
  enterOutbox(queue, spent)
  redis.call('ZREM', set, unpack(due))
  return #due == PROMOTE_LIMIT
end

local function promoteDue(queue)
  local moreLeased = promoteSet(queue, queue.leased)
  local moreDelayed = promoteSet(queue, queue.delayed)
  return moreLeased or moreDelayed
end
