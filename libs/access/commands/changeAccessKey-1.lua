--- @include "../../queue/commands/includes/constants"
-- Replaces or removes an access key if it is still as it was read, and unless an account that must keep an enabled key would lose its last one.
-- KEYS[1] access keys · ARGV: id, document as it was read, new document ('' removes), account that must keep an enabled key ('' for none)
-- → OK | STALE: somebody else changed it | EXISTS: it is that account's last enabled key
local key, id, seen, wanted, account = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]

if redis.call('HGET', key, id) ~= seen then return STALE end

local function isEnabled(document)
  if not string.find(document, account, 1, true) then return false end
  local parsed = cjson.decode(document)
  return parsed.account == account and parsed.enabled
end

if account ~= '' and not (wanted ~= '' and isEnabled(wanted)) then
  local left = false
  local all = redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    if all[i] ~= id and isEnabled(all[i + 1]) then
      left = true
      break
    end
  end
  if not left then return EXISTS end
end

if wanted == '' then
  redis.call('HDEL', key, id)
else
  redis.call('HSET', key, id, wanted)
end
return OK
