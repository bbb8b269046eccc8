#!lua flags=allow-oom
-- Take over entries whose worker stopped renewing them.
--
-- KEYS  1 work
-- ARGV  1 group  2 consumer  3 min_idle, ms  4 cursor of the last call, or 0-0  5 count
-- reply {next cursor, {{entry, delivery count, id, line}, ...}}
--
-- The cursor is kept by the caller: starting at 0-0 each time would never reach later entries. Where a call
-- ends at the list's end with nothing, it looks once more from the start, so that what was abandoned behind the
-- cursor does not wait for a whole round.

local function claim(cursor)
  return redis.call('XAUTOCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], cursor, 'COUNT', ARGV[5])
end

local claimed = claim(ARGV[4])
if #claimed[2] == 0 and claimed[1] == '0-0' and ARGV[4] ~= '0-0' then
  claimed = claim('0-0')
end

local taken = {}
for _, message in ipairs(claimed[2]) do
  local pending = redis.call('XPENDING', KEYS[1], ARGV[1], message[1], message[1], 1)
  -- The fields stand in the order of submit.lua: id, <id>, line, <line>, ...
  taken[#taken + 1] = {message[1], pending[1][4], message[2][2], message[2][4]}
end
return {claimed[1], taken}
