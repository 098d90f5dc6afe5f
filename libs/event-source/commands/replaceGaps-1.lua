-- Replaces the open gaps of a source, unless somebody else changed them since they were read; a gap that closes goes to the history.
-- KEYS[1] open gaps of the source · ARGV: text as it was read ('' for none), new text ('' for none), gaps that history keeps, then
--   the texts of gaps that close
-- → 1, or 0 when the text is another by now
local key, seen, wanted = KEYS[1], ARGV[1], ARGV[2]
if (redis.call('GET', key) or '') ~= seen then return 0 end

if wanted ~= '' then redis.call('SET', key, wanted) end
for at = 4, #ARGV do
  redis.call('LPUSH', key .. ':closed', ARGV[at])
  redis.call('LTRIM', key .. ':closed', 0, tonumber(ARGV[3]) - 1)
end
if wanted == '' then redis.call('DEL', key) end
return 1
