#!lua flags=allow-oom
-- A worker leaves: its report goes, and its consumer too if it holds nothing.
--
-- KEYS  1 work  2 workers
-- ARGV  1 group  2 consumer
-- reply how many entries it still holds; a sweep will take them
--
-- Deleting a consumer drops its pending list: with an entry in it, that image would be lost.

redis.call('HDEL', KEYS[2], ARGV[2])
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2])
if pending.err then
  return string.find(pending.err, 'NOGROUP', 1, true) and 0 or pending
end
if #pending == 0 then
  redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
end
return #pending
