#!lua flags=allow-oom
-- Trim the result stream: what is older than live readers come back for, and never what is not archived.
--
-- KEYS  1 results
-- ARGV  1 group  2 results_kept, ms
-- reply how many entries left
-- include known.lua

-- All before it were archived: the oldest one in an archiver's hands, else the last that was given to one.
local function first_needed()
  local pending = redis.call('XPENDING', KEYS[1], ARGV[1])
  if pending[1] > 0 then
    return pending[2]
  end
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    -- name, <name>, consumers, <n>, pending, <n>, last-delivered-id, <id>, ...
    if group[2] == ARGV[1] then
      return group[8]
    end
  end
end

local needed = first_needed()
local age = now_ms() - tonumber(ARGV[2])
if tonumber(string.match(needed, '^%d+')) > age then
  needed = string.format('%.0f', age)
end
return redis.call('XTRIM', KEYS[1], 'MINID', '~', needed)
