#!lua flags=allow-oom
-- A worker says that it lives.
--
-- KEYS  1 workers
-- ARGV  1 name  2 WorkerReport as JSON  3 ms after which a worker that is silent is forgotten
-- reply OK
--
-- By the server's clock, so that workers with clocks of their own compare. allow-oom: the status of a full
-- server is when it is looked at.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local reports = redis.call('HGETALL', KEYS[1])
for i = 1, #reports, 2 do
  if tonumber(string.match(reports[i + 1], '^%d+')) < now - tonumber(ARGV[3]) then
    redis.call('HDEL', KEYS[1], reports[i])
  end
end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f ', now) .. ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return redis.status_reply('OK')
