--- @include "includes/constants"
--- @include "includes/readNow"
--- @include "includes/promoteDue"
-- Shows the next ready messages without taking them.
-- KEYS[1] partition · ARGV: now, queue id, version, how many
-- → {OK, messages as in receiveMessages…} | {STALE}
local queue = loadQueue(KEYS[1], ARGV[2], readNow(ARGV[1]))
if not queue or queue.version ~= ARGV[3] then return { STALE } end
local count, reply, from = tonumber(ARGV[4]), { OK }, 0

promoteDue(queue)
while #reply <= count and from < PROMOTE_LIMIT do
  local members = redis.call('ZRANGE', queue.ready, from, from + count - 1)
  if #members == 0 then break end
  from = from + #members
  for _, member in ipairs(members) do
    local chunk, offset, field = locate(queue, (splitMember(member)))
    local entry = redis.call('HMGET', chunk, offset, field)
    local number, deliveries, first = unpackDelivery(entry[2])
    local spent = queue.maxReceive > 0 and deliveries >= queue.maxReceive
    if #reply <= count and entry[1] and expireTime(entry[1]) > queue.now and not spent then
      reply[#reply + 1] = { member, number, deliveries, text(first), entry[1] }
    end
  end
end
return reply
