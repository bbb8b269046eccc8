#!lua flags=no-writes
-- A look before an image's body is read: would submit have room for it? Only submit decides.
--
-- KEYS  1 work  2 totals  3 lines  4 known
-- ARGV  1 line  2 bytes  3-7 limits, as budget.lua  8 prefix  9 group
--       10 the image's deadline, ms since 1970, or '': whether to tell what comes before it
--       11 ms after which a delivery that was not renewed is nobody's
-- reply {ROOM, now in ms, waiting and in flight, in flight, how many images come before it or -1}
--       {BUSY | LINE, 'bytes' | 'depth', what is held, of it by known ids, of it for the archiver}
-- Touches the undeclared keys of ready.lua; they share the hash tag.
-- include known.lua
-- include budget.lua
-- include ready.lua
-- include ahead.lua

local over = over_budget(ARGV[1], tonumber(ARGV[2]),
  {tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])})
if over then
  return over
end
local load = work_now(KEYS[1], ARGV[9])
local ahead = -1
if ARGV[10] ~= '' then
  ahead = ahead_of(KEYS[1], ARGV[9], ARGV[8], ARGV[1], ARGV[10], load, ARGV[11])
end
return {'ROOM', load[1], load[2], load[3], ahead}
