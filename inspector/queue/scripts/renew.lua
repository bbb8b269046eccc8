#!lua flags=allow-oom
-- Heartbeat of one consumer for all the entries in its hands.
--
-- KEYS  1 work
-- ARGV  1 group  2 consumer  3... pairs: entry, delivery count
-- reply the entries that are no longer this delivery's
--
-- Looks before it claims: an unguarded XCLAIM would steal back an entry that another worker was given.
-- JUSTID leaves the delivery count alone.
-- include delivery.lua

local lost = {}
for i = 3, #ARGV, 2 do
  local entry, count = ARGV[i], tonumber(ARGV[i + 1])
  local delivery = delivery_of(KEYS[1], ARGV[1], entry)
  if delivery and delivery[1] == ARGV[2] and delivery[2] == count then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, entry, 'JUSTID')
  else
    lost[#lost + 1] = entry
  end
end
return lost
