--- @include "../../queue/commands/includes/constants"
--- @include "../../queue/commands/includes/readNow"
--- @include "../../queue/commands/includes/keptDeliveries"
--- @include "includes/loadPending"
-- What a subscription has given up, oldest first, for its dead-letter queue.
-- KEYS[1] partition · ARGV: now, pending queue id, how many
-- → {account/topic, subscription name, dead-letter queue, {message id, attempts, reason, packed body}…}
--   {} when the subscription is gone or has no dead-letter queue
local queue = loadPending(KEYS[1], ARGV[2], readNow(ARGV[1]))
local topicKey = queue and queue.base .. ':t:' .. queue.topic
local name = queue and redis.call('HGET', topicKey, 'nm')
if not name or not queue.deadLetterQueue then return {} end
local rows = {}
for _, id in ipairs(redis.call('ZRANGE', queue.failed, 0, tonumber(ARGV[3]) - 1)) do
  local body, _, attempts, reason = unpackKept(redis.call('HGET', queue.key .. ':fd', id))
  local stored = redis.call('HGET', topicKey .. ':b:' .. text(math.floor(body / CHUNK)), text(body % CHUNK))
  rows[#rows + 1] = { id, attempts, reason, stored or '' }
end
return { name, queue.subscription, queue.deadLetterQueue, unpack(rows) }
