#!lua flags=no-writes
-- A look before an image's body is read: would submit have room for it? Only submit decides.
--
-- KEYS  1 work  2 totals  3 lines  4 known
-- ARGV  1 line  2 bytes  3-7 limits, as budget.lua
-- reply false, or {BUSY | LINE, 'bytes' | 'depth', what is held, of it by known ids, of it for the archiver}
-- include known.lua
-- include budget.lua

return over_budget(ARGV[1], tonumber(ARGV[2]),
  {tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])}) or false
