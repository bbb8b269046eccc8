-- Shared by finish, bury and expire, which the loader puts it in front of: an image reaches its terminal state.
--
-- KEYS  1 work  2 results  3 ring  4 totals  5 state:<id>  6 job:<id>  7 image:<id>  8 map:<id>  9 result:<id>
--       10 due  11 lines  12 known
-- ARGV  1 prefix  2 group  3 id  4 line  5 state  6 accept (1 | 0)  7 result JSON or ''  8 error JSON or ''
--       9 map PNG or ''  10 recent_bytes  11 forget_after, ms  12 results_kept, ms
--
-- The image stays, now in the ring of recent ones; the oldest of the ring leave when it holds more than
-- recent_bytes, the newest never. state:<id> and its idempotency key are forgotten forget_after from now.
-- A dead letter is in the ring too, with size 0: what it holds is its own, and does not leave with the ring.
-- Touches the undeclared keys <prefix>{job,image,map,result,state}:<evicted id> and <prefix>idem:<hash>; they
-- share the hash tag.

-- include known.lua

-- A lowered recent_bytes must not hold the server up: the rest leaves with the next images.
local EVICT_AT_MOST = 1000

-- {consumer, delivery count, idle ms} of a pending entry, or nil; no group is no delivery.
local function delivery_of(entry)
  local pending = redis.pcall('XPENDING', KEYS[1], ARGV[2], entry, entry, 1)
  if pending.err or #pending == 0 then
    return nil
  end
  return {pending[1][2], pending[1][4], pending[1][3]}
end

local function evict(recent)
  local evicted = 0
  while recent > tonumber(ARGV[10]) and evicted < EVICT_AT_MOST and redis.call('LLEN', KEYS[3]) > 1 do
    local size, id = string.match(redis.call('RPOP', KEYS[3]), '^(%d+):(.*)$')
    if redis.call('HEXISTS', ARGV[1] .. 'state:' .. id, 'dead') == 0 then
      redis.call('UNLINK', ARGV[1] .. 'job:' .. id, ARGV[1] .. 'image:' .. id, ARGV[1] .. 'map:' .. id,
        ARGV[1] .. 'result:' .. id)
    end
    -- 0 - size, since -0 would be written "-0", which is no integer.
    recent = redis.call('HINCRBY', KEYS[4], 'recent', 0 - size)
    evicted = evicted + 1
  end
end

local function announce()
  redis.call('XADD', KEYS[2], '*', 'id', ARGV[3], 'line', ARGV[4], 'state', ARGV[5], 'accept', ARGV[6],
    'result', ARGV[7], 'error', ARGV[8])
  redis.call('XTRIM', KEYS[2], 'MINID', '~', string.format('%.0f', now_ms() - tonumber(ARGV[12])))
end

local function keep_recent()
  if ARGV[7] ~= '' then redis.call('SET', KEYS[9], ARGV[7]) end
  if ARGV[9] ~= '' then redis.call('SET', KEYS[8], ARGV[9]) end
  local size = redis.call('STRLEN', KEYS[7]) + redis.call('STRLEN', KEYS[6]) + #ARGV[7] + #ARGV[9]
  redis.call('LPUSH', KEYS[3], size .. ':' .. ARGV[3])
  evict(redis.call('HINCRBY', KEYS[4], 'recent', size))
end

-- What the line holds, less one image. A line that holds nothing leaves no field behind: lines come and go.
local function leave_line(size)
  local bytes, depth = ARGV[4] .. ':bytes', ARGV[4] .. ':depth'
  redis.call('HINCRBY', KEYS[11], bytes, 0 - size)
  if redis.call('HINCRBY', KEYS[11], depth, -1) <= 0 then
    redis.call('HDEL', KEYS[11], bytes, depth)
  end
end

-- The outcome, and the end of the work.
local function record(entry, token)
  redis.call('HSET', KEYS[5], 'state', ARGV[5], 'accept', ARGV[6], 'token', token)
  if ARGV[8] ~= '' then redis.call('HSET', KEYS[5], 'error', ARGV[8]) end
  redis.pcall('XACK', KEYS[1], ARGV[2], entry)
  redis.call('XDEL', KEYS[1], entry)
  redis.call('ZREM', KEYS[10], ARGV[3])
  local size = redis.call('HGET', KEYS[5], 'bytes')
  redis.call('HINCRBY', KEYS[4], 'bytes', 0 - size)
  leave_line(size)
  announce()
end

local function settle(entry, token)
  record(entry, token)
  keep_recent()
  redis.call('PEXPIRE', KEYS[5], ARGV[11])
  count_known(KEYS[12], tonumber(ARGV[11]))
  local hash = redis.call('HGET', KEYS[5], 'idem')
  if hash ~= '' then redis.call('PEXPIRE', ARGV[1] .. 'idem:' .. hash, ARGV[11]) end
end
