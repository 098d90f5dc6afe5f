--- @include "loadQueue"
--- @include "messageState"
--- @include "removeMessage"
-- Deliveries of a pending queue that were given up, by the id of their message: `Q:f` says when, `Q:fd` what. Each still refers to its
-- body. They are bounded by number and by age; what goes beyond is dropped, the oldest first, and counted.
-- Value of `Q:fd`: format (1) · number of the body (6) · time of publishing (6) · attempts (4) · reason as UTF-8 to the end.
local FAILED_MOST = 10000
-- As long as the attempt log tells of them (ms).
local FAILED_LIFE = 259200000

local function failedEntries(queue)
  return queue.key .. ':fd'
end

-- → body, time of publishing, attempts, reason
local function unpackFailed(entry)
  local _, body, published, attempts, at = struct.unpack('>BI6I6I4', entry)
  return body, published, attempts, string.sub(entry, at)
end

-- → the entry, which still refers to its body; nil when there is none of that id
local function takeFailed(queue, id)
  if redis.call('ZREM', queue.failed, id) == 0 then return nil end
  local entry = redis.call('HGET', failedEntries(queue), id)
  redis.call('HDEL', failedEntries(queue), id)
  return entry or nil
end

-- → whether there was one
local function forgetFailed(queue, id)
  local entry = takeFailed(queue, id)
  if entry then releaseBody(queue.base, queue.topic, (unpackFailed(entry))) end
  return entry ~= nil
end

local function dropFailed(queue, ids)
  for _, id in ipairs(ids) do forgetFailed(queue, id) end
  if #ids > 0 then redis.call('HINCRBY', queue.key, 'fd', #ids) end
end

local function keepFailed(queue, body, published, attempts, reason)
  local bodies = queue.base .. ':t:' .. queue.topic .. ':b:' .. text(math.floor(body / CHUNK))
  local stored = redis.call('HGET', bodies, text(body % CHUNK))
  if not stored then return end
  local id = string.sub(stored, 15, 30)
  forgetFailed(queue, id)
  redis.call('HSET', failedEntries(queue), id, struct.pack('>BI6I6I4', 1, body, published, attempts) .. reason)
  redis.call('ZADD', queue.failed, text(queue.now), id)
  local surplus = redis.call('ZCARD', queue.failed) - FAILED_MOST
  if surplus > 0 then dropFailed(queue, redis.call('ZRANGE', queue.failed, 0, surplus - 1)) end
end

-- Drops what is too old. → when to look again, nil when nothing is kept
local function dropOldFailed(queue, most)
  dropFailed(queue, redis.call('ZRANGEBYSCORE', queue.failed, '-inf', text(queue.now - FAILED_LIFE), 'LIMIT', 0, most))
  local oldest = tonumber(redis.call('ZRANGE', queue.failed, 0, 0, 'WITHSCORES')[2])
  return oldest and math.max(oldest + FAILED_LIFE, queue.now)
end
