-- Takes up to `most` entries that nobody has taken yet; makes the group when there is none. → {{id, head, body}, …}
local function readEntries(journal, group, consumer, most)
  local entries = {}
  if most <= 0 then return entries end
  local reply = redis.pcall('XREADGROUP', 'GROUP', group, consumer, 'COUNT', most, 'STREAMS', journal, '>')
  if reply and reply.err then
    redis.call('XGROUP', 'CREATE', journal, group, '0', 'MKSTREAM')
    reply = redis.call('XREADGROUP', 'GROUP', group, consumer, 'COUNT', most, 'STREAMS', journal, '>')
  end
  if not reply then return entries end
  for _, entry in ipairs(reply[1][2]) do
    entries[#entries + 1] = { entry[1], entry[2][2], entry[2][4] }
  end
  return entries
end
