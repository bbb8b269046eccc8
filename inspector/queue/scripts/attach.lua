#!lua flags=allow-oom
-- There is an archiver from now on: settle.lua counts what waits for it, and leaves trimming to it.
--
-- KEYS  1 totals
-- ARGV  none
-- reply OK

redis.call('HSETNX', KEYS[1], 'archive', 0)
return redis.status_reply('OK')
