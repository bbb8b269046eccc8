#!lua flags=allow-oom
-- Give unstarted entries up: they wait again, in their old place, for whoever takes next.
--
-- KEYS  1 work
-- ARGV  1 prefix  2 group  3 consumer  4 NO_DEADLINE_MS, as ready.lua  5... pairs: entry, delivery count
-- reply how many were still this delivery's and were given up
--
-- A drain is no delivery: what is left of the count is kept in state:<id>, and the next delivery counts from it.
-- Touches the undeclared keys of ready.lua and <prefix>state:<id>; they share the hash tag.
-- include ready.lua
-- include delivery.lua

local given = 0
for i = 5, #ARGV, 2 do
  local entry, count = ARGV[i], tonumber(ARGV[i + 1])
  local delivery = delivery_of(KEYS[1], ARGV[2], entry)
  if delivery and delivery[1] == ARGV[3] and delivery[2] == count then
    local fields = redis.call('XRANGE', KEYS[1], entry, entry)[1][2]
    redis.call('HSET', ARGV[1] .. 'state:' .. facts_of(fields).id, 'deliveries', count - 1)
    redis.call('XACK', KEYS[1], ARGV[2], entry)
    put_ready(ARGV[1], entry, fields, tonumber(ARGV[4]))
    given = given + 1
  end
end
return given
