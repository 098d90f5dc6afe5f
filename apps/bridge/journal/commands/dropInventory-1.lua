--- @include "includes/inventory"
-- Removes a part of an inventory. What comes meanwhile is not kept.
-- KEYS[1] journal · ARGV: `source:bucket`, most chunks to remove
-- → 1 when nothing is left, else 0
local base = inventoryKey(KEYS[1], ARGV[1])
redis.call('DEL', base .. ':meta')
local popped = redis.call('ZPOPMIN', base, ARGV[2])
for at = 1, #popped, 2 do
  redis.call('UNLINK', base .. ':' .. string.sub(popped[at], string.find(popped[at], '\0', 1, true) + 1))
end
return 1 - redis.call('EXISTS', base)
