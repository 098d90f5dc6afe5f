--- @include "../../queue/commands/includes/constants"
--- @include "../../queue/commands/includes/readNow"
--- @include "includes/replay"
-- Orders that what a subscription gave up, or kept of what was delivered, in a span of time be delivered again. What comes after the order takes no part in it.
-- KEYS[1] partition · ARGV: now, pending queue id, retention (ms), from (ms), to (ms), at most, deliveries per second,
--   outcome ('failed' or 'delivered')
-- → {OK} | {EXISTS} when a replay of the subscription is under way | {GONE}
-- The first second's worth may go at once.
local HEAD_START = 1000
local queue = loadPending(KEYS[1], ARGV[2], readNow(ARGV[1]))
if not queue then return { GONE } end
local job, now = queue.key .. ':j', text(queue.now)
if redis.call('HGET', job, 'st') == 'running' then return { EXISTS } end

local last = text(math.min(tonumber(ARGV[5]), queue.now))
local total = math.min(redis.call('ZCOUNT', storeOf(queue, ARGV[8]).index, ARGV[4], last), tonumber(ARGV[6]))
redis.call('HSET', job, 'st', 'running', 're', ARGV[3], 'fr', ARGV[4], 'la', last, 'ra', ARGV[7], 'at', now, 'en', 0, 'to', total, 'mv', 0,
  'ti', text(queue.now - HEAD_START), 'oc', ARGV[8])
redis.call('PERSIST', job)
redis.call('ZADD', queue.base .. ':replays', now, queue.id)
return { OK }
