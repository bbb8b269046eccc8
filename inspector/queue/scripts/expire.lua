#!lua flags=allow-oom
-- Expire an image that is in no living worker's hands: a gateway's part, since no worker may be alive.
--
-- KEYS, ARGV 1-12  as settle.lua
-- ARGV  13 min_idle, ms: a delivery that was not renewed for so long is nobody's
-- reply RECORDED | LOST (under way, already finished, or not known; nothing changed)
--       A deadline of one that is finished goes: a worker of a version that has none here left it behind.
-- Touches the undeclared keys of ready.lua; they share the hash tag.
-- include settle.lua
-- include ready.lua

local held = redis.call('HMGET', KEYS[5], 'state', 'entry')
if held[1] ~= 'queued' then
  redis.call('ZREM', KEYS[10], ARGV[3])
  return 'LOST'
end
local delivery = delivery_of(KEYS[1], ARGV[2], held[2])
if delivery and delivery[3] < tonumber(ARGV[13]) then
  return 'LOST'
end
local entry = redis.call('XRANGE', KEYS[1], held[2], held[2])[1]
if entry then
  drop_ready(ARGV[1], held[2], entry[2])
end
settle(held[2], '')
return 'RECORDED'
