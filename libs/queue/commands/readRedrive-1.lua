--- @include "includes/constants"
--- @include "includes/readNow"
--- @include "includes/loadQueue"
--- @include "includes/throttledJob"
-- The redrive of a queue that is under way or has ended not long ago; with `cancel` one that is under way ends.
-- KEYS[1] partition · ARGV: now, queue id, version, cancel (0|1)
-- → {OK, state, target, messages per second, start, end (0 = none), total, moved, skipped, problem} | {STALE} | {GONE}
local queue = loadQueue(KEYS[1], ARGV[2], readNow(ARGV[1]))
if not queue or queue.version ~= ARGV[3] then return { STALE } end

if ARGV[4] == '1' then cancelJob(queue, queue.base .. ':redrives') end
local fields = redis.call('HMGET', queue.key .. ':j', 'st', 'tg', 'ra', 'at', 'en', 'to', 'mv', 'sk', 'pr')
if not fields[1] then return { GONE } end
return { OK, unpack(fields) }
