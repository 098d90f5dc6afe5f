--- @include "includes/constants"
--- @include "includes/readNow"
--- @include "includes/findDelivery"
--- @include "includes/removeMessage"
--- @include "includes/groups"
-- Ends a portion of a redrive: what was moved goes, what could not be moved is visible again, uncounted.
-- KEYS[1] partition · ARGV: now, queue id, end of the lease, problem ('' = none), then 3 per message: member, delivery number, moved (0|1)
-- → {OK} | {GONE} when the queue has been deleted
local queue = loadQueue(KEYS[1], ARGV[2], readNow(ARGV[1]))
if not queue then return { GONE } end
local moved, skipped, released = 0, 0, 0

local function take(delivery, member, sequence)
  redis.call('ZREM', queue.leased, member)
  if delivery.group then released = released + leaveGroup(queue, delivery.group, sequence) end
  dropEntry(queue, sequence)
end

local function giveBack(delivery, member, sequence, priority)
  if delivery.group then
    released = released + enterGroup(queue, delivery.group, sequence)
  else
    redis.call('ZADD', queue.ready, rank(sequence, priority), member)
    released = released + 1
  end
  redis.call('ZREM', queue.leased, member)
end

for at = 5, #ARGV, 3 do
  local member = ARGV[at]
  local sequence, priority = splitMember(member)
  local delivery = findDelivery(queue, member, tonumber(ARGV[at + 1]))
  local act = ARGV[at + 2] == '1' and take or giveBack
  if delivery and delivery.set == queue.leased then act(delivery, member, sequence, priority) end
  if act == take then moved = moved + 1 else skipped = skipped + 1 end
end

local job = queue.key .. ':j'
local fields = redis.call('HMGET', job, 'st', 'by', 'nx')
local state = fields[1]
if state then
  redis.call('HINCRBY', job, 'mv', moved)
  redis.call('HINCRBY', job, 'pm', moved)
  redis.call('HINCRBY', job, 'sk', skipped)
  if ARGV[4] ~= '' then redis.call('HSET', job, 'pr', ARGV[4]) end
  -- Not for a mover that was so slow that another one has taken over.
  if state == 'running' and fields[2] == ARGV[3] then
    redis.call('HSET', job, 'by', 0, 'cu', fields[3])
    redis.call('ZADD', queue.base .. ':redrives', text(queue.now), queue.id)
  end
end
if released > 0 then wakeWaiters(queue, released, 0) end
restIfEmpty(queue)
return { OK }
