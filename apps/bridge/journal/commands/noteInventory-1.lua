--- @include "includes/inventory"
-- Keeps inventories up to date.
-- KEYS[1] journal · ARGV: per change: `source:bucket`, key, operation, time (µs), data
-- → 1
for at = 1, #ARGV, 5 do noteInventory(KEYS[1], ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]) end
return 1
