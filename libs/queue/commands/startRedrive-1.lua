--- @include "includes/constants"
--- @include "includes/readNow"
--- @include "includes/groups"
-- Orders that the messages which a queue has now be moved elsewhere; upkeep does it.
-- KEYS[1] partition · ARGV: now, queue id, version, target ('' = where each message came from), messages per second
-- → {OK} | {STALE} | {EXISTS} when a redrive of the queue is under way
local queue = loadQueue(KEYS[1], ARGV[2], readNow(ARGV[1]))
if not queue or queue.version ~= ARGV[3] then return { STALE } end
local job, now = queue.key .. ':j', text(queue.now)
if redis.call('HGET', job, 'st') == 'running' then return { EXISTS } end

local total = redis.call('ZCARD', queue.ready) + redis.call('ZCARD', waitingKey(queue))
  + redis.call('ZCOUNT', queue.delayed, '-inf', now) + redis.call('ZCOUNT', queue.leased, '-inf', now)
redis.call('HSET', job, 'st', 'running', 'tg', ARGV[4], 'ra', ARGV[5], 'at', now, 'to', total, 'mv', 0, 'sk', 0,
  'up', text(queue.sequence), 'cu', 0, 'pm', 0, 'by', 0, 'ti', now, 'en', 0, 'pr', '')
redis.call('PERSIST', job)
redis.call('ZADD', queue.base .. ':redrives', now, queue.id)
return { OK }
