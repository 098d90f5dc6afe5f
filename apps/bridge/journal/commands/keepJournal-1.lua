--- @include "includes/readEntries"
-- What every bridge does every few seconds: take entries that nobody took or whose taker has not finished them in time (it was
-- killed), and see how full the journal is. With nothing to do it costs a handful of cheap commands.
-- KEYS[1] journal · ARGV: group, consumer, most entries to take, idle time (ms) after which an entry is taken over, where the last
--   search for such entries ended, life (ms) of the keeper's lease (0: no lease wanted; -1: give it back), idle time (ms) after
--   which an empty consumer is forgotten (0: no search for those)
-- → {keeper (1 or 0), entries in the journal, id of the oldest or '', where the search ended, {entry, …}, {rule, parked events, id of the oldest, …}}
local journal, group, consumer = KEYS[1], ARGV[1], ARGV[2]
local most, cursor, lease = tonumber(ARGV[3]), ARGV[5], tonumber(ARGV[6])
local length = redis.call('XLEN', journal)

local entries, bytes, oldest = {}, 0, ''
if length > 0 then
  entries, bytes = readEntries(journal, group, consumer, most)
  while #entries < most and bytes < BYTES do
    local found = redis.call('XAUTOCLAIM', journal, group, consumer, ARGV[4], cursor, 'COUNT', math.min(STEP, most - #entries))
    cursor = found[1]
    bytes = bytes + addEntries(entries, found[2])
    if cursor == '0-0' then break end
  end
  oldest = redis.call('XRANGE', journal, '-', '+', 'COUNT', 1)[1][1]
end

local keeper = 0
if lease ~= 0 then
  local holder = redis.call('GET', journal .. ':keeper')
  if lease < 0 then
    if holder == consumer then redis.call('DEL', journal .. ':keeper') end
  elseif not holder or holder == consumer then
    redis.call('SET', journal .. ':keeper', consumer, 'PX', lease)
    keeper = 1
  end
end

local parked = {}
for _, rule in ipairs(redis.call('SMEMBERS', journal .. ':parked')) do
  local key = journal .. ':parked:' .. rule
  local first = redis.call('XRANGE', key, '-', '+', 'COUNT', 1)[1]
  parked[#parked + 1] = rule
  parked[#parked + 1] = redis.call('XLEN', key)
  parked[#parked + 1] = first and first[1] or ''
end

if tonumber(ARGV[7]) > 0 then
  local consumers = redis.pcall('XINFO', 'CONSUMERS', journal, group)
  for _, info in ipairs(consumers.err and {} or consumers) do
    local name, pending, idle = info[2], info[4], info[6]
    if pending == 0 and idle > tonumber(ARGV[7]) then redis.call('XGROUP', 'DELCONSUMER', journal, group, name) end
  end
end

return { keeper, length, oldest, cursor, entries, parked }
