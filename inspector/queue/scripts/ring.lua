-- Shared by settle and archived, which the loader puts it in front of: the ring of recent images.
--
-- The oldest leave when it holds more than recent_bytes, the newest never. What a dead letter holds, or the archiver
-- has not released, is in the ring with size 0, and does not leave the server with it.
-- Touches the undeclared keys of unlink.lua, and <prefix>held and <prefix>state:<evicted id>; they share the hash tag.
-- include unlink.lua

-- A lowered recent_bytes must not hold the server up: the rest leaves with the next images.
local EVICT_AT_MOST = 1000

local function is_held(prefix, id)
  return redis.call('HEXISTS', prefix .. 'state:' .. id, 'dead') == 1
    or redis.call('HEXISTS', prefix .. 'held', id) == 1
end

-- `recent`: what the ring holds now.
local function evict(prefix, ring, totals, recent, recent_bytes)
  local evicted = 0
  while recent > recent_bytes and evicted < EVICT_AT_MOST and redis.call('LLEN', ring) > 1 do
    local size, id = string.match(redis.call('RPOP', ring), '^(%d+):(.*)$')
    if not is_held(prefix, id) then
      unlink(prefix, id)
    end
    -- 0 - size, since -0 would be written "-0", which is no integer.
    recent = redis.call('HINCRBY', totals, 'recent', 0 - size)
    evicted = evicted + 1
  end
end
