--- @include "../../queue/commands/includes/constants"
--- @include "../../queue/commands/includes/readNow"
--- @include "includes/loadPending"
-- Which of the drains that workers were told of have not ended and are in no job's care. Writes nothing.
-- KEYS[1] partition · ARGV: now, then per drain: pending queue id, epoch
-- → per drain 1 it needs a job | 0
local now = readNow(ARGV[1])
local replies = {}
for at = 2, #ARGV, 2 do
  local queue = loadPending(KEYS[1], ARGV[at], now)
  local open = queue and queue.armed and queue.epoch == tonumber(ARGV[at + 1])
  replies[#replies + 1] = open and string.sub(queue.owner or '', 1, 1) ~= 'j' and 1 or 0
end
return replies
