--- @include "../../queue/commands/includes/constants"
--- @include "../../queue/commands/includes/readNow"
--- @include "includes/loadPending"
-- Lets a stopped subscription go on. It is armed in any case: its drain finds what is due, and when the rest becomes due.
-- KEYS[1] partition · ARGV: now, pending queue id
-- → {OK, epoch for which a drain must be added (0 = it was not stopped)} | {GONE}
local queue = loadPending(KEYS[1], ARGV[2], readNow(ARGV[1]))
if not queue then return { GONE } end
if not queue.stopped then return { OK, 0 } end
redis.call('HDEL', queue.key, 'ps', 'pw', 'pt')
return { OK, arm(queue) }
