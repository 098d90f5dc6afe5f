--[[
  Writes or deletes one channel unless it was changed since it was read.

  KEYS[1]  hash: channel name → JSON, of one account

  ARGV[1]  channel name
  ARGV[2]  its JSON as it was read; empty: there was none
  ARGV[3]  its new JSON; empty: deleted
  ARGV[4]  most channels of an account

  Answers  0 done · 1 stale: read again · 2 the account has as many as it may have
]]
local channels = KEYS[1]
local name, before, after, most = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])

if (redis.call('HGET', channels, name) or '') ~= before then return 1 end
if after == '' then
  redis.call('HDEL', channels, name)
  return 0
end
if before == '' and redis.call('HLEN', channels) >= most then return 2 end
redis.call('HSET', channels, name, after)
return 0
