--- @deny-oom
--- @include "../../queue/commands/includes/constants"
--- @include "../../queue/commands/includes/readNow"
--- @include "../../queue/commands/includes/record"
--- @include "../../queue/commands/includes/number"
-- Adds a subscription and its pending queue to a topic unless it has one of that name.
-- KEYS[1] partition · ARGV: now, account/topic, subscription name, id of the new pending queue, attributes (JSON), most subscriptions,
--   dead-letter queue ('' = none), how long what was delivered is kept (ms, 0 = not at all)
-- → {OK, record} | {EXISTS, record that is there} | {GONE} no such topic | {AGAIN} the topic has as many as it may
local base, name, id = KEYS[1], ARGV[3], ARGV[4]

local topic = redis.call('HGET', base .. ':topics', ARGV[2])
if not topic then return { GONE } end
local key = base .. ':t:' .. recordId(topic)
local existing = redis.call('HGET', key .. ':s', name)
if existing then return { EXISTS, existing } end
if redis.call('HLEN', key .. ':s') >= tonumber(ARGV[6]) then return { AGAIN } end

local now = readNow(ARGV[1])
local record = packRecord(id, 1, now, now, ARGV[5])
redis.call('HSET', key .. ':s', name, record)
redis.call('HSET', base .. ':q:' .. id,
  'v', 1, 'n', 0, 't', text(now), 'lo', 1, 'm', 0, 'k', 's', 'tid', recordId(topic), 'sn', name, 'a', 0, 'e', 0)
if ARGV[7] ~= '' then redis.call('HSET', base .. ':q:' .. id, 'dq', ARGV[7]) end
if ARGV[8] ~= '0' then redis.call('HSET', base .. ':q:' .. id, 'kd', ARGV[8]) end
redis.call('HINCRBY', key, 'v', 1)
return { OK, record }
