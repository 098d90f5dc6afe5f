--- @deny-oom
--- @include "includes/constants"
--- @include "includes/readNow"
--- @include "includes/number"
--- @include "includes/record"
-- Creates a queue unless one of that name exists.
-- KEYS[1] partition · ARGV: now, account/name, id, attributes (JSON), MaxReceiveCount (0 = no dead-letter policy), FIFO (0|1)
-- → {OK, record} | {EXISTS, record of the queue that is there}
local base = KEYS[1]
local field, id, json, maxReceive = ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local existing = redis.call('HGET', base .. ':queues', field)
if existing then return { EXISTS, existing } end

local now = readNow(ARGV[1])
local record = packRecord(id, 1, now, now, json)
redis.call('HSET', base .. ':queues', field, record)
redis.call('ZADD', base .. ':queue-names', 0, field)
redis.call('HSET', base .. ':q:' .. id, 'v', 1, 'n', 0, 't', text(now), 'lo', 1, 'm', maxReceive, 'nm', field)
if ARGV[6] == '1' then redis.call('HSET', base .. ':q:' .. id, 'f', 1) end
return { OK, record }
