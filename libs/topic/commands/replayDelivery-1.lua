--- @include "../../queue/commands/includes/constants"
--- @include "../../queue/commands/includes/readNow"
--- @include "includes/replay"
-- Makes one delivery again that was given up, or was delivered and is kept.
-- KEYS[1] partition · ARGV: now, pending queue id, retention (ms), message id
-- → {OK, epoch for which a drain must be added, or 0} | {GONE} nothing of that message is kept
local queue = loadPending(KEYS[1], ARGV[2], readNow(ARGV[1]))
local function replay(store)
  return replayKept(store, ARGV[4], tonumber(ARGV[3]))
end
if not queue or not (replay(failedOf(queue)) or replay(deliveredOf(queue))) then return { GONE } end
return { OK, wakeAfterReplay(queue) }
