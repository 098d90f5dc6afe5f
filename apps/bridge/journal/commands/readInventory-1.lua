--- @include "includes/inventory"
-- What inventories have of objects.
-- KEYS[1] journal · ARGV: per object: `source:bucket`, key
-- → {entry or '', …}
local entries = {}
for at = 1, #ARGV, 2 do
  local _, chunk = chunkOf(inventoryKey(KEYS[1], ARGV[at]), ARGV[at + 1])
  entries[#entries + 1] = chunk and entryOf(chunk, ARGV[at + 1]) or ''
end
return entries
