--- @include "loadQueue"
--- @include "messageState"
--- @include "removeMessage"
-- Deliveries of a pending queue that are over and can be made again, by the id of their message: those that were given up (`Q:f` says
-- when, `Q:fd` what), and those that were delivered (`Q:k`, `Q:kd`) where the subscription keeps them. Each still refers to its body. Each
-- of the two stores is bounded by number, by the bytes of the bodies and by age; what goes beyond is dropped, the oldest first.
-- Entry: format (1) · number of the body (6) · time of publishing (6) · attempts (4) · bytes of the body (4) · reason as UTF-8 to the end.
local KEPT_MOST = 10000
local KEPT_BYTES = 67108864
-- As long as the attempt log tells of them (ms).
local FAILED_LIFE = 259200000

-- `dropped` is the field that counts what is kept no longer and was never delivered.
local function failedOf(queue)
  return { queue = queue, index = queue.failed, entries = queue.key .. ':fd', bytes = 'fb', dropped = 'fd', life = FAILED_LIFE }
end

local function deliveredOf(queue)
  local life = tonumber(redis.call('HGET', queue.key, 'kd') or 0)
  return { queue = queue, index = queue.delivered, entries = queue.key .. ':kd', bytes = 'kb', life = life }
end

-- → body, time of publishing, attempts, reason, bytes of the body
local function unpackKept(entry)
  local _, body, published, attempts, bytes, at = struct.unpack('>BI6I6I4I4', entry)
  return body, published, attempts, string.sub(entry, at), bytes
end

-- → the entry, which still refers to its body; nil when there is none of that id
local function takeKept(store, id)
  if redis.call('ZREM', store.index, id) == 0 then return nil end
  local entry = redis.call('HGET', store.entries, id)
  redis.call('HDEL', store.entries, id)
  if not entry then return nil end
  local _, _, _, _, bytes = unpackKept(entry)
  redis.call('HINCRBY', store.queue.key, store.bytes, -bytes)
  return entry
end

-- → whether there was one
local function forgetKept(store, id)
  local entry = takeKept(store, id)
  if entry then releaseBody(store.queue.base, store.queue.topic, (unpackKept(entry))) end
  return entry ~= nil
end

local function dropKept(store, ids)
  for _, id in ipairs(ids) do forgetKept(store, id) end
  if #ids > 0 and store.dropped then redis.call('HINCRBY', store.queue.key, store.dropped, #ids) end
end

-- Takes over the reference to the body. → the id of the message; nil when its body is gone
local function keep(store, body, published, attempts, reason)
  local queue = store.queue
  local bodies = queue.base .. ':t:' .. queue.topic .. ':b:' .. text(math.floor(body / CHUNK))
  local stored = redis.call('HGET', bodies, text(body % CHUNK))
  if not stored then return nil end
  local id = string.sub(stored, 15, 30)
  forgetKept(store, id)
  redis.call('HSET', store.entries, id, struct.pack('>BI6I6I4I4', 1, body, published, attempts, #stored) .. reason)
  redis.call('ZADD', store.index, text(queue.now), id)
  local surplus = redis.call('ZCARD', store.index) - KEPT_MOST
  if surplus > 0 then dropKept(store, redis.call('ZRANGE', store.index, 0, surplus - 1)) end
  local bytes = redis.call('HINCRBY', queue.key, store.bytes, #stored)
  while bytes > KEPT_BYTES do
    local oldest = redis.call('ZRANGE', store.index, 0, 0)
    if #oldest == 0 then break end
    dropKept(store, oldest)
    bytes = tonumber(redis.call('HGET', queue.key, store.bytes))
  end
  return id
end

-- Upkeep must come by when it is too old, or at once when a dead-letter queue waits for it.
local function giveUp(queue, packed, attempts, reason, deadLetterQueue)
  local _, _, published = struct.unpack('>BBI6', packed)
  local id = keep(failedOf(queue), referredBody(packed), published, attempts, reason)
  visitBy(queue, deadLetterQueue and queue.now or queue.now + FAILED_LIFE)
  return id
end

-- Drops what is too old. → when to look again, nil when nothing is kept
local function dropOldKept(store, most)
  local now = store.queue.now
  dropKept(store, redis.call('ZRANGEBYSCORE', store.index, '-inf', text(now - store.life), 'LIMIT', 0, most))
  local oldest = tonumber(redis.call('ZRANGE', store.index, 0, 0, 'WITHSCORES')[2])
  return oldest and math.max(oldest + store.life, now)
end
