--- @include "includes/constants"
--- @include "includes/readNow"
--- @include "includes/number"
--- @include "includes/record"
--- @include "includes/loadQueue"
-- Replaces the attributes of a queue that still has the version the caller read.
-- KEYS[1] partition · ARGV: now, account/name, id, version, attributes (JSON), MaxReceiveCount
-- → {OK} | {STALE}
local base = KEYS[1]
local field, id, expected, json, maxReceive = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6]

local record = redis.call('HGET', base .. ':queues', field)
if not record or recordId(record) ~= id then return { STALE } end
local version, created, modified = recordTimes(record)
if version ~= expected then return { STALE } end

local now = math.max(readNow(ARGV[1]), modified)
redis.call('HSET', base .. ':queues', field, packRecord(id, version + 1, created, now, json))
redis.call('HSET', base .. ':q:' .. id, 'v', version + 1, 'm', maxReceive)
-- Deliveries that are spent under the new policy must be noticed without a poll.
local queue = loadQueue(base, id, now)
if queue.maxReceive > 0 and redis.call('EXISTS', queue.leased) == 1 then visitBy(queue, now) end
return { OK }
