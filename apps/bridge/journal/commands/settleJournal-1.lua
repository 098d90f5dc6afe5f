--- @include "includes/noteStates"
--- @include "includes/inventory"
-- Removes entries that are done. What could not be handed over is parked, and what could not be read is kept for the operator, in
-- the same step. An entry that somebody else settled meanwhile is left alone, so nothing is parked twice.
-- KEYS[1] journal · ARGV: group, most unreadable bodies to keep, then per entry: id, unreadable body or '', number of parked
--   events, and for each of them: rule, event; number of states that are told now, and for each of them: id, day, mark; number of
--   changes of inventories, and for each of them: `source:bucket`, key, operation, time, data
-- → entries settled by this call
local journal, group = KEYS[1], ARGV[1]
local settled = 0
local at = 3
-- Most entries leave nothing behind and go together.
local plain = {}

while at <= #ARGV do
  local id, unreadable, count = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  at = at + 3
  local states = at + 2 * count
  local changes = states + 3 * tonumber(ARGV[states]) + 1
  local last = changes + 5 * tonumber(ARGV[changes])
  if unreadable == '' and count == 0 and changes == states + 1 and last == changes then
    plain[#plain + 1] = id
  elseif #redis.call('XRANGE', journal, id, id) == 1 then
    settled = settled + 1
    -- What stores comes first: a full Redis then refuses the step before the entry is gone.
    if unreadable ~= '' then
      redis.call('XADD', journal .. ':unreadable', 'MAXLEN', ARGV[2], '*', 'u', unreadable)
    end
    for row = at, at + 2 * count - 1, 2 do
      redis.call('SADD', journal .. ':parked', ARGV[row])
      redis.call('XADD', journal .. ':parked:' .. ARGV[row], '*', 'e', ARGV[row + 1])
    end
    for row = states + 1, changes - 1, 3 do noteState(journal, ARGV[row], ARGV[row + 1], ARGV[row + 2]) end
    for row = changes + 1, last, 5 do noteInventory(journal, ARGV[row], ARGV[row + 1], ARGV[row + 2], ARGV[row + 3], ARGV[row + 4]) end
    redis.pcall('XACK', journal, group, id)
    redis.call('XDEL', journal, id)
  end
  at = last + 1
end

if #plain > 0 then
  redis.pcall('XACK', journal, group, unpack(plain))
  settled = settled + redis.call('XDEL', journal, unpack(plain))
end
return settled
