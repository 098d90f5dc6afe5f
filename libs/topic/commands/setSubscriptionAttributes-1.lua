--- @include "../../queue/commands/includes/constants"
--- @include "../../queue/commands/includes/readNow"
--- @include "../../queue/commands/includes/record"
--- @include "includes/loadPending"
-- Replaces the attributes of a subscription that still has the version the caller read.
-- KEYS[1] partition · ARGV: now, account/topic, subscription name, pending queue id, version of the record, attributes (JSON),
--   dead-letter queue ('' = none), how long what was delivered is kept (ms, 0 = not at all)
-- → {OK} | {STALE}
local base, name, id = KEYS[1], ARGV[3], ARGV[4]

local topic = redis.call('HGET', base .. ':topics', ARGV[2])
if not topic then return { STALE } end
local key = base .. ':t:' .. recordId(topic)
local record = redis.call('HGET', key .. ':s', name)
if not record or recordId(record) ~= id then return { STALE } end
local version, created, modified = recordTimes(record)
if version ~= tonumber(ARGV[5]) then return { STALE } end

local now = math.max(readNow(ARGV[1]), modified)
redis.call('HSET', key .. ':s', name, packRecord(id, version + 1, created, now, ARGV[6]))
redis.call('HINCRBY', key, 'v', 1)
local queue = loadPending(base, id, now)
if not queue then return { OK } end
-- Copies of options that scripts decide by.
local function setOption(field, value, absent)
  if value == absent then redis.call('HDEL', queue.key, field) else redis.call('HSET', queue.key, field, value) end
end
setOption('dq', ARGV[7], '')
setOption('kd', ARGV[8], '0')
-- What was given up before goes to the dead-letter queue, too, and what was delivered before is kept as long as is said now.
if redis.call('EXISTS', queue.failed, queue.delivered) > 0 then visitBy(queue, queue.now) end
return { OK }
