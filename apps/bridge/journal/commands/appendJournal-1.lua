--- @deny-oom
--- @include "includes/readEntries"
-- Stores bodies at the end of the journal and takes the oldest untaken entries for their processor, in one step: an entry that the
-- appender has room for needs no second call to be read.
-- KEYS[1] journal · ARGV: group, consumer, most entries to take, most entries in the journal, then 2 per body: head, body
-- → {entries stored, or -1 when the journal is full, {entry, …}}
local journal, group, consumer = KEYS[1], ARGV[1], ARGV[2]
if redis.call('XLEN', journal) >= tonumber(ARGV[4]) then return { -1, {} } end

local stored = 0
for at = 5, #ARGV, 2 do
  redis.call('XADD', journal, '*', 'h', ARGV[at], 'b', ARGV[at + 1])
  stored = stored + 1
end
local entries = readEntries(journal, group, consumer, tonumber(ARGV[3]))
return { stored, entries }
