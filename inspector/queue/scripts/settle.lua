-- Shared by finish, bury and expire, which the loader puts it in front of: an image reaches its terminal state.
--
-- KEYS  1 work  2 results  3 ring  4 totals  5 state:<id>  6 job:<id>  7 image:<id>  8 map:<id>  9 result:<id>
--       10 due  11 lines  12 known
-- ARGV  1 prefix  2 group  3 id  4 line  5 state  6 accept (1 | 0)  7 result JSON or ''  8 error JSON or ''
--       9 map PNG or ''  10 recent_bytes  11 forget_after, ms  12 results_kept, ms
--
-- The image stays, now in the ring of recent ones (ring.lua). state:<id> and its idempotency key are forgotten
-- forget_after from now. Once there is an archiver (attach.lua), what is announced and, of an image that was not
-- accepted, all that is shown counts in the byte budget until it is archived (archived.lua), and trimming is the
-- archiver's: what it has not read stays.
-- Touches the undeclared keys of ring.lua, and <prefix>blobs and <prefix>idem:<hash>; they share the hash tag.

-- include known.lua
-- include delivery.lua
-- include ring.lua

-- What an entry costs beside its texts: field names, ids, its part of a node (measured: 210 B).
local ENTRY_BYTES = 300

local function has_archiver()
  return redis.call('HEXISTS', KEYS[4], 'archive') == 1
end

-- The entry. `held` are the bytes of the image that stay until it is archived.
local function announce(held)
  local archiver = has_archiver()
  local cost = archiver and held + #ARGV[7] + #ARGV[8] + ENTRY_BYTES or 0
  local entry = redis.call('XADD', KEYS[2], '*', 'id', ARGV[3], 'line', ARGV[4], 'state', ARGV[5], 'accept', ARGV[6],
    'result', ARGV[7], 'error', ARGV[8], 'cost', cost)
  if archiver then
    redis.call('HINCRBY', KEYS[4], 'archive', cost)
  else
    redis.call('XTRIM', KEYS[2], 'MINID', '~', string.format('%.0f', now_ms() - tonumber(ARGV[12])))
  end
  return entry
end

-- In the server, or in the blob store.
local function image_bytes()
  return redis.call('STRLEN', KEYS[7]) + (redis.call('HGET', ARGV[1] .. 'blobs', ARGV[3]) or 0)
end

local function shown_bytes()
  return image_bytes() + redis.call('STRLEN', KEYS[6]) + #ARGV[7] + #ARGV[9]
end

-- `size` is 0 while the archiver holds it.
local function keep_recent(size)
  if ARGV[7] ~= '' then redis.call('SET', KEYS[9], ARGV[7]) end
  if ARGV[9] ~= '' then redis.call('SET', KEYS[8], ARGV[9]) end
  redis.call('LPUSH', KEYS[3], size .. ':' .. ARGV[3])
  evict(ARGV[1], KEYS[3], KEYS[4], redis.call('HINCRBY', KEYS[4], 'recent', size), tonumber(ARGV[10]))
end

-- What the line holds, less one image. A line that holds nothing leaves no field behind: lines come and go.
local function leave_line(size)
  local bytes, depth = ARGV[4] .. ':bytes', ARGV[4] .. ':depth'
  redis.call('HINCRBY', KEYS[11], bytes, 0 - size)
  if redis.call('HINCRBY', KEYS[11], depth, -1) <= 0 then
    redis.call('HDEL', KEYS[11], bytes, depth)
  end
end

-- The outcome, and the end of the work. `held` as of announce, whose reply it gives.
local function record(entry, token, held)
  redis.call('HSET', KEYS[5], 'state', ARGV[5], 'accept', ARGV[6], 'token', token)
  if ARGV[8] ~= '' then redis.call('HSET', KEYS[5], 'error', ARGV[8]) end
  redis.pcall('XACK', KEYS[1], ARGV[2], entry)
  redis.call('XDEL', KEYS[1], entry)
  redis.call('ZREM', KEYS[10], ARGV[3])
  local size = redis.call('HGET', KEYS[5], 'bytes')
  redis.call('HINCRBY', KEYS[4], 'bytes', 0 - size)
  leave_line(size)
  return announce(held)
end

local function settle(entry, token)
  local size = shown_bytes()
  local hold = ARGV[6] ~= '1' and has_archiver()
  local announced = record(entry, token, hold and size or 0)
  if hold then
    redis.call('HSET', ARGV[1] .. 'held', ARGV[3], announced)
  end
  keep_recent(hold and 0 or size)
  redis.call('PEXPIRE', KEYS[5], ARGV[11])
  count_known(KEYS[12], tonumber(ARGV[11]))
  local hash = redis.call('HGET', KEYS[5], 'idem')
  if hash ~= '' then redis.call('PEXPIRE', ARGV[1] .. 'idem:' .. hash, ARGV[11]) end
end
