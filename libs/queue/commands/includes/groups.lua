--- @include "loadQueue"
-- Message groups of a FIFO queue. Of each group that has messages which are neither delayed nor on their way to the dead-letter queue,
-- exactly one, the holder, is in `ready` or `leased`; `Q:g` names it, and the others wait in `Q:w`, where the members of a group stand
-- together in order of arrival. A lease thus locks its group by itself, and `ready` holds nothing that a receive may not take.

local function groupsKey(queue)
  return queue.key .. ':g'
end

local function waitingKey(queue)
  return queue.key .. ':w'
end

local function groupPrefix(group)
  return struct.pack('>I2', #group) .. group
end

local function waitingMember(group, sequence)
  return groupPrefix(group) .. struct.pack('>I6', sequence)
end

-- → sequence number of the first message of a group that waits, nil when none does
local function firstWaiting(queue, group)
  local prefix = groupPrefix(group)
  local first = redis.call('ZRANGEBYLEX', waitingKey(queue), '[' .. prefix, '(' .. prefix .. string.rep('\255', 7), 'LIMIT', 0, 1)[1]
  return first and (struct.unpack('>I6', first, #prefix + 1))
end

local function holdGroup(queue, group, sequence)
  redis.call('HSET', groupsKey(queue), group, text(sequence))
  redis.call('ZADD', queue.ready, rank(sequence, FIFO_PRIORITY), joinMember(sequence, FIFO_PRIORITY))
end

-- A message that is neither delayed nor leased any more takes its place in its group; of those that are there the oldest comes first.
-- → how many messages became ready: 0 or 1
local function enterGroup(queue, group, sequence)
  local holder = tonumber(redis.call('HGET', groupsKey(queue), group) or nil)
  if holder == sequence then
    local first = firstWaiting(queue, group)
    if first and first < sequence then
      redis.call('ZADD', waitingKey(queue), 0, waitingMember(group, sequence))
      redis.call('ZREM', waitingKey(queue), waitingMember(group, first))
      sequence = first
    end
  elseif holder then
    local member = joinMember(holder, FIFO_PRIORITY)
    if sequence > holder or not redis.call('ZSCORE', queue.ready, member) then
      redis.call('ZADD', waitingKey(queue), 0, waitingMember(group, sequence))
      return 0
    end
    redis.call('ZADD', waitingKey(queue), 0, waitingMember(group, holder))
    redis.call('ZREM', queue.ready, member)
  end
  holdGroup(queue, group, sequence)
  return 1
end

-- A message has left its group, wherever it stood; the caller takes it out of `ready` or `leased`.
-- → how many messages became ready: 0 or 1
local function leaveGroup(queue, group, sequence)
  if tonumber(redis.call('HGET', groupsKey(queue), group) or nil) ~= sequence then
    redis.call('ZREM', waitingKey(queue), waitingMember(group, sequence))
    return 0
  end
  local first = firstWaiting(queue, group)
  if not first then
    redis.call('HDEL', groupsKey(queue), group)
    return 0
  end
  holdGroup(queue, group, first)
  redis.call('ZREM', waitingKey(queue), waitingMember(group, first))
  return 1
end
