-- Bytes of bodies that one call takes, more or less: large bodies must not make a reply that holds up Redis.
local BYTES = 8388608
-- Entries that are read at a time, until the bytes are reached.
local STEP = 32

-- Adds entries as Redis lists them to `entries` as {id, head, body}; those that are gone are answered as nil by Redis 6.2. → bytes
local function addEntries(entries, listed)
  local bytes = 0
  for _, entry in pairs(listed) do
    if entry and entry[2] then
      entries[#entries + 1] = { entry[1], entry[2][2], entry[2][4] }
      bytes = bytes + #entry[2][4]
    end
  end
  return bytes
end

-- Takes up to `most` entries that nobody has taken yet; makes the group when there is none. → {{id, head, body}, …}, bytes
local function readEntries(journal, group, consumer, most)
  local entries, bytes = {}, 0
  while #entries < most and bytes < BYTES do
    local count = math.min(STEP, most - #entries)
    local reply = redis.pcall('XREADGROUP', 'GROUP', group, consumer, 'COUNT', count, 'STREAMS', journal, '>')
    if reply and reply.err then
      redis.call('XGROUP', 'CREATE', journal, group, '0', 'MKSTREAM')
      reply = redis.call('XREADGROUP', 'GROUP', group, consumer, 'COUNT', count, 'STREAMS', journal, '>')
    end
    if not reply then break end
    bytes = bytes + addEntries(entries, reply[1][2])
    if #reply[1][2] < count then break end
  end
  return entries, bytes
end
