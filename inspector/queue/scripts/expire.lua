#!lua flags=allow-oom
-- Expire an image that no worker has started: a gateway's part when no worker is alive.
--
-- KEYS, ARGV 1-12  as settle.lua
-- ARGV  13 the drain consumer: what it holds was handed back unstarted
-- reply RECORDED | LOST (under way, already finished, or not known; nothing changed)
-- include settle.lua

local held = redis.call('HMGET', KEYS[5], 'state', 'entry')
if held[1] ~= 'queued' then
  return 'LOST'
end
local delivery = delivery_of(held[2])
if delivery and delivery[1] ~= ARGV[13] then
  return 'LOST'
end
settle(held[2], '')
return 'RECORDED'
