--- @include "number"
-- Idempotency marks live in sets that cover one period each and expire whole: no key per mark, no clean-up. A mark is kept for
-- at least `seconds` and at most 7/6 of that.
-- → true when the mark was there already; otherwise it is made.
local function alreadyMarked(base, mark, seconds, now)
  local width = math.ceil(seconds / 6)
  local period = math.floor(now / (width * 1000))
  local prefix = base .. ':m:' .. text(width) .. ':'
  for back = 0, 6 do
    if redis.call('SISMEMBER', prefix .. text(period - back), mark) == 1 then return true end
  end
  local key = prefix .. text(period)
  if redis.call('SADD', key, mark) == 1 and redis.call('SCARD', key) == 1 then redis.call('EXPIRE', key, width * 8) end
  return false
end
