#!lua flags=allow-oom
-- Record the outcome of one delivery, exactly once.
--
-- KEYS, ARGV 1-12  as settle.lua
-- ARGV  13 entry  14 consumer  15 delivery count
-- reply RECORDED
--       ALREADY   this very delivery was recorded before: its reply was lost
--       LOST      the image is another delivery's, or was finished by one, or is not known; nothing changed
--
-- allow-oom: on a full server this is what frees memory, so it must not be refused there.
-- include settle.lua

local token = ARGV[13] .. '/' .. ARGV[14] .. '/' .. ARGV[15]
local held = redis.call('HMGET', KEYS[5], 'state', 'token')
if held[1] ~= 'queued' then
  return held[2] == token and 'ALREADY' or 'LOST'
end
local delivery = delivery_of(KEYS[1], ARGV[2], ARGV[13])
if not delivery or delivery[1] ~= ARGV[14] or delivery[2] ~= tonumber(ARGV[15]) then
  return 'LOST'
end
settle(ARGV[13], token)
return 'RECORDED'
