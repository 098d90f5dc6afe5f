--- @include "loadQueue"
--- @include "messageState"
-- A topic's body loses one of those that refer to it; the last one takes it along.
local function releaseBody(base, topic, body)
  local topicKey = base .. ':t:' .. topic
  local chunk, offset = topicKey .. ':b:' .. text(math.floor(body / CHUNK)), text(body % CHUNK)
  if redis.call('HINCRBY', chunk, 'n' .. offset, -1) > 0 then return end
  redis.call('HDEL', chunk, offset, 'n' .. offset)
  if redis.call('HEXISTS', topicKey, 'v') == 1 then redis.call('HINCRBY', topicKey, 'mc', -1) end
end

-- Takes a message out of its chunk. `packed` may be nil for queues that hold their bodies themselves.
local function dropEntry(queue, sequence, packed)
  local chunk, offset, delivery = locate(queue, sequence)
  if queue.pending then
    packed = packed or redis.call('HGET', chunk, offset)
    if packed then releaseBody(queue.base, queue.topic, referredBody(packed)) end
  end
  redis.call('HDEL', chunk, offset, delivery)
end

local function countExpired(queue, number)
  if number > 0 then redis.call('HINCRBY', queue.key, 'xp', number) end
end
