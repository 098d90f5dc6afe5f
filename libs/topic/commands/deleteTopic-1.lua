--- @include "../../queue/commands/includes/constants"
--- @include "../../queue/commands/includes/readNow"
--- @include "../../queue/commands/includes/record"
--- @include "../../queue/commands/includes/discardQueue"
-- Deletes a topic, its subscriptions and what they were still owed.
-- KEYS[1] partition · ARGV: now, account/name
-- → {OK} | {GONE} when there was none
local base, field = KEYS[1], ARGV[2]

local record = redis.call('HGET', base .. ':topics', field)
if not record then return { GONE } end
local now, key = readNow(ARGV[1]), base .. ':t:' .. recordId(record)
for _, subscription in ipairs(redis.call('HVALS', key .. ':s')) do
  local queue = loadQueue(base, recordId(subscription), now)
  if queue then discardQueue(queue) end
  redis.call('ZREM', base .. ':armed', recordId(subscription))
  redis.call('ZREM', base .. ':timers', recordId(subscription))
end
redis.call('HDEL', base .. ':topics', field)
redis.call('ZREM', base .. ':topic-names', field)
redis.call('UNLINK', key, key .. ':s')
return { OK }
