--- @include "includes/constants"
--- @include "includes/readNow"
--- @include "includes/number"
--- @include "includes/record"
-- Reads queues with their counters. What is due counts as active although nobody has promoted it yet,
-- and so does what waits in its message group.
-- KEYS[1] partition · ARGV: now, then account/name of each queue
-- → per queue {record, active, inactive, delayed, dead-lettering} | {}
local base, now = KEYS[1], text(readNow(ARGV[1]))
local replies = {}
for i = 2, #ARGV do
  local record = redis.call('HGET', base .. ':queues', ARGV[i])
  if record then
    local key = base .. ':q:' .. recordId(record)
    local dueDelayed = redis.call('ZCOUNT', key .. ':d', '-inf', now)
    local dueLeased = redis.call('ZCOUNT', key .. ':l', '-inf', now)
    replies[#replies + 1] = {
      record,
      redis.call('ZCARD', key .. ':r') + redis.call('ZCARD', key .. ':w') + dueDelayed + dueLeased,
      redis.call('ZCARD', key .. ':l') - dueLeased,
      redis.call('ZCARD', key .. ':d') - dueDelayed,
      redis.call('ZCARD', key .. ':o'),
    }
  else
    replies[#replies + 1] = {}
  end
end
return replies
