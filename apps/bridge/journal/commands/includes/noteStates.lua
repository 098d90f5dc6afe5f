-- Seconds that marks live after the last one of the same day was written.
local STATE_LIFE = 345600

local function statesKey(journal, id, day)
  return journal .. ':states:' .. day .. ':' .. string.byte(id)
end

-- Marks a state as told. `mark`: 'e' by an event, 'r' because of a listing, 'r' and 8 bytes for the event that came after that.
-- A full Redis refuses it, and then the mark is missing: what is listed may be told twice, but nothing is held up.
local function noteState(journal, id, day, mark)
  local key = statesKey(journal, id, day)
  if #mark > 1 then
    local before = redis.call('HGET', key, id)
    if before and before ~= 'r' then return end
    redis.pcall('HSET', key, id, mark)
  else
    redis.pcall('HSETNX', key, id, mark)
  end
  redis.pcall('EXPIRE', key, STATE_LIFE)
end
