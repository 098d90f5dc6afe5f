--- @include "../../queue/commands/includes/constants"
--- @include "../../queue/commands/includes/record"
-- Reads a topic with all its subscriptions, as of one moment.
-- KEYS[1] partition · ARGV: now (not used), account/name
-- → {OK, version, messages still owed, record, subscription name, subscription record, …} | {GONE}
local base = KEYS[1]
local record = redis.call('HGET', base .. ':topics', ARGV[2])
if not record then return { GONE } end
local key = base .. ':t:' .. recordId(record)
local state = redis.call('HMGET', key, 'v', 'mc')
return { OK, state[1], state[2], record, unpack(redis.call('HGETALL', key .. ':s')) }
