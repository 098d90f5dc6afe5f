-- The inventory of a bucket, as far as it lies in one partition of the journal: a tree of two levels.
--   <journal>:inventory:<source>:<bucket>          sorted set, all scores 0: lower bound · \0 · number of a chunk
--   <journal>:inventory:<source>:<bucket>:<number> sorted set, all scores 0: key · \0 · entry
--   <journal>:inventory:<source>:<bucket>:meta     hash: n last number given, w time (ms) up to which some walk is under way
-- Keys have no zero bytes, so both sets are in the order of the keys, which is that of listings.
--
-- entry: state (1) · time (7) · size (6) · content (4), and where a listing told that the object was gone also: time up to which that
-- holds (7) · id of the event that came after that, or zeros (8). Times are in microseconds.
local GONE, THERE, MISSING = 0, 1, 2
local ENTRY = 18
local NOTHING = string.rep('\0', 10)
local NOBODY = string.rep('\0', 8)
-- Entries of a chunk; with short keys Redis keeps so many in its compact form.
local CHUNK = 128
-- Milliseconds that it is known that a listing told of a removal.
local TOLD_LIFE = 345600000

local function inventoryKey(journal, name) return journal .. ':inventory:' .. name end

local function nowMillis()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- → member of the index for the chunk that has the key, or would have it; its key
local function chunkOf(base, key)
  local member = redis.call('ZREVRANGEBYLEX', base, '[' .. key .. '\0\255', '-', 'LIMIT', 0, 1)[1]
  if not member then return end
  return member, base .. ':' .. string.sub(member, string.find(member, '\0', 1, true) + 1)
end

local function entryOf(chunk, key)
  local member = redis.call('ZRANGEBYLEX', chunk, '[' .. key .. '\0', '(' .. key .. '\1', 'LIMIT', 0, 1)[1]
  return member and string.sub(member, #key + 2)
end

-- → key of a new chunk; nil when Redis is full
local function newChunk(base, bound)
  local number = redis.pcall('HINCRBY', base .. ':meta', 'n', 1)
  if type(number) ~= 'number' then return end
  local added = redis.pcall('ZADD', base, 0, bound .. '\0' .. number)
  return type(added) == 'number' and base .. ':' .. number or nil
end

-- Makes room for a key in a full chunk. Keys that come in their order, as they do from a listing, leave full chunks behind.
-- → the chunk for the key; nil when Redis is full
local function split(base, chunk, key)
  if #redis.call('ZRANGEBYLEX', chunk, '[' .. key .. '\1', '+', 'LIMIT', 0, 1) == 0 then return newChunk(base, key) end
  local moved = redis.call('ZRANGE', chunk, CHUNK / 2, -1)
  local bound = string.sub(moved[1], 1, string.find(moved[1], '\0', 1, true) - 1)
  local other = newChunk(base, bound)
  if not other then return end
  local members = {}
  for _, member in ipairs(moved) do
    members[#members + 1] = 0
    members[#members + 1] = member
  end
  redis.call('ZADD', other, unpack(members))
  redis.call('ZREMRANGEBYRANK', chunk, CHUNK / 2, -1)
  local _, place = chunkOf(base, key)
  return place
end

-- Replaces the entry of a key; nil stands for none. A full Redis leaves it as it was.
local function replaceEntry(base, member, chunk, key, before, after)
  if after then
    local place = chunk or newChunk(base, '')
    if place and chunk and not before and redis.call('ZCARD', chunk) >= CHUNK then place = split(base, chunk, key) end
    if not place then return end
    local added = redis.pcall('ZADD', place, 0, key .. '\0' .. after)
    if type(added) ~= 'number' then return end
  end
  if before then
    redis.call('ZREM', chunk, key .. '\0' .. before)
    if not after and redis.call('EXISTS', chunk) == 0 then redis.call('ZREM', base, member) end
  end
end

-- What a put makes of an entry. A copy that comes late changes nothing.
local function putOver(before, state, at, told, op, time, data)
  local newer = not before or time > at
  if not newer and time == at then newer = state == THERE or (state == MISSING and op == 'l') end
  if not newer then return before end
  if told ~= '' and nowMillis() - struct.unpack('>I7', told) / 1000 > TOLD_LIFE then told = '' end
  return struct.pack('>BI7', THERE, time) .. data .. told
end

-- What a removal makes of an entry. While the bucket is walked it is remembered: a page that was listed before may still have the object.
local function removeFrom(base, before, state, at, told, time, event)
  if state == THERE and time >= at then
    if told == '' and nowMillis() > tonumber(redis.call('HGET', base .. ':meta', 'w')) then return nil end
    return struct.pack('>BI7', GONE, time) .. NOTHING .. told
  end
  if told ~= '' and time <= struct.unpack('>I7', told) then
    if string.sub(told, 8) ~= NOBODY then return before end
    return string.sub(before, 1, ENTRY) .. string.sub(told, 1, 7) .. event
  end
  if before and not (state == GONE and time > at) then return before end
  if not before and nowMillis() > tonumber(redis.call('HGET', base .. ':meta', 'w')) then return nil end
  return struct.pack('>BI7', GONE, time) .. NOTHING .. told
end

-- op: 'p' an event put the object, 'l' a listing shows it (data: size and content), 'd' an event removed it (data: id of the event),
-- 'g' a listing told that what was put at `time` is gone (data: time up to which that holds), 'x' the entry of something gone is not needed
local function noteInventory(journal, name, key, op, time, data)
  local base = inventoryKey(journal, name)
  if redis.call('EXISTS', base .. ':meta') == 0 then return end
  time = tonumber(time)
  local member, chunk = chunkOf(base, key)
  local before = chunk and entryOf(chunk, key) or nil
  local state, at, told = nil, nil, ''
  if before then
    state, at = struct.unpack('>BI7', before)
    told = string.sub(before, ENTRY + 1)
  end
  local after = before
  if op == 'd' then
    after = removeFrom(base, before, state, at, told, time, data)
  elseif op == 'g' then
    if state == THERE and time == at then after = struct.pack('>BI7', MISSING, at) .. NOTHING .. data .. NOBODY end
  elseif op == 'x' then
    if before and state ~= THERE and time == at then after = nil end
  else
    after = putOver(before, state, at, told, op, time, data)
  end
  if after ~= before then replaceEntry(base, member, chunk, key, before, after) end
end
