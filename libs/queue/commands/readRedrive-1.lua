--- @include "includes/constants"
--- @include "includes/readNow"
--- @include "includes/loadQueue"
-- The redrive of a queue that is under way or has ended not long ago; with `cancel` one that is under way ends.
-- KEYS[1] partition · ARGV: now, queue id, version, cancel (0|1)
-- → {OK, state, target, messages per second, start, end (0 = none), total, moved, skipped, problem} | {STALE} | {GONE}
local ENDED_LIFE = 86400000
local queue = loadQueue(KEYS[1], ARGV[2], readNow(ARGV[1]))
if not queue or queue.version ~= ARGV[3] then return { STALE } end
local job = queue.key .. ':j'

if ARGV[4] == '1' and redis.call('HGET', job, 'st') == 'running' then
  redis.call('HSET', job, 'st', 'cancelled', 'en', text(queue.now))
  redis.call('PEXPIRE', job, ENDED_LIFE)
  redis.call('ZREM', queue.base .. ':redrives', queue.id)
end
local fields = redis.call('HMGET', job, 'st', 'tg', 'ra', 'at', 'en', 'to', 'mv', 'sk', 'pr')
if not fields[1] then return { GONE } end
return { OK, unpack(fields) }
