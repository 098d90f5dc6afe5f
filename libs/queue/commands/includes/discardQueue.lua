--- @include "loadQueue"
--- @include "groups"
-- Takes all messages of a queue away at once. The chunks go too while they are few; many chunks, and what refers to
-- bodies of a topic, are left to the trash, which upkeep empties in slices.
local UNLINK_LIMIT = 1024
-- More than there can be polls: each must look again and find the queue gone.
local EVERYBODY = 1000000

local function discardMessages(queue)
  local from, to = math.floor(queue.lowest / CHUNK), math.floor(queue.sequence / CHUNK)
  redis.call('UNLINK', queue.ready, queue.delayed, queue.leased, queue.outbox, groupsKey(queue), waitingKey(queue))
  redis.call('ZREM', queue.base .. ':due', queue.id)
  if queue.pending or to - from >= UNLINK_LIMIT then
    if queue.sequence > 0 then
      local kind = queue.pending and 'references' or 'bodies'
      redis.call('RPUSH', queue.base .. ':trash',
        kind .. ' ' .. queue.id .. ' ' .. text(from) .. ' ' .. text(to) .. ' ' .. (queue.topic or '-'))
    end
    return
  end
  for chunk = from, to do redis.call('UNLINK', queue.key .. ':c:' .. text(chunk)) end
end

local function discardQueue(queue)
  wakeWaiters(queue, EVERYBODY, 0)
  discardMessages(queue)
  for kind, index in pairs({ failed = queue.failed, delivered = queue.delivered }) do
    if queue.pending and redis.call('EXISTS', index) == 1 then
      redis.call('RPUSH', queue.base .. ':trash', kind .. ' ' .. queue.id .. ' 0 0 ' .. queue.topic)
    end
  end
  redis.call('UNLINK', queue.key, queue.key .. ':j', queue.failed, queue.delivered)
  redis.call('ZREM', queue.base .. ':redrives', queue.id)
  if queue.pending then redis.call('ZREM', queue.base .. ':replays', queue.id) end
end
