--- @include "keptDeliveries"
-- A delivery of a pending queue that is too old to be made is given up like any other, and the attempt log has a line for it. Layout of
-- the line: libs/delivery/attempt-log.ts.
local ATTEMPT_FORMAT, EXPIRED, RETENTION = 3, 5, 'retention'
local LOG_HOUR, LOG_LIFE = 3600000, 259200000
-- Lines of an hour; upkeep trims what all hours have together (`lg` tells it).
local LOG_MOST = 20000
local ID_CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

-- base64url → bytes
local function decodeId(id)
  local bytes, held, bits = {}, 0, 0
  for i = 1, #id do
    held, bits = held * 64 + string.find(ID_CHARACTERS, string.sub(id, i, i), 1, true) - 1, bits + 6
    if bits >= 8 then
      bits = bits - 8
      bytes[#bytes + 1] = string.char(math.floor(held / 2 ^ bits))
      held = held % 2 ^ bits
    end
  end
  return table.concat(bytes)
end

-- Digits → 8 bytes: 16 digits are more than a number of Lua can hold.
local function packAccount(digits)
  local bytes = { 0, 0, 0, 0, 0, 0, 0, 0 }
  for digit in string.gmatch(digits, '%d') do
    local carry = tonumber(digit)
    for i = 8, 1, -1 do
      local value = bytes[i] * 10 + carry
      bytes[i], carry = value % 256, math.floor(value / 256)
    end
  end
  return string.char(unpack(bytes))
end

local function withLength(name)
  return string.char(#name) .. name
end

-- What all lines of a subscription have, made once for each call.
local function logNames(queue)
  local owner = redis.call('HGET', queue.base .. ':t:' .. queue.topic, 'nm') or ''
  local account, topic = string.match(owner, '^(%d+)/(.*)$')
  if not account then return nil end
  return packAccount(account) .. withLength(topic) .. withLength(redis.call('HGET', queue.key, 'sn') or '') .. withLength(RETENTION)
end

local function logExpiry(queue, id, attempts)
  local key = queue.base .. ':al:' .. text(math.floor(queue.now / LOG_HOUR))
  if redis.call('ZCARD', key) >= LOG_MOST then return end
  if queue.logNames == nil then
    queue.logId, queue.logNames = decodeId(queue.id), logNames(queue) or false
    redis.call('HSET', queue.key, 'lg', 1)
  end
  if not queue.logNames then return end
  local facts = struct.pack('>I2BBI6I2I4I6', math.min(attempts, 65535), ATTEMPT_FORMAT, EXPIRED, queue.now, 0, 0, 0)
  if redis.call('ZADD', key, 0, id .. queue.logId .. facts .. queue.logNames) == 1 and redis.call('ZCARD', key) == 1 then
    redis.call('PEXPIRE', key, LOG_LIFE)
  end
end

local function expireDelivery(queue, sequence, packed)
  local chunk, offset, field = locate(queue, sequence)
  local _, attempts = unpackDelivery(redis.call('HGET', chunk, field))
  redis.call('HDEL', chunk, offset, field)
  local id = giveUp(queue, packed, attempts, RETENTION, queue.deadLetterQueue)
  if id then logExpiry(queue, id, attempts) end
end
