--- @deny-oom
--- @include "../../queue/commands/includes/constants"
--- @include "../../queue/commands/includes/readNow"
--- @include "../../queue/commands/includes/record"
--- @include "../../queue/commands/includes/number"
-- Creates a topic unless one of that name exists.
-- KEYS[1] partition · ARGV: now, account/name, id, attributes (JSON)
-- → {OK, record} | {EXISTS, record of the topic that is there}
local base, field, id = KEYS[1], ARGV[2], ARGV[3]

local existing = redis.call('HGET', base .. ':topics', field)
if existing then return { EXISTS, existing } end

local now = readNow(ARGV[1])
local record = packRecord(id, 1, now, now, ARGV[4])
redis.call('HSET', base .. ':topics', field, record)
redis.call('ZADD', base .. ':topic-names', 0, field)
redis.call('HSET', base .. ':t:' .. id, 'v', 1, 'n', 0, 't', text(now), 'mc', 0, 'nm', field)
return { OK, record }
