--- @include "includes/constants"
--- @include "includes/readNow"
--- @include "includes/record"
--- @include "includes/discardQueue"
-- Deletes a queue with its messages; waiting polls look again and find it gone.
-- KEYS[1] partition · ARGV: now, account/name
-- → {OK} | {GONE} when there was none
local base, field = KEYS[1], ARGV[2]

local record = redis.call('HGET', base .. ':queues', field)
if not record then return { GONE } end
redis.call('HDEL', base .. ':queues', field)
redis.call('ZREM', base .. ':queue-names', field)
local queue = loadQueue(base, recordId(record), readNow(ARGV[1]))
if queue then discardQueue(queue) end
return { OK }
