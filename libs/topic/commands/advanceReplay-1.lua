--- @include "../../queue/commands/includes/constants"
--- @include "../../queue/commands/includes/readNow"
--- @include "includes/replay"
-- Makes the next deliveries of some replay of this partition, as many as its rate allows. It is one step: whoever dies leaves the rest
-- to the next one who comes by.
-- KEYS[1] partition · ARGV: now, how many at most
-- → {GONE} nothing is to be done now | {AGAIN} call again | {OK, pending queue id, epoch} a drain must be added, and call again
-- A replay that waited for upkeep makes up for so much time (ms) and no more.
local BURST = 20000
local ENDED_LIFE = 86400000
local base, now, most = KEYS[1], readNow(ARGV[1]), tonumber(ARGV[2])
local index = base .. ':replays'

local id = redis.call('ZRANGEBYSCORE', index, '-inf', text(now), 'LIMIT', 0, 1)[1]
if not id then return { GONE } end
local queue = loadPending(base, id, now)
local job = queue and queue.key .. ':j'
local fields = job and redis.call('HMGET', job, 'st', 're', 'fr', 'la', 'ra', 'to', 'mv', 'ti', 'oc') or {}
if fields[1] ~= 'running' then
  redis.call('ZREM', index, id)
  return { AGAIN }
end
local rate, left = tonumber(fields[5]), tonumber(fields[6]) - tonumber(fields[7])
local since = math.max(tonumber(fields[8]), queue.now - BURST)
local allowed = math.min(most, left, math.floor((queue.now - since) * rate / 1000))
if allowed < 1 and left > 0 then
  redis.call('ZADD', index, text(since + math.ceil(1000 / rate)), id)
  return { AGAIN }
end

local ids = {}
local store = storeOf(queue, fields[9])
if allowed > 0 then ids = redis.call('ZRANGEBYSCORE', store.index, fields[3], fields[4], 'LIMIT', 0, allowed) end
for _, kept in ipairs(ids) do replayKept(store, kept, tonumber(fields[2])) end
redis.call('HSET', job, 'ti', text(since + math.ceil(#ids * 1000 / rate)))
redis.call('HINCRBY', job, 'mv', #ids)
-- Fewer than there were at the start: some have been dropped, or went to a dead-letter queue.
if #ids == left or #ids < allowed then
  redis.call('HSET', job, 'st', 'completed', 'en', text(queue.now))
  redis.call('PEXPIRE', job, ENDED_LIFE)
  redis.call('ZREM', index, id)
end
local epoch = #ids > 0 and wakeAfterReplay(queue) or 0
if epoch == 0 then return { AGAIN } end
return { OK, id, epoch }
