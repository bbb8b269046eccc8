-- How many finished ids are known: counted in slices of time, since nobody is told when a key's TTL ends.
--
-- The hash `known` has one field a slice: the time (ms) by which all of its ids are forgotten -> how many they are.

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function known_ids(key)
  local now, count = now_ms(), 0
  local slices = redis.call('HGETALL', key)
  for i = 1, #slices, 2 do
    if tonumber(slices[i]) > now then
      count = count + slices[i + 1]
    end
  end
  return count
end

-- One more, for forget_ms from now. At most some 25 slices are there at a time.
local function count_known(key, forget_ms)
  local width = math.max(1, math.floor(forget_ms / 24))
  local now = now_ms()
  local slice = string.format('%.0f', (math.floor((now + forget_ms) / width) + 1) * width)
  if redis.call('HINCRBY', key, slice, 1) == 1 then
    for _, old in ipairs(redis.call('HKEYS', key)) do
      if tonumber(old) <= now then redis.call('HDEL', key, old) end
    end
  end
end

