--- @include "../../queue/commands/includes/constants"
--- @include "../../queue/commands/includes/readNow"
--- @include "includes/replay"
-- Makes one delivery that was given up again.
-- KEYS[1] partition · ARGV: now, pending queue id, retention (ms), message id
-- → {OK, epoch for which a drain must be added, or 0} | {GONE} nothing of that message was given up, or it is kept no longer
local queue = loadPending(KEYS[1], ARGV[2], readNow(ARGV[1]))
if not queue or not replayFailed(queue, ARGV[4], tonumber(ARGV[3])) then return { GONE } end
return { OK, wakeAfterReplay(queue) }
