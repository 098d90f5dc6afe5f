--- @include "includes/inventory"
-- A walk of a bucket begins: from now on its changes are kept.
-- KEYS[1] journal · ARGV: `source:bucket`, milliseconds that the walk is taken to go on without a word
-- → 1
redis.call('HSET', inventoryKey(KEYS[1], ARGV[1]) .. ':meta', 'w', string.format('%d', nowMillis() + ARGV[2]))
return 1
