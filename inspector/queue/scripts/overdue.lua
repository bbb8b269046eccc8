#!lua flags=no-writes
-- Which images have passed their deadline and are in no living worker's hands.
--
-- KEYS  1 work  2 due
-- ARGV  1 prefix  2 group  3 now, ms  4 min_idle, ms: a delivery not renewed for so long is nobody's  5 at most
-- reply {{id, line, job JSON or false}, ...}, the longest overdue first
--
-- Those under way are passed over: there are never more of them than the workers' hands hold.
-- Touches the undeclared keys <prefix>{state,job}:<id>; they share the hash tag.
-- include delivery.lua

local function is_under_way(entry)
  local delivery = delivery_of(KEYS[1], ARGV[2], entry)
  return delivery and delivery[3] < tonumber(ARGV[4])
end

local overdue = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[2], '-inf', ARGV[3], 'BYSCORE')) do
  local held = redis.call('HMGET', ARGV[1] .. 'state:' .. id, 'entry', 'line')
  if held[1] and not is_under_way(held[1]) then
    overdue[#overdue + 1] = {id, held[2], redis.call('GET', ARGV[1] .. 'job:' .. id)}
    if #overdue == tonumber(ARGV[5]) then
      break
    end
  end
end
return overdue
