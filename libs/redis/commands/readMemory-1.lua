-- The memory of the node that holds the key, asked for in a script because a cluster brings scripts to that node.
-- KEYS[1] any key of the node · ARGV: –
-- → {bytes used, as far as they count against the limit, limit in bytes (0 = none), what is done at the limit}
local info = redis.call('INFO', 'memory')
local used = tonumber(string.match(info, 'used_memory:(%d+)'))
local buffers = tonumber(string.match(info, 'mem_not_counted_for_evict:(%d+)') or 0)
local limit = string.match(info, 'maxmemory:(%d+)') or '0'
return { string.format('%.0f', used - buffers), limit, string.match(info, 'maxmemory_policy:(%S+)') or '' }
