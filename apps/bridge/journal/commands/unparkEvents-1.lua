-- Removes parked events of a rule that were handed over; the last one takes the rule off the list of those that have any.
-- KEYS[1] journal · ARGV: rule, ids (none: all events of the rule)
-- → events removed
local journal, rule = KEYS[1], ARGV[1]
local key = journal .. ':parked:' .. rule

local removed
if #ARGV == 1 then
  removed = redis.call('XLEN', key)
  redis.call('UNLINK', key)
else
  removed = redis.call('XDEL', key, unpack(ARGV, 2))
end
if redis.call('XLEN', key) == 0 then
  redis.call('UNLINK', key)
  redis.call('SREM', journal .. ':parked', rule)
end
return removed
