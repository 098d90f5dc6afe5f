--- @include "includes/constants"
--- @include "includes/readNow"
--- @include "includes/promoteDue"
--- @include "includes/removeMessage"
-- Shows the next ready messages without taking them.
-- KEYS[1] partition · ARGV: now, queue id, version, how many
-- → {OK, messages as in receiveMessages…} | {STALE}
local queue = loadQueue(KEYS[1], ARGV[2], readNow(ARGV[1]))
if not queue or queue.version ~= ARGV[3] then return { STALE } end
local count, reply, from = tonumber(ARGV[4]), { OK }, 0

promoteDue(queue)

-- A head that a receive would not take makes room for the next of its group, as in a receive.
local function dropHead(member, sequence, packed, spent)
  redis.call('ZREM', queue.ready, member)
  leaveGroup(queue, packed and groupOf(packed) or '', sequence)
  if spent then
    enterOutbox(queue, { member })
  elseif packed then
    dropEntry(queue, sequence, packed)
    countExpired(queue, 1)
  end
end

local looked = 0
while #reply <= count and looked < PROMOTE_LIMIT do
  local members = redis.call('ZRANGE', queue.ready, from, queue.fifo and from or from + count - 1)
  if #members == 0 then break end
  for _, member in ipairs(members) do
    looked = looked + 1
    local sequence = splitMember(member)
    local chunk, offset, field = locate(queue, sequence)
    local entry = redis.call('HMGET', chunk, offset, field)
    local number, deliveries, first = unpackDelivery(entry[2])
    local good = entry[1] and expireTime(entry[1]) > queue.now
    local spent = good and queue.maxReceive > 0 and deliveries >= queue.maxReceive
    if good and not spent then
      if #reply <= count then reply[#reply + 1] = { member, number, deliveries, text(first), entry[1] } end
      from = from + 1
    elseif queue.fifo then
      dropHead(member, sequence, entry[1], spent)
    else
      from = from + 1
    end
  end
end
return reply
