-- Records of queues, topics and subscriptions: id (11) · format (1) · version (4) · create time (6) · modify time (6) · JSON.
local function packRecord(id, version, created, modified, json)
  return id .. struct.pack('>BI4I6I6', 1, version, created, modified) .. json
end

local function recordId(record)
  return string.sub(record, 1, 11)
end

local function recordTimes(record)
  local _, version, created, modified = struct.unpack('>BI4I6I6', record, 12)
  return version, created, modified
end
