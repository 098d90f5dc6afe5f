--- @include "../../queue/commands/includes/constants"
--- @include "../../queue/commands/includes/readNow"
--- @include "includes/loadPending"
-- Finds pending queues whose wake-up was lost: armed but not seen at work for `stale` ms (the publisher died before it could add the
-- job, or the job was lost), or with a timer that should have fired.
-- KEYS[1] partition · ARGV: now, stale (ms), grace of timers (ms), at most
-- → {{id, epoch, …} to drain, {id, due, …} timers to add}
local base, now = KEYS[1], readNow(ARGV[1])
local stale, grace, most = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local wakeups, timers = {}, {}

local function wake(queue)
  wakeups[#wakeups + 1] = queue.id
  wakeups[#wakeups + 1] = arm(queue)
end

for _, id in ipairs(redis.call('ZRANGEBYSCORE', base .. ':armed', '-inf', text(now - stale), 'LIMIT', 0, most)) do
  local queue = loadPending(base, id, now)
  if queue and queue.armed then wake(queue) else redis.call('ZREM', base .. ':armed', id) end
end

for _, id in ipairs(redis.call('ZRANGEBYSCORE', base .. ':timers', '-inf', text(now - grace), 'LIMIT', 0, most)) do
  local queue = loadPending(base, id, now)
  if not queue or queue.armed or queue.stopped then
    redis.call('ZREM', base .. ':timers', id)
  else
    clearTimer(queue)
    if somethingDue(queue) then
      wake(queue)
    else
      local due = setTimer(queue)
      if due then
        timers[#timers + 1] = id
        timers[#timers + 1] = text(due)
      end
    end
  end
end
return { wakeups, timers }
