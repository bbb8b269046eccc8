#!lua
-- Admit one image and enqueue it.
--
-- KEYS  1 work  2 totals  3 lines  4 known  5 due  6 state:<id>  7 job:<id>  8 image:<id>
--       9 idem:<hash> (or none)
-- ARGV  1 prefix  2 id  3 line  4 format  5 digest  6 job JSON  7 image bytes  8 <hash> of the idempotency key, or ''
--       9 deadline, ms since 1970, or ''  10 1 if a WAIT follows, else 0  11-15 limits, as budget.lua
--       16 priority: 0 live, 1 re-inspection  17 bytes of the image where it lies in the blob store (7 is empty), or ''
--       18 group  19 how many images may come before it at most, or ''
--       20 ms after which a delivery that was not renewed is nobody's
-- reply {CREATED, id, fullness, now, depth, in flight}
--                                    fullness: of the fullest budget, the queue's or the line's own, in percent;
--                                    then in ms, and what was there before this image
--       {KNOWN, id}                  the id of the job that stands for this request
--       {CONFLICT, id}               id or key known with another digest; nothing stored
--       {BUSY | LINE, 'bytes' | 'depth', what is held, of it by known ids, of it for the archiver}
--                                    over a budget, the queue's or the line's own; nothing stored
--       {FORSAKEN, id}               its file was given up (forsake.lua); nothing stored
--       {LATE, id, how many come before it}    more than it bears; nothing stored
--
-- The idempotency key has no TTL here: finishing sets it, so an image that waits for days keeps its key.
-- No allow-oom flag: a full server refuses the whole script before its first write.
-- Touches the undeclared keys <prefix>state:<earlier id>, <prefix>forsaken:<id>, <prefix>blobs, and of ready.lua; they
-- share the hash tag.
-- include known.lua
-- include budget.lua
-- include ready.lua
-- include ahead.lua

local prefix, id, line, digest, hash = ARGV[1], ARGV[2], ARGV[3], ARGV[5], ARGV[8]

local function answer_known(held_digest, held_id)
  if held_digest ~= digest then
    return {'CONFLICT', held_id}
  end
  if ARGV[10] == '1' then
    -- WAIT waits for what its own connection wrote, and the image may have come by another one: write the same
    -- again, behind it in the replicas' stream.
    redis.call('HSET', prefix .. 'state:' .. held_id, 'digest', digest)
  end
  return {'KNOWN', held_id}
end

local held = redis.call('HGET', KEYS[6], 'digest')
if held then
  return answer_known(held, id)
end

if hash ~= '' then
  local earlier = redis.call('GET', KEYS[9])
  if earlier then
    local earlier_digest, earlier_id = string.match(earlier, '^([^:]*):(.*)$')
    if redis.call('EXISTS', prefix .. 'state:' .. earlier_id) == 1 then
      return answer_known(earlier_digest, earlier_id)
    end
  end
end

local blob = tonumber(ARGV[17])
if blob and redis.call('EXISTS', prefix .. 'forsaken:' .. id) == 1 then
  return {'FORSAKEN', id}
end
local size = blob or #ARGV[7]
local over, fullness = over_budget(line, size,
  {tonumber(ARGV[11]), tonumber(ARGV[12]), tonumber(ARGV[13]), tonumber(ARGV[14]), tonumber(ARGV[15])})
if over then
  return over
end
local load = work_now(KEYS[1], ARGV[18])
if ARGV[19] ~= '' then
  local ahead = ahead_of(KEYS[1], ARGV[18], prefix, line, ARGV[9], load, ARGV[20])
  if ahead > tonumber(ARGV[19]) then
    return {'LATE', id, ahead}
  end
end
if redis.call('XLEN', KEYS[1]) == 0 then
  redis.call('DEL', KEYS[3])  -- as budget.lua took it
end

local entry = redis.call('XADD', KEYS[1], '*', 'id', id, 'line', line, 'priority', ARGV[16], 'due', ARGV[9])
redis.call('HSET', KEYS[6], 'submitted', string.format('%.0f', now_ms()), 'line', line, 'format', ARGV[4],
  'digest', digest, 'entry', entry, 'bytes', size, 'idem', hash, 'state', 'queued')
redis.call('SET', KEYS[7], ARGV[6])
if blob then
  redis.call('HSET', prefix .. 'blobs', id, blob)
else
  redis.call('SET', KEYS[8], ARGV[7])
end
redis.call('HINCRBY', KEYS[2], 'bytes', size)
redis.call('HINCRBY', KEYS[3], line .. ':bytes', size)
redis.call('HINCRBY', KEYS[3], line .. ':depth', 1)
if ARGV[9] ~= '' then
  redis.call('ZADD', KEYS[5], ARGV[9], id)
end
if hash ~= '' then
  redis.call('SET', KEYS[9], digest .. ':' .. id)
end
return {'CREATED', id, math.floor(100 * fullness), load[1], load[2], load[3]}
