--- @include "../../queue/commands/includes/constants"
--- @include "../../queue/commands/includes/readNow"
--- @include "../../queue/commands/includes/keptDeliveries"
--- @include "includes/loadPending"
-- Forgets deliveries that were given up and have arrived in the dead-letter queue.
-- KEYS[1] partition · ARGV: now, pending queue id, message ids…
-- → how many were forgotten
local queue = loadPending(KEYS[1], ARGV[2], readNow(ARGV[1]))
local forgotten = 0
for at = 3, queue and #ARGV or 0 do
  if forgetKept(failedOf(queue), ARGV[at]) then forgotten = forgotten + 1 end
end
if queue then restIfEmpty(queue) end
return forgotten
