--- @include "../../queue/commands/includes/constants"
--- @include "../../queue/commands/includes/readNow"
--- @include "includes/loadPending"
-- A run that ends while its queue stays armed leaves the rest to a job that was added: nobody needs to look whether it still lives.
-- KEYS[1] partition · ARGV: now, pending queue id, epoch, run
-- → OK | GONE another run is in charge
local queue = loadPending(KEYS[1], ARGV[2], readNow(ARGV[1]))
if not queue or not queue.armed or queue.epoch ~= tonumber(ARGV[3]) or queue.owner ~= ARGV[4] then return GONE end
redis.call('HSET', queue.key, 'ow', queue.epoch .. ' j')
return OK
