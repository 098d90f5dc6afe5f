--- @include "includes/inventory"
-- A part of an inventory in the order of its keys, for a walk, which is known to go on by that.
-- KEYS[1] journal · ARGV: `source:bucket`, first key or what is before it, end in the notation of ZRANGEBYLEX, entries after which no
--   more are read, milliseconds that the walk is taken to go on
-- → {0 when the walk was not known to go on until now, 1 when there are more, {key · \0 · entry, …}}
local base, from, last, most = inventoryKey(KEYS[1], ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[4])
local now = nowMillis()
local walking = redis.call('HGET', base .. ':meta', 'w')
if not walking then return { 0, 0, {} } end
redis.call('HSET', base .. ':meta', 'w', string.format('%d', now + ARGV[5]))

local entries, more = {}, 0
local member = chunkOf(base, from) or redis.call('ZRANGEBYLEX', base, '-', last, 'LIMIT', 0, 1)[1]
while member do
  local chunk = base .. ':' .. string.sub(member, string.find(member, '\0', 1, true) + 1)
  for _, entry in ipairs(redis.call('ZRANGEBYLEX', chunk, '[' .. from, last)) do entries[#entries + 1] = entry end
  member = redis.call('ZRANGEBYLEX', base, '(' .. member, last, 'LIMIT', 0, 1)[1]
  if member and #entries >= most then
    more = 1
    break
  end
end
return { tonumber(walking) >= now and 1 or 0, more, entries }
