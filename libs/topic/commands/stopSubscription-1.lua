--- @include "../../queue/commands/includes/constants"
--- @include "../../queue/commands/includes/readNow"
--- @include "includes/loadPending"
-- Ends all attempts for a subscription; what it is owed stays. One that is stopped already stays as it is.
-- KEYS[1] partition · ARGV: now, pending queue id, state, reason
-- → OK | GONE
local queue = loadPending(KEYS[1], ARGV[2], readNow(ARGV[1]))
if not queue then return GONE end
if not queue.stopped then stop(queue, ARGV[3], ARGV[4]) end
return OK
