--- @deny-oom
--- @include "includes/constants"
--- @include "includes/readNow"
--- @include "includes/loadQueue"
--- @include "includes/messageState"
--- @include "includes/groups"
--- @include "includes/marks"
-- Appends messages to queues of one partition.
-- KEYS[1] partition · ARGV: now, then 9 per message: queue id, version, priority, delay (ms), retention (ms),
--   enqueue time (ms, '' = now; a dead letter keeps its own), mark ('' = none), life of the mark (s), payload
-- → per message {OK, member, now, visible at} | {STALE} | {DUPLICATE}
-- All writes of a queue are collected and made at the end; the first one is refused by a full Redis before anything changed.
local base, now = KEYS[1], readNow(ARGV[1])
local queues, touched, replies = {}, {}, {}

local function queueOf(id)
  local queue = queues[id]
  if queue == nil then
    queue = loadQueue(base, id, now) or false
    queues[id] = queue
  end
  return queue
end

local function append(queue, at)
  if not queue.chunks then
    queue.chunks, queue.addReady, queue.addDelayed, queue.firstExpiry, queue.firstDue = {}, {}, {}, math.huge, math.huge
    queue.entering = {}
    touched[#touched + 1] = queue
  end
  local priority, delay, retention = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local enqueued = ARGV[at + 5] ~= '' and tonumber(ARGV[at + 5]) or queue.now
  queue.sequence = queue.sequence + 1
  local sequence = queue.sequence
  local member, visible = memberOf(queue, sequence, priority), queue.now + delay
  local chunk, offset, stateField = locate(queue, sequence)
  local fields = queue.chunks[chunk] or {}
  queue.chunks[chunk] = fields
  fields[#fields + 1] = offset
  local packed = packMessage(priority, enqueued, enqueued + retention, ARGV[at + 8])
  fields[#fields + 1] = packed
  if delay > 0 then
    queue.addDelayed[#queue.addDelayed + 1] = text(visible)
    queue.addDelayed[#queue.addDelayed + 1] = member
    queue.firstDue = math.min(queue.firstDue, visible)
    if queue.fifo then
      fields[#fields + 1] = stateField
      fields[#fields + 1] = packDelivery(0, 0, 0, enqueued + retention, groupOf(packed))
    end
  elseif queue.fifo then
    queue.entering[#queue.entering + 1] = { groupOf(packed), sequence }
  else
    queue.addReady[#queue.addReady + 1] = rank(sequence, priority)
    queue.addReady[#queue.addReady + 1] = member
  end
  queue.firstExpiry = math.min(queue.firstExpiry, enqueued + retention)
  return { OK, member, text(queue.now), text(visible) }
end

for at = 2, #ARGV, 9 do
  local queue, mark = queueOf(ARGV[at]), ARGV[at + 6]
  if not queue or queue.version ~= ARGV[at + 1] then
    replies[#replies + 1] = { STALE }
  elseif mark ~= '' and alreadyMarked(base, mark, tonumber(ARGV[at + 7]), now) then
    replies[#replies + 1] = { DUPLICATE }
  else
    replies[#replies + 1] = append(queue, at)
  end
end

for _, queue in ipairs(touched) do
  for chunk, fields in pairs(queue.chunks) do redis.call('HSET', chunk, unpack(fields)) end
  if #queue.addReady > 0 then redis.call('ZADD', queue.ready, unpack(queue.addReady)) end
  local available = #queue.addReady / 2
  for _, entry in ipairs(queue.entering) do available = available + enterGroup(queue, entry[1], entry[2]) end
  if #queue.addDelayed > 0 then redis.call('ZADD', queue.delayed, unpack(queue.addDelayed)) end
  redis.call('HSET', queue.key, 'n', text(queue.sequence), 't', text(queue.now))
  visitBy(queue, queue.firstExpiry)
  wakeWaiters(queue, available, queue.firstDue < math.huge and queue.firstDue or 0)
end
return replies
