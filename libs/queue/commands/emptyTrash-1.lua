--- @include "includes/constants"
--- @include "includes/removeMessage"
--- @include "includes/keptDeliveries"
-- Frees one slice of what a deleted queue has left: its chunks, or what a subscription had given up or kept.
-- KEYS[1] partition · ARGV: now (not used)
-- → 1 when there is more to free, else 0
local SLICE, UNLINKS = 512, 1024
local base = KEYS[1]
local trash = base .. ':trash'

local item = redis.call('LINDEX', trash, 0)
if not item then return 0 end
local kind, id, from, to, topic = string.match(item, '^(%S+) (%S+) (%d+) (%d+) (%S+)$')
from, to = tonumber(from), tonumber(to)
local prefix = base .. ':q:' .. id .. ':c:'

if kind == 'bodies' then
  local last = math.min(to, from + UNLINKS - 1)
  for chunk = from, last do redis.call('UNLINK', prefix .. text(chunk)) end
  from = last + 1
elseif kind == 'failed' or kind == 'delivered' then
  local entries = base .. ':q:' .. id .. (kind == 'failed' and ':fd' or ':kd')
  local page = redis.call('HSCAN', entries, 0, 'COUNT', SLICE)
  for i = 1, #page[2], 2 do
    releaseBody(base, topic, (unpackKept(page[2][i + 1])))
    redis.call('HDEL', entries, page[2][i])
  end
  if redis.call('EXISTS', entries) == 0 then from = to + 1 end
else
  local chunk = prefix .. text(from)
  local page = redis.call('HSCAN', chunk, 0, 'COUNT', SLICE)
  for i = 1, #page[2], 2 do
    local field, packed = page[2][i], page[2][i + 1]
    if string.sub(field, 1, 1) ~= 'd' then releaseBody(base, topic, referredBody(packed)) end
    redis.call('HDEL', chunk, field)
  end
  if redis.call('EXISTS', chunk) == 0 then from = from + 1 end
end

if from > to then
  redis.call('LPOP', trash)
else
  redis.call('LSET', trash, 0, kind .. ' ' .. id .. ' ' .. text(from) .. ' ' .. text(to) .. ' ' .. topic)
end
return redis.call('EXISTS', trash)
