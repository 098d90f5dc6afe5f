--- @deny-oom
--- @include "../../queue/commands/includes/constants"
--- @include "../../queue/commands/includes/readNow"
--- @include "../../queue/commands/includes/messageState"
--- @include "../../queue/commands/includes/marks"
--- @include "includes/loadPending"
-- Publishes to topics of one partition: each body is stored once, and one reference to it is appended to the pending queue of each
-- subscription that the caller found to match. The caller matched against version `v` of the topic; any change since answers STALE,
-- so either every matching subscription has the message or none.
-- KEYS[1] partition · ARGV: now, then per message: topic id, version, mark ('' = none), life of the mark (s), payload,
--   number of pending queues, then of each its id and retention (ms)
-- → per message {OK, now} | {STALE} | {DUPLICATE}; last element: {workers that were told, pending queue id, epoch, …} of those that now
--   need a drain. The hint leaves Redis when the publish is answered, so whoever acts on it finds what was stored.
local base, now = KEYS[1], readNow(ARGV[1])
local queues, touched, replies, wakeups = {}, {}, {}, {}
local bodies = {}

local function appendReference(id, body, at, retention)
  local queue = queues[id]
  if queue == nil then
    queue = loadPending(base, id, now)
    if not queue then return false end
    queues[id] = queue
    queue.chunks, queue.addReady, queue.firstExpiry = {}, {}, at + retention
    touched[#touched + 1] = queue
  end
  queue.sequence = queue.sequence + 1
  local chunk, offset = locate(queue, queue.sequence)
  local fields = queue.chunks[chunk] or {}
  queue.chunks[chunk] = fields
  fields[#fields + 1] = offset
  fields[#fields + 1] = packReference(1, at, at + retention, body)
  queue.addReady[#queue.addReady + 1] = rank(queue.sequence, 1)
  queue.addReady[#queue.addReady + 1] = joinMember(queue.sequence, 1)
  return true
end

local function publish(topicKey, state, at)
  local subscriptions = tonumber(ARGV[at + 5])
  local time = math.max(now, tonumber(state[3]) or 0)
  if subscriptions > 0 then
    local body = redis.call('HINCRBY', topicKey, 'n', 1)
    local chunk, offset = topicKey .. ':b:' .. text(math.floor(body / CHUNK)), text(body % CHUNK)
    local longest, referred = 0, 0
    for i = 1, subscriptions do
      local retention = tonumber(ARGV[at + 5 + 2 * i])
      if appendReference(ARGV[at + 4 + 2 * i], body, time, retention) then referred = referred + 1 end
      longest = math.max(longest, retention)
    end
    if referred > 0 then
      bodies[#bodies + 1] = { chunk, offset, packMessage(1, time, time + longest, ARGV[at + 4]), 'n' .. offset, referred }
      redis.call('HINCRBY', topicKey, 'mc', 1)
    end
  end
  redis.call('HSET', topicKey, 't', text(time))
  return { OK, text(time) }
end

local at = 2
while at <= #ARGV do
  local topicKey = base .. ':t:' .. ARGV[at]
  local state = redis.call('HMGET', topicKey, 'v', 'n', 't')
  if state[1] ~= ARGV[at + 1] then
    replies[#replies + 1] = { STALE }
  elseif ARGV[at + 2] ~= '' and alreadyMarked(base, ARGV[at + 2], tonumber(ARGV[at + 3]), now) then
    replies[#replies + 1] = { DUPLICATE }
  else
    replies[#replies + 1] = publish(topicKey, state, at)
  end
  at = at + 6 + 2 * tonumber(ARGV[at + 5])
end

for _, body in ipairs(bodies) do redis.call('HSET', unpack(body)) end
for _, queue in ipairs(touched) do
  for chunk, fields in pairs(queue.chunks) do redis.call('HSET', chunk, unpack(fields)) end
  redis.call('ZADD', queue.ready, unpack(queue.addReady))
  redis.call('HSET', queue.key, 'n', text(queue.sequence), 't', text(queue.now))
  visitBy(queue, queue.firstExpiry)
  if not queue.armed and not queue.stopped then
    wakeups[#wakeups + 1] = queue.id
    wakeups[#wakeups + 1] = arm(queue)
  end
end
local told = #wakeups > 0 and redis.call('PUBLISH', base .. ':drain', table.concat(wakeups, ' ')) or 0
table.insert(wakeups, 1, told)
replies[#replies + 1] = wakeups
return replies
