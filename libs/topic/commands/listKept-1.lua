--- @include "../../queue/commands/includes/constants"
--- @include "../../queue/commands/includes/readNow"
--- @include "includes/replay"
-- One page of what a subscription has given up, or keeps of what was delivered, the latest first.
-- KEYS[1] partition · ARGV: now, pending queue id, outcome ('failed' or 'delivered'), from (ms), to (ms), how many,
--   then of the last entry of the page before: its time ('' = first page), its message id
-- → {OK, {message id, time, time of publishing, attempts, reason, bytes, tag}…} | {GONE}
local queue = loadPending(KEYS[1], ARGV[2], readNow(ARGV[1]))
if not queue then return { GONE } end
local store = storeOf(queue, ARGV[3])
local from, most, time, last = tonumber(ARGV[4]), tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8]

-- How many entries stand behind the page before, counted from the oldest. Entries of the same time stand in the order of their ids, and
-- the last one of that page may be gone meanwhile: its place is found by halving.
local function countBehind()
  local count = redis.call('ZCOUNT', store.index, '-inf', time and '(' .. text(time) or ARGV[5])
  if not time then return count end
  local low, high = count, count + redis.call('ZCOUNT', store.index, text(time), text(time))
  while low < high do
    local middle = math.floor((low + high) / 2)
    if redis.call('ZRANGE', store.index, middle, middle)[1] < last then low = middle + 1 else high = middle end
  end
  return low
end

local behind = countBehind()
local rows = { OK }
if behind == 0 then return rows end
local found = redis.call('ZRANGE', store.index, math.max(behind - most, 0), behind - 1, 'WITHSCORES')
for i = #found - 1, 1, -2 do
  local id, when = found[i], tonumber(found[i + 1])
  if when < from then break end
  local entry = redis.call('HGET', store.entries, id)
  if entry then
    local body, published, attempts, reason, bytes = unpackKept(entry)
    local stored = redis.call('HGET', queue.base .. ':t:' .. queue.topic .. ':b:' .. text(math.floor(body / CHUNK)), text(body % CHUNK))
    rows[#rows + 1] = { id, text(when), text(published), attempts, reason, bytes, stored and tagOf(stored) or '' }
  end
end
return rows
