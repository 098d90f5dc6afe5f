--- @include "../../queue/commands/includes/constants"
--- @include "../../queue/commands/includes/readNow"
--- @include "includes/loadPending"
--- @include "../../queue/commands/includes/throttledJob"
-- The replay of a subscription that is under way or has ended not long ago; with `cancel` one that is under way ends.
-- KEYS[1] partition · ARGV: now, pending queue id, cancel (0|1)
-- → {OK, state, from, to, deliveries per second, start, end (0 = none), total, replayed, outcome} | {GONE}
local queue = loadPending(KEYS[1], ARGV[2], readNow(ARGV[1]))
if not queue then return { GONE } end

if ARGV[3] == '1' then cancelJob(queue, queue.base .. ':replays') end
local fields = redis.call('HMGET', queue.key .. ':j', 'st', 'fr', 'la', 'ra', 'at', 'en', 'to', 'mv', 'oc')
if not fields[1] then return { GONE } end
if not fields[9] then fields[9] = 'failed' end
return { OK, unpack(fields) }
