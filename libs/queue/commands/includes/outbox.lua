--- @include "loadQueue"
-- Sends messages on their way to the dead-letter queue, and asks upkeep to see to it. Each stands one millisecond behind the one before
-- it at least: Redis sorts members of equal score as text, and the order of a message group would be lost.
local function enterOutbox(queue, members)
  if #members == 0 then return end
  local last = tonumber(redis.call('ZRANGE', queue.outbox, -1, -1, 'WITHSCORES')[2]) or 0
  local score, entries = math.max(queue.now, last + 1), {}
  for i, member in ipairs(members) do
    entries[#entries + 1] = text(score + i - 1)
    entries[#entries + 1] = member
  end
  redis.call('ZADD', queue.outbox, unpack(entries))
  visitBy(queue, queue.now)
end
