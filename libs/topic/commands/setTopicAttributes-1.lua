--- @include "../../queue/commands/includes/constants"
--- @include "../../queue/commands/includes/readNow"
--- @include "../../queue/commands/includes/record"
-- Replaces the attributes of a topic that still has the version the caller read.
-- KEYS[1] partition · ARGV: now, account/name, id, version of the record, attributes (JSON)
-- → {OK} | {STALE}
local base, field = KEYS[1], ARGV[2]

local record = redis.call('HGET', base .. ':topics', field)
if not record or recordId(record) ~= ARGV[3] then return { STALE } end
local version, created, modified = recordTimes(record)
if version ~= tonumber(ARGV[4]) then return { STALE } end

local now = math.max(readNow(ARGV[1]), modified)
redis.call('HSET', base .. ':topics', field, packRecord(ARGV[3], version + 1, created, now, ARGV[5]))
redis.call('HINCRBY', base .. ':t:' .. ARGV[3], 'v', 1)
return { OK }
