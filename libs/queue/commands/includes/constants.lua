-- Answer codes, shared with libs/queue/reply-code.ts, and the numbers of the key layout (docs/redis-keys.md).
local OK, STALE, AGAIN, GONE, DUPLICATE, EXISTS = 0, 1, 2, 3, 4, 5

local CHUNK = 4096
local RANK = 281474976710656 -- 2^48: priority · RANK + sequence number is exact in a double
local PROMOTE_LIMIT = 128
