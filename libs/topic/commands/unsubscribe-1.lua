--- @include "../../queue/commands/includes/constants"
--- @include "../../queue/commands/includes/readNow"
--- @include "../../queue/commands/includes/record"
--- @include "../../queue/commands/includes/discardQueue"
-- Removes a subscription and what it was still owed.
-- KEYS[1] partition · ARGV: now, account/topic, subscription name
-- → {OK} | {GONE, 0} no such topic | {GONE, 1} no such subscription
local base, name = KEYS[1], ARGV[3]

local topic = redis.call('HGET', base .. ':topics', ARGV[2])
if not topic then return { GONE, 0 } end
local key = base .. ':t:' .. recordId(topic)
local record = redis.call('HGET', key .. ':s', name)
if not record then return { GONE, 1 } end

local queue = loadQueue(base, recordId(record), readNow(ARGV[1]))
if queue then discardQueue(queue) end
redis.call('HDEL', key .. ':s', name)
redis.call('ZREM', base .. ':armed', recordId(record))
redis.call('ZREM', base .. ':timers', recordId(record))
redis.call('HINCRBY', key, 'v', 1)
return { OK }
