--- @include "includes/constants"
--- @include "includes/readNow"
--- @include "includes/loadQueue"
-- The messages of a queue that wait to be moved to its dead-letter queue, oldest first, with whose they are.
-- KEYS[1] partition · ARGV: now, queue id, how many
-- → {account/name, record, {member, packed}…} | {} when the queue is gone
local base = KEYS[1]
local queue = loadQueue(base, ARGV[2], readNow(ARGV[1]))
local name = queue and redis.call('HGET', queue.key, 'nm')
local record = name and redis.call('HGET', base .. ':queues', name)
if not record then return {} end
local rows = {}
for _, member in ipairs(redis.call('ZRANGE', queue.outbox, 0, tonumber(ARGV[3]) - 1)) do
  local chunk, offset = locate(queue, (splitMember(member)))
  local packed = redis.call('HGET', chunk, offset)
  rows[#rows + 1] = { member, packed or '' }
end
return { name, record, unpack(rows) }
