--- @include "includes/constants"
--- @include "includes/readNow"
--- @include "includes/removeMessage"
-- Forgets messages that have arrived in the dead-letter queue.
-- KEYS[1] partition · ARGV: now, queue id, members…
-- → how many were forgotten
local queue = loadQueue(KEYS[1], ARGV[2], readNow(ARGV[1]))
if not queue then return 0 end
local dropped = 0
for at = 3, #ARGV do
  if redis.call('ZREM', queue.outbox, ARGV[at]) == 1 then
    dropEntry(queue, (splitMember(ARGV[at])))
    dropped = dropped + 1
  end
end
restIfEmpty(queue)
return dropped
