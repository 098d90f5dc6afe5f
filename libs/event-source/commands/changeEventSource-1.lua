--[[
  Writes or deletes one event source unless it was changed since it was read.

  KEYS[1]  hash: source name → JSON, of the whole deployment; beside it `:names:<account>` and `:version`

  ARGV[1]  source name
  ARGV[2]  its JSON as it was read; empty: there was none
  ARGV[3]  its new JSON; empty: deleted
  ARGV[4]  its account
  ARGV[5]  most sources of an account

  Answers  {0, version} done · {1} stale: read again · {2} the account has as many as it may have
]]
local sources = KEYS[1]
local name, before, after, account, most = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local names = sources .. ':names:' .. account

if (redis.call('HGET', sources, name) or '') ~= before then return {1} end
if after == '' then
  redis.call('HDEL', sources, name)
  redis.call('SREM', names, name)
else
  if before == '' and redis.call('SCARD', names) >= most then return {2} end
  redis.call('HSET', sources, name, after)
  redis.call('SADD', names, name)
end
return {0, redis.call('INCR', sources .. ':version')}
