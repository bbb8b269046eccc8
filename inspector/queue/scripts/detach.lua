#!lua flags=allow-oom
-- There is no archiver any more: nothing is counted or held for one, and the stream is trimmed by its age again.
--
-- KEYS  1 results  2 totals
-- ARGV  1 group  2 this archiver  3 idle, ms, below which another archiver is taken to run
-- reply {how many outcomes wait to be archived, '' or the archiver that runs}; done where both are nothing
--
-- A running archiver would make the group anew, and be given every outcome that is still there once more.
-- What waits must be archived first: it holds images, and their bytes are counted.

local waiting = 0
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
for _, group in ipairs(groups.err and {} or groups) do
  -- name, <name>, consumers, <n>, pending, <n>, last-delivered-id, <id>, ...
  if group[2] == ARGV[1] then
    for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
      -- name, <name>, pending, <pending>, idle, <ms>, ...
      if consumer[2] ~= ARGV[2] and consumer[6] < tonumber(ARGV[3]) then
        return {group[6], consumer[2]}
      end
    end
    waiting = group[6] + #redis.call('XRANGE', KEYS[1], '(' .. group[8], '+', 'COUNT', 10000)
    if waiting == 0 then
      redis.call('XGROUP', 'DESTROY', KEYS[1], ARGV[1])
    end
  end
end
if waiting == 0 then
  redis.call('HDEL', KEYS[2], 'archive')
end
return {waiting, ''}
