--- @include "../../queue/commands/includes/constants"
--- @include "../../queue/commands/includes/readNow"
--- @include "includes/loadPending"
-- A timer job asks whether it shall drain. Rerun after a crash it gets the answer it got before.
-- KEYS[1] partition · ARGV: now, pending queue id, time of the timer (ms)
-- → the epoch to drain with | 0 nothing to do
-- Clocks of processes differ a little: a timer up to EARLY milliseconds too soon drains all the same and then sets the next one.
local EARLY = 1000
local queue = loadPending(KEYS[1], ARGV[2], readNow(ARGV[1]))
local due = tonumber(ARGV[3])
if not queue then return 0 end
if queue.armed then return queue.armedBy == due and queue.epoch or 0 end

redis.call('HSET', queue.key, 'lt', text(math.max(due, queue.lastTimer)))
if queue.timer == due then clearTimer(queue) end
if queue.stopped then return 0 end
local head = nextDue(queue)
if somethingDue(queue) or (head and head <= queue.now + EARLY) then return arm(queue, due) end
return 0
