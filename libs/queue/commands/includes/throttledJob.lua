--- @include "loadQueue"
-- A job of a queue that upkeep carries out no faster than its rate: hash `Q:j` with state (`st`), deliveries or messages a second (`ra`),
-- time up to which the rate has been used (`ti`), end (`en`), and what the kind of job needs beside. An index of the partition says of
-- each queue with a running job when it may go on.
-- A job that waited for upkeep makes up for so much time (ms) and no more.
local JOB_BURST = 20000
local ENDED_LIFE = 86400000

-- → id of a queue whose job may go on, nil when there is none
local function nextJob(index, now)
  return redis.call('ZRANGEBYSCORE', index, '-inf', text(now), 'LIMIT', 0, 1)[1]
end

-- → the values of these fields of a running job; nil when it has ended or its queue is gone, and then it leaves the index
local function runningJob(queue, index, id, ...)
  if queue and redis.call('HGET', queue.key .. ':j', 'st') == 'running' then return redis.call('HMGET', queue.key .. ':j', ...) end
  redis.call('ZREM', index, id)
  return nil
end

-- → how many may go now, time up to which the rate counts as used so far
local function allowance(queue, rate, used)
  local since = math.max(used, queue.now - JOB_BURST)
  return math.floor((queue.now - since) * rate / 1000), since
end

local function endJob(queue, index, state)
  local job = queue.key .. ':j'
  redis.call('HSET', job, 'st', state, 'en', text(queue.now))
  redis.call('PEXPIRE', job, ENDED_LIFE)
  redis.call('ZREM', index, queue.id)
end

local function cancelJob(queue, index)
  if redis.call('HGET', queue.key .. ':j', 'st') == 'running' then endJob(queue, index, 'cancelled') end
end
