#!lua flags=allow-oom
-- Give unstarted entries up, so that the next sweep of any worker takes them at once.
--
-- KEYS  1 work
-- ARGV  1 group  2 consumer  3 the drain consumer  4 idle, ms: beyond any min_idle  5... pairs: entry, count
-- reply how many were still this delivery's and were given up
--
-- RETRYCOUNT count - 1: the sweep that takes it counts one more, so a drain is no delivery of its own.

local given = 0
for i = 5, #ARGV, 2 do
  local entry, count = ARGV[i], tonumber(ARGV[i + 1])
  local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], entry, entry, 1)
  if not pending.err and #pending == 1 and pending[1][2] == ARGV[2] and pending[1][4] == count then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[3], 0, entry, 'IDLE', ARGV[4], 'RETRYCOUNT', count - 1, 'JUSTID')
    given = given + 1
  end
end
return given
