-- Packed message: format (1) · priority (1) · enqueue time (6) · expire time (6) · payload, or in format 2 the number of a topic's body (6).
-- Delivery state: format (1) · delivery number (4) · dequeue count (4) · first dequeue time (6), 0 = never received · expire time (6),
-- so that a handle can be judged without reading the body. In a FIFO queue the message group follows, for the same reason.
local function packMessage(priority, enqueued, expires, payload)
  return struct.pack('>BBI6I6', 1, priority, enqueued, expires) .. payload
end

local function packReference(priority, enqueued, expires, body)
  return struct.pack('>BBI6I6I6', 2, priority, enqueued, expires, body)
end

local function expireTime(packed)
  return (struct.unpack('>I6', packed, 9))
end

local function referredBody(packed)
  return (struct.unpack('>I6', packed, 15))
end

-- `group` only in FIFO queues
local function packDelivery(number, count, first, expires, group)
  local state = struct.pack('>BI4I4I6I6', 1, number, count, first, expires)
  return group and state .. group or state
end

-- → delivery number, dequeue count, first dequeue time, expire time
local function unpackDelivery(state)
  if not state then return 0, 0, 0, nil end
  local _, number, count, first, expires = struct.unpack('>BI4I4I6I6', state)
  return number, count, first, expires
end

local function groupOfDelivery(state)
  return string.sub(state, 22)
end

-- The message group of a packed message (format 1), '' when it has none: the third of the payload's sections.
local function groupOf(packed)
  local flags, at = string.byte(packed, 47), 48
  if flags % 8 < 4 then return '' end
  if flags % 2 == 1 then at = at + 4 + (struct.unpack('>I4', packed, at)) end
  if flags % 4 >= 2 then at = at + 4 + (struct.unpack('>I4', packed, at)) end
  return string.sub(packed, at + 4, at + 3 + (struct.unpack('>I4', packed, at)))
end

-- The tag of a packed message of a topic (format 1), '' when it has none: the fourth section.
local function tagOf(packed)
  local flags, at = string.byte(packed, 47), 48
  if flags % 16 < 8 then return '' end
  for bit = 0, 2 do
    if math.floor(flags / 2 ^ bit) % 2 == 1 then at = at + 4 + (struct.unpack('>I4', packed, at)) end
  end
  return string.sub(packed, at + 4, at + 3 + (struct.unpack('>I4', packed, at)))
end
