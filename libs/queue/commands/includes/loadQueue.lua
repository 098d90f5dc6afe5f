--- @include "constants"
--- @include "number"
-- The state of a queue as a script works on it: key names, counters as numbers, the time that holds for this queue.
-- nil when there is no such queue. Key names of message groups are made in groups.lua, because other queues have none.
local function loadQueue(base, id, now)
  local key = base .. ':q:' .. id
  local state = redis.call('HMGET', key, 'v', 'n', 't', 'w', 'x', 'm', 'lo', 'k', 'tid', 'f')
  if not state[1] then return nil end
  return {
    id = id,
    key = key,
    base = base,
    version = state[1],
    sequence = tonumber(state[2]) or 0,
    now = math.max(now, tonumber(state[3]) or 0),
    waitedUntil = tonumber(state[4]) or 0,
    visit = tonumber(state[5]),
    maxReceive = tonumber(state[6]) or 0,
    lowest = tonumber(state[7]) or 1,
    pending = state[8] == 's',
    topic = state[9],
    fifo = state[10] == '1',
    ready = key .. ':r',
    delayed = key .. ':d',
    leased = key .. ':l',
    outbox = key .. ':o',
    failed = key .. ':f',
    delivered = key .. ':k',
  }
end

-- member → sequence number, priority (1..16)
local function splitMember(member)
  local number = tonumber(member)
  return math.floor(number / 16), number % 16 + 1
end

local function joinMember(sequence, priority)
  return text(sequence * 16 + priority - 1)
end

-- FIFO queues order by arrival alone: all their members have this priority, whatever the message says.
local FIFO_PRIORITY = 1

local function memberOf(queue, sequence, priority)
  return joinMember(sequence, queue.fifo and FIFO_PRIORITY or priority)
end

-- Where a message lies: the key of its chunk, the field of its body, the field of its delivery state.
local function locate(queue, sequence)
  local offset = text(sequence % CHUNK)
  return queue.key .. ':c:' .. text(math.floor(sequence / CHUNK)), offset, 'd' .. offset
end

local function rank(sequence, priority)
  return text(priority * RANK + sequence)
end

-- Lets upkeep look at the queue at `time` at the latest.
local function visitBy(queue, time)
  if queue.visit and queue.visit <= time then return end
  queue.visit = time
  redis.call('ZADD', queue.base .. ':due', text(time), queue.id)
  redis.call('HSET', queue.key, 'x', text(time))
end

local function cancelVisit(queue)
  queue.visit = nil
  redis.call('ZREM', queue.base .. ':due', queue.id)
  redis.call('HDEL', queue.key, 'x')
end

-- A queue that has just become empty needs no upkeep: it leaves the due index, and its walk for expired messages starts behind
-- everything that was ever sent.
local function restIfEmpty(queue)
  if not queue.visit then return end
  if redis.call('EXISTS', queue.ready, queue.leased, queue.delayed, queue.outbox, queue.failed, queue.delivered) > 0 then return end
  cancelVisit(queue)
  redis.call('HSET', queue.key, 'lo', text(queue.sequence + 1))
end

-- Tells the processes that hold waiting polls of this queue: so many became available, the next is due then (0: unknown).
local function wakeWaiters(queue, available, due)
  if queue.waitedUntil > queue.now then
    redis.call('PUBLISH', queue.base .. ':wake', queue.id .. ' ' .. available .. ' ' .. text(due or 0))
  end
end

-- The earliest time at which a delayed or leased message becomes ready; nil when there is none.
local function nextDue(queue)
  local delayed = redis.call('ZRANGE', queue.delayed, 0, 0, 'WITHSCORES')
  local leased = redis.call('ZRANGE', queue.leased, 0, 0, 'WITHSCORES')
  local one, other = tonumber(delayed[2]), tonumber(leased[2])
  if one and other then return math.min(one, other) end
  return one or other
end
