--- @deny-oom
--- @include "includes/constants"
--- @include "includes/readNow"
--- @include "includes/loadQueue"
--- @include "includes/messageState"
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
    touched[#touched + 1] = queue
  end
  local priority, delay, retention = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local enqueued = ARGV[at + 5] ~= '' and tonumber(ARGV[at + 5]) or queue.now
  queue.sequence = queue.sequence + 1
  local sequence = queue.sequence
  local member, visible = joinMember(sequence, priority), queue.now + delay
  local chunk, offset = locate(queue, sequence)
  local fields = queue.chunks[chunk] or {}
  queue.chunks[chunk] = fields
  fields[#fields + 1] = offset
  fields[#fields + 1] = packMessage(priority, enqueued, enqueued + retention, ARGV[at + 8])
  local set = delay > 0 and queue.addDelayed or queue.addReady
  set[#set + 1] = delay > 0 and text(visible) or rank(sequence, priority)
  set[#set + 1] = member
  queue.firstExpiry = math.min(queue.firstExpiry, enqueued + retention)
  if delay > 0 then queue.firstDue = math.min(queue.firstDue, visible) end
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
  if #queue.addDelayed > 0 then redis.call('ZADD', queue.delayed, unpack(queue.addDelayed)) end
  redis.call('HSET', queue.key, 'n', text(queue.sequence), 't', text(queue.now))
  visitBy(queue, queue.firstExpiry)
  wakeWaiters(queue, #queue.addReady / 2, queue.firstDue < math.huge and queue.firstDue or 0)
end
return replies
