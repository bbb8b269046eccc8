#!lua flags=allow-oom
-- Give a consumer the next images that wait: live ones first, line by line in turn, each line's most urgent first.
--
-- KEYS  1 work
-- ARGV  1 prefix  2 group  3 consumer  4 at most  5 NO_DEADLINE_MS, as ready.lua  6 the feeding consumer
-- reply {newest entry or 0-0, {{entry, delivery count, id, line, job JSON or false, image or false,
--       bytes of an image that lies in the blob store, or false}, ...}}
--       Where nothing is given, an entry behind the newest is the news to wait for.
--
-- New entries of the stream are first put where they wait. They are read as the group's, but acknowledged at
-- once (NOACK): an entry is pending only while a worker has it. So an older worker that reads the stream itself
-- may work beside this, and an older gateway's entries are as good: each is read once.
-- XCLAIM FORCE makes an entry pending without reading it. One that was expired is in the stream no more: nothing
-- comes of it, and the next one is taken.
-- Touches the undeclared keys of ready.lua, <prefix>blobs and <prefix>{state,job,image}:<id>; they share the hash tag.
-- include ready.lua

local FEED_AT_ONCE = 1000
local prefix, group = ARGV[1], ARGV[2]

local function feed()
  local read = 0
  repeat
    local streams = redis.call('XREADGROUP', 'GROUP', group, ARGV[6], 'COUNT', FEED_AT_ONCE, 'NOACK',
      'STREAMS', KEYS[1], '>')
    local entries = streams and streams[1][2] or {}
    for _, entry in ipairs(entries) do
      put_ready(prefix, entry[1], entry[2], tonumber(ARGV[5]))
    end
    read = #entries
  until read < FEED_AT_ONCE
end

local function give(entry)
  local fields = redis.call('XRANGE', KEYS[1], entry, entry)
  if #fields == 0 then
    return nil
  end
  local facts = facts_of(fields[1][2])
  -- Deliveries that were no one's fault are not counted: see hand_back.lua.
  local count = tonumber(redis.call('HGET', prefix .. 'state:' .. facts.id, 'deliveries') or '0') + 1
  redis.call('XCLAIM', KEYS[1], group, ARGV[3], 0, entry, 'FORCE', 'RETRYCOUNT', count, 'JUSTID')
  local held = redis.call('MGET', prefix .. 'job:' .. facts.id, prefix .. 'image:' .. facts.id)
  local blob = not held[2] and redis.call('HGET', prefix .. 'blobs', facts.id)
  return {entry, count, facts.id, facts.line, held[1], held[2], blob}
end

feed()
local given = {}
for _, priority in ipairs({'0', '1'}) do
  local entry = true
  while entry and #given < tonumber(ARGV[4]) do
    entry = next_ready(prefix, priority)
    given[#given + 1] = entry and give(entry)
  end
end
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
return {newest and newest[1] or '0-0', given}
