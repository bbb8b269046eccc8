#!lua flags=allow-oom
-- Bury one poison image: failed, announced, and written to the dead-letter stream.
--
-- KEYS, ARGV 1-12  as settle.lua;  KEYS 10 dead
-- ARGV  13 entry  14 consumer  15 delivery count  16 job JSON or ''  17 dead letters kept
-- reply RECORDED | ALREADY | LOST, as finish.lua
--
-- The dead-letter stream is a log beside the images' states, not a queue: it may be trimmed.
-- include settle.lua

local token = ARGV[13] .. '/' .. ARGV[14] .. '/' .. ARGV[15]
local held = redis.call('HMGET', KEYS[5], 'state', 'token')
if held[1] ~= 'queued' then
  return held[2] == token and 'ALREADY' or 'LOST'
end
local delivery = delivery_of(ARGV[13])
if not delivery or delivery[1] ~= ARGV[14] or delivery[2] ~= tonumber(ARGV[15]) then
  return 'LOST'
end
settle(ARGV[13], token)
redis.call('XADD', KEYS[10], 'MAXLEN', '~', ARGV[17], '*', 'id', ARGV[3], 'line', ARGV[4], 'entry', ARGV[13],
  'consumer', ARGV[14], 'deliveries', ARGV[15], 'image', KEYS[7], 'job', ARGV[16], 'error', ARGV[8])
return 'RECORDED'
