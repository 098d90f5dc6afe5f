-- Milliseconds since the epoch: the caller's time where it passed one (tests), else the server's clock, the only one all processes share.
local function readNow(passed)
  if passed ~= '' then return tonumber(passed) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
