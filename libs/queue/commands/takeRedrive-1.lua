--- @include "includes/constants"
--- @include "includes/readNow"
--- @include "includes/promoteDue"
--- @include "includes/removeMessage"
--- @include "includes/throttledJob"
-- Leases the next portion of a redrive of this partition. A redrive goes through the ready messages in passes until a pass has moved
-- nothing: what came back from a consumer, or is now the first of its message group, is found by a later pass. Messages that were sent
-- after the start are left alone, those past their retention removed, as by a receive. Nobody else advances the redrive while a
-- portion is leased; a lease that runs out (its mover died) gives the portion back to be taken again.
-- KEYS[1] partition · ARGV: now, how many at most, lease (ms)
-- → {GONE} nothing is to be done now | {AGAIN} call again
--   {OK, queue id, end of the lease, account/name, target ('' = where each message came from), {member, delivery number, packed}…}
local LOOKS = 128
local base, now, most, lease = KEYS[1], readNow(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local index = base .. ':redrives'

local id = nextJob(index, now)
if not id then return { GONE } end
local queue = loadQueue(base, id, now)
local fields = runningJob(queue, index, id, 'tg', 'ra', 'up', 'cu', 'pm', 'by', 'ti')
if not fields then return { AGAIN } end
local job = queue.key .. ':j'
local target, rate, last, cursor = fields[1], tonumber(fields[2]), tonumber(fields[3]), fields[4]
local movedInPass, busyUntil = tonumber(fields[5]), tonumber(fields[6])

local function lookAgain(time)
  redis.call('ZADD', index, text(time), id)
  return { AGAIN }
end

if busyUntil > queue.now then return lookAgain(busyUntil) end
local allowed, since = allowance(queue, rate, tonumber(fields[7]))
allowed = math.min(most, allowed)
if allowed < 1 then return lookAgain(since + math.ceil(1000 / rate)) end

-- → how many messages became ready behind it: 0 or 1
local function removeExpired(member, sequence, packed)
  redis.call('ZREM', queue.ready, member)
  dropEntry(queue, sequence, packed)
  countExpired(queue, 1)
  return queue.fifo and leaveGroup(queue, groupOf(packed), sequence) or 0
end

promoteDue(queue)
local released = 0
local rows, taken, looked = redis.call('ZRANGEBYSCORE', queue.ready, '(' .. cursor, '+inf', 'WITHSCORES', 'LIMIT', 0, LOOKS), {}, 0
for i = 1, #rows, 2 do
  local member = rows[i]
  local sequence = splitMember(member)
  local chunk, offset, field = locate(queue, sequence)
  looked = looked + 1
  cursor = text(tonumber(rows[i + 1]))
  if sequence <= last then
    local entry = redis.call('HMGET', chunk, offset, field)
    if entry[1] and expireTime(entry[1]) <= queue.now then
      released = released + removeExpired(member, sequence, entry[1])
    elseif entry[1] then
      local number, count, first = unpackDelivery(entry[2])
      local expires, group = expireTime(entry[1]), queue.fifo and groupOf(entry[1]) or nil
      redis.call('HSET', chunk, field, packDelivery(number + 1, count, first, expires, group))
      redis.call('ZADD', queue.leased, text(group and math.min(queue.now + lease, expires) or queue.now + lease), member)
      redis.call('ZREM', queue.ready, member)
      taken[#taken + 1] = { member, number + 1, entry[1] }
      if #taken == allowed then break end
    end
  end
end

-- What is ready only now may stand before the cursor: another pass must follow, as after a move.
if released > 0 then movedInPass = redis.call('HINCRBY', job, 'pm', released) end
restIfEmpty(queue)

if #taken > 0 then
  redis.call('HSET', job, 'nx', cursor, 'by', text(queue.now + lease), 'ti', text(since + math.ceil(#taken * 1000 / rate)))
  redis.call('ZADD', index, text(queue.now + lease), id)
  return { OK, id, text(queue.now + lease), redis.call('HGET', queue.key, 'nm'), target, unpack(taken) }
end
if looked == LOOKS then
  redis.call('HSET', job, 'cu', cursor)
elseif movedInPass > 0 then
  redis.call('HSET', job, 'cu', 0, 'pm', 0, 'sk', 0)
else
  endJob(queue, index, 'completed')
  return { AGAIN }
end
return lookAgain(now)
