--[[
  Notes where the event of a canary was seen; the first sighting counts.

  KEYS[1]  hash of one canary

  ARGV[1]  field: what happened, a blank, and where it was seen
  ARGV[2]  what else is known, JSON
  ARGV[3]  life of the hash in milliseconds
]]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSETNX', KEYS[1], ARGV[1], string.format('%.0f', now) .. ' ' .. ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 0
