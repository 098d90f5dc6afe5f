--[[
  Takes, renews or gives back the leases of event sources, all that a process wants in one step.

  KEYS[1]  hash of the event sources; beside it `:lease:<source>` ("fencing number, blank, owner") and `:fencing` (hash, source → last number)

  ARGV[1]  owner
  ARGV[2]  life in milliseconds; 0: give back
  ARGV[3…] names of sources

  Answers for each source the fencing number under which the owner leads it, 0 when another does. A lease that ran out and is taken again gets a new number.
]]
local sources, owner, life = KEYS[1], ARGV[1], tonumber(ARGV[2])
local numbers = {}

for at = 3, #ARGV do
  local name = ARGV[at]
  local key = sources .. ':lease:' .. name
  local held = redis.call('GET', key)
  local number, holder = string.match(held or '', '^(%d+) (.*)$')
  number = tonumber(number or 0)
  if holder == owner then
    if life > 0 then
      redis.call('PEXPIRE', key, life)
    else
      redis.call('DEL', key)
      number = 0
    end
  elseif holder or life == 0 then
    number = 0
  else
    number = redis.call('HINCRBY', sources .. ':fencing', name, 1)
    redis.call('SET', key, number .. ' ' .. owner, 'PX', life)
  end
  numbers[#numbers + 1] = number
end

return numbers
