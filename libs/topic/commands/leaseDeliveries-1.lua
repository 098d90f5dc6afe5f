--- @include "../../queue/commands/includes/constants"
--- @include "../../queue/commands/includes/readNow"
--- @include "../../queue/commands/includes/takeReady"
--- @include "../../queue/commands/includes/expireDelivery"
--- @include "includes/loadPending"
--- @include "includes/leaseBucket"
-- A drain takes what its pending queue has due. With `lastLook` and nothing due it disarms the queue in the same step.
-- KEYS[1] partition · ARGV: now, pending queue id, epoch, how many, lease (ms), lastLook (0|1), run, claim: 0 the run must be in
--   charge, 1 it comes into charge unless another one is, 2 it takes over
-- → {GONE} another epoch or run is in charge, or the subscription is gone
--   {OK, subscription name, subscription record, account/topic, {member, delivery number, attempts, published, expires, body}…}
--   {AGAIN, time for which a timer must be added (0 = none is needed), 1 when the caller must look again at once,
--     ms after which the subscription's limit of attempts a second lets more be taken (absent when it is not the reason)}
local queue = loadPending(KEYS[1], ARGV[2], readNow(ARGV[1]))
if not queue or not queue.armed or queue.epoch ~= tonumber(ARGV[3]) then return { GONE } end
local run, claim = ARGV[7], ARGV[8]
if queue.owner ~= run then
  if claim == '0' or (claim == '1' and queue.owner) then return { GONE } end
  redis.call('HSET', queue.key, 'ow', queue.epoch .. ' ' .. run)
end
local topicKey = queue.base .. ':t:' .. queue.topic

local function describe(member, packed, number, attempts)
  local body = referredBody(packed)
  local _, _, published, expires = struct.unpack('>BBI6I6', packed)
  local stored = redis.call('HGET', topicKey .. ':b:' .. text(math.floor(body / CHUNK)), text(body % CHUNK))
  if not stored then return nil end
  return { member, number, attempts, text(published), text(expires), stored }
end

-- Upkeep comes by at once, for the attempt log.
local function expire(...)
  expireDelivery(...)
  visitBy(queue, queue.now)
end

local more = promoteDue(queue)
local record = redis.call('HGET', topicKey .. ':s', queue.subscription)
local limit = rateLimit(record)
local bucket = limit and openBucket(queue, limit)
local count = tonumber(ARGV[4])
if bucket then count = math.min(count, math.floor(bucket.tokens + TINY)) end
if count == 0 and redis.call('EXISTS', queue.ready) == 1 then return { AGAIN, '0', 0, waitOf(bucket) } end

local taken, budgetUsed = takeReady(queue, count, queue.now + tonumber(ARGV[5]), false, describe, expire)
if #taken > 0 then
  redis.call('HSET', queue.key, 't', text(queue.now))
  if bucket then takeTokens(queue, bucket, #taken) end
  redis.call('ZADD', queue.base .. ':armed', text(queue.now), queue.id)
  return { OK, queue.subscription, record,
    redis.call('HGET', topicKey, 'nm'), unpack(taken) }
end
if more or budgetUsed or ARGV[6] == '0' then return { AGAIN, '0', (more or budgetUsed) and 1 or 0 } end

return { AGAIN, text(disarm(queue)), 0 }
