--- @include "../../queue/commands/includes/constants"
--- @include "../../queue/commands/includes/readNow"
--- @include "../../queue/commands/includes/messageState"
--- @include "includes/loadPending"
-- What a subscription is owed, and whether it is stopped.
-- KEYS[1] partition · ARGV: now, pending queue id
-- → {OK, state ('' = enabled), reason, since, pending, time the oldest was published (0 = none, or too far to look), failed and kept,
--    failed and dropped, expired, delivered and kept} | {GONE}
local PAGE, PAGES = 256, 16
local queue = loadPending(KEYS[1], ARGV[2], readNow(ARGV[1]))
if not queue then return { GONE } end

-- Deliveries are stored in the order of publishing. How far the walk came is kept for the next one, and for upkeep's.
local function oldest()
  local sequence = queue.lowest
  for _ = 1, PAGES do
    if sequence > queue.sequence then break end
    local chunk = math.floor(sequence / CHUNK)
    local key, last = queue.key .. ':c:' .. text(chunk), math.min(sequence + PAGE - 1, queue.sequence, (chunk + 1) * CHUNK - 1)
    if redis.call('EXISTS', key) == 0 then
      sequence = (chunk + 1) * CHUNK
    else
      local offsets = {}
      for at = sequence, last do offsets[#offsets + 1] = text(at % CHUNK) end
      for i, packed in ipairs(redis.call('HMGET', key, unpack(offsets))) do
        if packed then
          local _, _, published = struct.unpack('>BBI6', packed)
          return published, sequence + i - 1
        end
      end
      sequence = last + 1
    end
  end
  return 0, math.min(sequence, queue.sequence + 1)
end

local pending = redis.call('ZCARD', queue.ready) + redis.call('ZCARD', queue.delayed) + redis.call('ZCARD', queue.leased)
local published, lowest = 0, queue.lowest
if pending > 0 then published, lowest = oldest() end
if lowest > queue.lowest then redis.call('HSET', queue.key, 'lo', text(lowest)) end
local state = redis.call('HMGET', queue.key, 'ps', 'pw', 'pt', 'fd', 'xp')
return { OK, state[1] or '', state[2] or '', state[3] or '0', text(pending), text(published), text(redis.call('ZCARD', queue.failed)),
  state[4] or '0', state[5] or '0', text(redis.call('ZCARD', queue.delivered)) }
