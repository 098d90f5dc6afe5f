--- @include "../../queue/commands/includes/constants"
--- @include "../../queue/commands/includes/readNow"
--- @include "../../queue/commands/includes/throttledJob"
--- @include "includes/replay"
-- Makes the next deliveries of some replay of this partition, as many as its rate allows. It is one step: whoever dies leaves the rest
-- to the next one who comes by.
-- KEYS[1] partition · ARGV: now, how many at most
-- → {GONE} nothing is to be done now | {AGAIN} call again | {OK, pending queue id, epoch} a drain must be added, and call again
local base, now, most = KEYS[1], readNow(ARGV[1]), tonumber(ARGV[2])
local index = base .. ':replays'

local id = nextJob(index, now)
if not id then return { GONE } end
local queue = loadPending(base, id, now)
local fields = runningJob(queue, index, id, 're', 'fr', 'la', 'ra', 'to', 'mv', 'ti', 'oc')
if not fields then return { AGAIN } end
local job = queue.key .. ':j'
local retention, from, last, outcome = tonumber(fields[1]), fields[2], fields[3], fields[8]
local rate, left = tonumber(fields[4]), tonumber(fields[5]) - tonumber(fields[6])
local allowed, since = allowance(queue, rate, tonumber(fields[7]))
allowed = math.min(most, left, allowed)
if allowed < 1 and left > 0 then
  redis.call('ZADD', index, text(since + math.ceil(1000 / rate)), id)
  return { AGAIN }
end

local ids = {}
local store = storeOf(queue, outcome)
if allowed > 0 then ids = redis.call('ZRANGEBYSCORE', store.index, from, last, 'LIMIT', 0, allowed) end
for _, kept in ipairs(ids) do replayKept(store, kept, retention) end
redis.call('HSET', job, 'ti', text(since + math.ceil(#ids * 1000 / rate)))
redis.call('HINCRBY', job, 'mv', #ids)
-- Fewer than there were at the start: some have been dropped, or went to a dead-letter queue.
if #ids == left or #ids < allowed then
  endJob(queue, index, 'completed')
end
local epoch = #ids > 0 and wakeAfterReplay(queue) or 0
if epoch == 0 then return { AGAIN } end
return { OK, id, epoch }
