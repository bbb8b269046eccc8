#!lua flags=allow-oom
-- Write something: who has it (WAIT) has all that was written before, by whomever.
--
-- KEYS  1 totals
-- ARGV  none
-- reply OK
--
-- allow-oom: outcomes are told on a full server too.

redis.call('HSET', KEYS[1], 'marked', 1)
return redis.status_reply('OK')
