--- @include "../../../queue/commands/includes/loadQueue"
-- `ow` is "<epoch> <run>": what an earlier epoch left says nothing of this one.
local function ownerOf(stored, epoch)
  local start = (epoch or '0') .. ' '
  return stored and string.sub(stored, 1, #start) == start and string.sub(stored, #start + 1) or nil
end

-- A pending queue with its drain protocol (docs/delivery.md): armed, epoch, live timer, timer that fired last, timer that armed it, the
-- run in charge of the epoch ('h…' was told by a hint, 'j…' has a job; nil before the first has claimed it), and whether its subscription
-- is stopped: 'paused', 'disabled' or nil. A stopped one is never armed and has no timer.
local function loadPending(base, id, now)
  local queue = loadQueue(base, id, now)
  if not queue or not queue.pending then return nil end
  local drain = redis.call('HMGET', queue.key, 'a', 'e', 'tm', 'lt', 'ab', 'sn', 'ps', 'dq', 'ow', 'kd')
  queue.armed = drain[1] == '1'
  queue.epoch = tonumber(drain[2]) or 0
  queue.timer = tonumber(drain[3])
  queue.lastTimer = tonumber(drain[4]) or 0
  queue.armedBy = tonumber(drain[5])
  queue.subscription = drain[6]
  queue.stopped = drain[7] or nil
  queue.deadLetterQueue = drain[8] or nil
  queue.owner = ownerOf(drain[9], drain[2])
  queue.keepsDelivered = drain[10] and true or false
  return queue
end

-- A new epoch: drains of earlier ones end at their next look. `by` is the timer that arms, if one does.
local function arm(queue, by)
  queue.epoch = queue.epoch + 1
  queue.armed = true
  redis.call('HSET', queue.key, 'a', 1, 'e', queue.epoch, 'ab', by and text(by) or '')
  redis.call('ZADD', queue.base .. ':armed', text(queue.now), queue.id)
  return queue.epoch
end

local function clearTimer(queue)
  queue.timer = nil
  redis.call('HDEL', queue.key, 'tm')
  redis.call('ZREM', queue.base .. ':timers', queue.id)
end

-- No attempt is made until `resumeSubscription`. The drain under way finds at its next look that nothing is armed, and ends.
local function stop(queue, state, reason)
  queue.stopped, queue.armed = state, false
  redis.call('HSET', queue.key, 'ps', state, 'pw', reason, 'pt', text(queue.now), 'a', 0)
  redis.call('ZREM', queue.base .. ':armed', queue.id)
  clearTimer(queue)
end

-- → the time for which a timer job must be added, nil when an earlier one lives or nothing will become due.
-- A timer that has fired is never asked for again: its job may still exist and would swallow the new one.
local function setTimer(queue)
  local due = nextDue(queue)
  if not due then
    if queue.timer then clearTimer(queue) end
    return nil
  end
  if due <= queue.lastTimer then due = queue.lastTimer + 1 end
  if queue.timer and queue.timer <= due and queue.timer > queue.now then return nil end
  queue.timer = due
  redis.call('HSET', queue.key, 'tm', text(due))
  redis.call('ZADD', queue.base .. ':timers', text(due), queue.id)
  return due
end

-- A drain that has nothing in flight and found nothing due ends. → the time for which a timer must be added, 0 when none is needed
local function disarm(queue)
  redis.call('HSET', queue.key, 'a', 0)
  redis.call('ZREM', queue.base .. ':armed', queue.id)
  restIfEmpty(queue)
  return setTimer(queue) or 0
end

local function somethingDue(queue)
  if redis.call('EXISTS', queue.ready) == 1 then return true end
  local due = nextDue(queue)
  return due ~= nil and due <= queue.now
end
