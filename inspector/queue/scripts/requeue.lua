#!lua flags=allow-oom
-- Give one dead letter to the workers again: the same id and key, waiting, and never delivered.
--
-- KEYS  1 work  2 dead  3 totals  4 ring  5 state:<id>  6 job:<id>  7 lines
-- ARGV  1 id  2 job JSON: what a worker shall read now
-- reply REQUEUED | UNKNOWN (no dead letter of that id)
--
-- A new entry, so its deliveries count from one and no earlier delivery can finish it: a re-inspection, behind
-- the live ones. Its bytes are held already, so no budget is asked.

local letter = redis.call('HGET', KEYS[5], 'dead')
if not letter then
  return 'UNKNOWN'
end
-- The fields stand in the order of bury.lua: id, <id>, bytes, <bytes>, line, <line>.
local fields = redis.call('XRANGE', KEYS[2], letter, letter)[1][2]
redis.call('XDEL', KEYS[2], letter)
redis.call('HINCRBY', KEYS[3], 'dead', 0 - fields[4])
redis.call('LREM', KEYS[4], 1, '0:' .. ARGV[1])

local time = redis.call('TIME')
local entry = redis.call('XADD', KEYS[1], '*', 'id', ARGV[1], 'line', fields[6], 'priority', '1', 'due', '')
redis.call('HDEL', KEYS[5], 'dead', 'accept', 'token', 'error', 'deliveries')
redis.call('HSET', KEYS[5], 'state', 'queued', 'entry', entry,
  'submitted', string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)))
redis.call('SET', KEYS[6], ARGV[2])
local size = redis.call('HGET', KEYS[5], 'bytes')
redis.call('HINCRBY', KEYS[3], 'bytes', size)
redis.call('HINCRBY', KEYS[7], fields[6] .. ':bytes', size)
redis.call('HINCRBY', KEYS[7], fields[6] .. ':depth', 1)
return 'REQUEUED'
