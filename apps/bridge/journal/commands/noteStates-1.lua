--- @include "includes/noteStates"
-- Marks states as told.
-- KEYS[1] journal · ARGV: per state: id, day, mark
-- → 1
for at = 1, #ARGV, 3 do noteState(KEYS[1], ARGV[at], ARGV[at + 1], ARGV[at + 2]) end
return 1
