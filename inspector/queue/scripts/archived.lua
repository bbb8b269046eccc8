#!lua flags=allow-oom
-- One outcome is recorded: acknowledge it, and let go of what was held for the archiver.
--
-- KEYS  1 results  2 ring  3 totals  4 held  5 job:<id>  6 image:<id>  7 map:<id>  8 result:<id>
-- ARGV  1 prefix  2 group  3 id  4 its entry in results  5 the entry's cost  6 recent_bytes
-- reply ARCHIVED | ALREADY (acknowledged before; nothing changed)
--
-- A held image keeps its place in the ring, now with its size; one whose place is gone leaves. `held` names the
-- entry: an id that was requeued as a dead letter may be held for its second outcome while the first is archived.
-- Touches the undeclared keys of ring.lua, and <prefix>blobs; they share the hash tag.
-- include ring.lua

if redis.call('XACK', KEYS[1], ARGV[2], ARGV[4]) == 0 then
  return 'ALREADY'
end
redis.call('HINCRBY', KEYS[3], 'archive', 0 - ARGV[5])
if redis.call('HGET', KEYS[4], ARGV[3]) ~= ARGV[4] then
  return 'ARCHIVED'
end
redis.call('HDEL', KEYS[4], ARGV[3])
local place = redis.call('LPOS', KEYS[2], '0:' .. ARGV[3])
if not place then
  unlink(ARGV[1], ARGV[3])
  return 'ARCHIVED'
end
local size = redis.call('HGET', ARGV[1] .. 'blobs', ARGV[3]) or 0
for i = 5, 8 do
  size = size + redis.call('STRLEN', KEYS[i])
end
redis.call('LSET', KEYS[2], place, size .. ':' .. ARGV[3])
evict(ARGV[1], KEYS[2], KEYS[3], redis.call('HINCRBY', KEYS[3], 'recent', size), tonumber(ARGV[6]))
return 'ARCHIVED'
