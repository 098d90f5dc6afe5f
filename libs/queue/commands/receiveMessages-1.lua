--- @include "includes/constants"
--- @include "includes/readNow"
--- @include "includes/takeReady"
-- Leases ready messages of queues of one partition.
-- KEYS[1] partition · ARGV: now, then 5 per request: queue id, version, how many, visibility timeout (ms), wait (ms, 0 = no waiting)
-- → per request {OK, now, more (0|1), next due (0 = nothing), messages…}, each message being
--     {member, delivery number, dequeue count, first dequeue time, packed} | {STALE} | {AGAIN}
-- A request that finds nothing and wants to wait is registered in the same step, so that no send can slip in between unnoticed.
local base, now = KEYS[1], readNow(ARGV[1])
local replies = {}

local function describe(member, packed, number, count, first)
  return { member, number, count, text(first), packed }
end

-- The registration outlives the wait a little and is then not written again by each poll of a busy consumer.
local WAIT_SLACK = 5000

local function registerWaiter(queue, wait)
  local deadline = queue.now + wait
  if wait > 0 and queue.waitedUntil < deadline then
    redis.call('HSET', queue.key, 'w', text(deadline + WAIT_SLACK))
  end
end

local function receive(queue, count, visibility, wait)
  local more = promoteDue(queue)
  local taken, budgetUsed = takeReady(queue, count, queue.now + visibility, true, describe)
  if #taken == 0 and (more or budgetUsed) then return { AGAIN } end
  if #taken > 0 then
    redis.call('HSET', queue.key, 't', text(queue.now))
    if queue.maxReceive > 0 then visitBy(queue, queue.now + visibility) end
    more = more or redis.call('EXISTS', queue.ready) == 1
  else
    registerWaiter(queue, wait)
  end
  local due = #taken == 0 and nextDue(queue) or 0
  return { OK, text(queue.now), more and 1 or 0, text(due or 0), unpack(taken) }
end

for at = 2, #ARGV, 5 do
  -- Loaded for each request: an earlier one of the same call may have changed it.
  local queue = loadQueue(base, ARGV[at], now)
  if not queue or queue.version ~= ARGV[at + 1] then
    replies[#replies + 1] = { STALE }
  else
    replies[#replies + 1] = receive(queue, tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]))
  end
end
return replies
