-- Remembers which request made a delete marker.
-- KEYS[1] journal · ARGV: marker (16 bytes), request (8 bytes), day (since the epoch), days that markers are remembered
-- → 1 when another request is known to have made the marker: this one removed it. Else 0
local base, marker, request, today, days = KEYS[1] .. ':markers:', ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

for day = today, today - days + 1, -1 do
  local maker = redis.call('HGET', base .. day, marker)
  if maker then return maker ~= request and 1 or 0 end
end
redis.call('HSET', base .. today, marker, request)
redis.call('EXPIRE', base .. today, (days + 1) * 86400)
return 0
