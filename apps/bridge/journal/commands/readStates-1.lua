--- @include "includes/noteStates"
-- Who told states.
-- KEYS[1] journal · ARGV: per state: id, day
-- → {mark or '', …}
local marks = {}
for at = 1, #ARGV, 2 do
  marks[#marks + 1] = redis.call('HGET', statesKey(KEYS[1], ARGV[at], ARGV[at + 1]), ARGV[at]) or ''
end
return marks
