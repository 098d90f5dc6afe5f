--- @include "includes/constants"
--- @include "includes/readNow"
--- @include "includes/discardQueue"
-- Takes all messages of a queue away: ready, delayed, leased and those on their way to the dead-letter queue. What is sent afterwards
-- begins in a chunk of its own, so that the old ones can go as a whole.
-- KEYS[1] partition · ARGV: now, queue id, version
-- → {OK, how many messages there were} | {STALE}
local queue = loadQueue(KEYS[1], ARGV[2], readNow(ARGV[1]))
if not queue or queue.version ~= ARGV[3] then return { STALE } end
local count = 0
for _, set in ipairs({ queue.ready, queue.delayed, queue.leased, queue.outbox, waitingKey(queue) }) do
  count = count + redis.call('ZCARD', set)
end
if count == 0 then return { OK, 0 } end

local last = (math.floor(queue.sequence / CHUNK) + 1) * CHUNK - 1
redis.call('HSET', queue.key, 'n', text(last), 'lo', text(last + 1), 't', text(queue.now))
redis.call('HDEL', queue.key, 'x')
discardMessages(queue)
return { OK, count }
