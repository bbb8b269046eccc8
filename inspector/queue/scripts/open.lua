#!lua flags=allow-oom
-- Make sure that the group is there, and forget consumers of workers long gone.
--
-- KEYS  1 work
-- ARGV  1 group  2 idle, ms, beyond which a consumer that holds nothing is forgotten
-- reply OK
--
-- Id 0: entries from before the group count. Only BUSYGROUP (it is there) is swallowed.
-- allow-oom: XGROUP CREATE is refused on a full server, and then no worker could ever empty it.

local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
if made.err and not string.find(made.err, 'BUSYGROUP', 1, true) then
  return made
end
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  -- name, <name>, pending, <pending>, idle, <ms>, ...
  if consumer[4] == 0 and consumer[6] > tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer[2])
  end
end
return redis.status_reply('OK')
