#!lua flags=allow-oom
-- Bury one poison image: failed, announced, and held as a dead letter until a person drops or requeues it.
--
-- KEYS, ARGV 1-12  as settle.lua;  KEYS 13 dead
-- ARGV  13 entry  14 consumer  15 delivery count  16 dead letters kept  17 their bytes kept
-- reply RECORDED | ALREADY | LOST, as finish.lua
--
-- state:<id>, job:<id> and image:<id> stay without a TTL as long as the letter does. The oldest letters leave when
-- there are too many, or too many bytes of them; the newest never.
-- include settle.lua
-- include letters.lua

local token = ARGV[13] .. '/' .. ARGV[14] .. '/' .. ARGV[15]
local held = redis.call('HMGET', KEYS[5], 'state', 'token')
if held[1] ~= 'queued' then
  return held[2] == token and 'ALREADY' or 'LOST'
end
local delivery = delivery_of(KEYS[1], ARGV[2], ARGV[13])
if not delivery or delivery[1] ~= ARGV[14] or delivery[2] ~= tonumber(ARGV[15]) then
  return 'LOST'
end
record(ARGV[13], token, 0)  -- the letter holds the image
redis.call('LPUSH', KEYS[3], '0:' .. ARGV[3])

local size = image_bytes() + redis.call('STRLEN', KEYS[6])
local letter = redis.call('XADD', KEYS[13], '*', 'id', ARGV[3], 'bytes', size, 'line', ARGV[4],
  'consumer', ARGV[14], 'deliveries', ARGV[15], 'error', ARGV[8])
redis.call('HSET', KEYS[5], 'dead', letter)
local bytes = redis.call('HINCRBY', KEYS[4], 'dead', size)
local count = redis.call('XLEN', KEYS[13])
while count > 1 and (count > tonumber(ARGV[16]) or bytes > tonumber(ARGV[17])) do
  local oldest = redis.call('XRANGE', KEYS[13], '-', '+', 'COUNT', 1)[1]
  release(KEYS[13], KEYS[4], ARGV[1], oldest, ARGV[11])
  count, bytes = count - 1, bytes - letter_of(oldest)[2]
end
return 'RECORDED'
