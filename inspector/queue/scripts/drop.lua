#!lua flags=allow-oom
-- Drop one dead letter: a person has seen it, or does not need to.
--
-- KEYS  1 dead  2 totals  3 state:<id>
-- ARGV  1 prefix  2 forget_after, ms
-- reply DROPPED | UNKNOWN (no dead letter of that id)
-- include letters.lua

local letter = redis.call('HGET', KEYS[3], 'dead')
if not letter then
  return 'UNKNOWN'
end
release(KEYS[1], KEYS[2], ARGV[1], redis.call('XRANGE', KEYS[1], letter, letter)[1], ARGV[2])
return 'DROPPED'
