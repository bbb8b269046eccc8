#!lua
-- Admit one image and enqueue it.
--
-- KEYS  1 work  2 totals  3 due  4 state:<id>  5 job:<id>  6 image:<id>  7 idem:<hash> (or none)
-- ARGV  1 prefix  2 id  3 line  4 format  5 digest  6 job JSON  7 image bytes
--       8 max_bytes  9 max_depth  10 <hash> of the idempotency key, or ''
--       11 1 if a WAIT follows, else 0  12 deadline, ms since 1970, or ''
-- reply {CREATED, id} | {KNOWN, id}             the id of the job that stands for this request
--       {CONFLICT, id}                           id or key known with another digest; nothing stored
--       {BUSY, 'bytes' | 'depth', what is held}  over a budget; nothing stored
--
-- The idempotency key has no TTL here: finishing sets it, so an image that waits for days keeps its key.
-- No allow-oom flag: a full server refuses the whole script before its first write.
-- Touches the undeclared key <prefix>state:<earlier id>; it shares the hash tag.

local prefix, id, digest, hash = ARGV[1], ARGV[2], ARGV[5], ARGV[10]

local function answer_known(held_digest, held_id)
  if held_digest ~= digest then
    return {'CONFLICT', held_id}
  end
  if ARGV[11] == '1' then
    -- WAIT waits for what its own connection wrote, and the image may have come by another one: write the same
    -- again, behind it in the replicas' stream.
    redis.call('HSET', prefix .. 'state:' .. held_id, 'digest', digest)
  end
  return {'KNOWN', held_id}
end

local known = redis.call('HGET', KEYS[4], 'digest')
if known then
  return answer_known(known, id)
end

if hash ~= '' then
  local held = redis.call('GET', KEYS[7])
  if held then
    local earlier_digest, earlier = string.match(held, '^([^:]*):(.*)$')
    if redis.call('EXISTS', prefix .. 'state:' .. earlier) == 1 then
      return answer_known(earlier_digest, earlier)
    end
  end
end

local size = #ARGV[7]
local bytes = tonumber(redis.call('HGET', KEYS[2], 'bytes') or '0')
if bytes + size > tonumber(ARGV[8]) then
  return {'BUSY', 'bytes', bytes}
end
local depth = redis.call('XLEN', KEYS[1])
if depth >= tonumber(ARGV[9]) then
  return {'BUSY', 'depth', depth}
end

local time = redis.call('TIME')
local submitted = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local entry = redis.call('XADD', KEYS[1], '*', 'id', id, 'line', ARGV[3])
redis.call('HSET', KEYS[4], 'submitted', submitted, 'line', ARGV[3], 'format', ARGV[4], 'digest', digest,
  'entry', entry, 'bytes', size, 'idem', hash, 'state', 'queued')
redis.call('SET', KEYS[5], ARGV[6])
redis.call('SET', KEYS[6], ARGV[7])
redis.call('HINCRBY', KEYS[2], 'bytes', size)
if ARGV[12] ~= '' then
  redis.call('ZADD', KEYS[3], ARGV[12], id)
end
if hash ~= '' then
  redis.call('SET', KEYS[7], digest .. ':' .. id)
end
return {'CREATED', id}
