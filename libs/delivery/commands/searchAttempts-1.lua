-- Looks at one slice of an hour of the attempt log, from the message that was published last down, for the attempts of a topic or of one
-- of its subscriptions. Places in a record: libs/delivery/attempt-log.ts.
-- KEYS[1] sorted set of the hour
-- ARGV  last record of the slice before ('' = from the start) · records to look at · what the record has from its account on (account and
--   names, each with its length) · place of the outcome ('' = any) · earliest and latest time (ms, both included)
-- → {last record that was looked at ('' = there are no more), matching records…}
local before = ARGV[1] == '' and '+' or '(' .. ARGV[1]
local most, names, outcome = tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local since, untilTime = tonumber(ARGV[5]), tonumber(ARGV[6])
local FORMAT_AT, OUTCOME_AT, TIME_AT, NAMES_AT = 27, 28, 29, 47

local records = redis.call('ZREVRANGEBYLEX', KEYS[1], before, '-', 'LIMIT', 0, most)
local found = { #records == most and records[most] or '' }
for _, record in ipairs(records) do
  local format = string.byte(record, FORMAT_AT)
  if (format == 2 or format == 3) and string.sub(record, NAMES_AT, NAMES_AT + #names - 1) == names
    and (not outcome or string.byte(record, OUTCOME_AT) == outcome) then
    local time = struct.unpack('>I6', record, TIME_AT)
    if time >= since and time <= untilTime then found[#found + 1] = record end
  end
end
return found
