-- Shared by take, hand_back and expire, which the loader puts it in front of: who is next.
--
-- <prefix>ready:<priority>:<line>  zset  entry -> rank: a line's images that wait, the most urgent first
-- <prefix>turn:<priority>          list  the lines that have some, each once: the first has the next turn
--
-- A rank is the deadline in ms, or for an image without one its submission plus NO_DEADLINE_MS, so that it is not
-- passed over for ever, and the sequence of its entry as a fraction. Of equal deadlines the older entry is first: by
-- its name, as a zset orders what ranks alike.

local SEQUENCES = 4096  -- so many fractions of a millisecond are exact in a double beside a time of today

local function rank_of(entry, due, no_deadline_ms)
  local ms, sequence = string.match(entry, '^(%d+)-(%d+)$')
  if due ~= '' then
    return due
  end
  return string.format('%.17g', tonumber(ms) + no_deadline_ms + math.min(tonumber(sequence), SEQUENCES - 1) / SEQUENCES)
end

-- The facts of an entry. Its fields stand in the order of submit.lua; an older gateway's are the first two.
local function facts_of(fields)
  return {id = fields[2], line = fields[4], priority = fields[6] or '0', due = fields[8] or ''}
end

local function put_ready(prefix, entry, fields, no_deadline_ms)
  local facts = facts_of(fields)
  local ready = prefix .. 'ready:' .. facts.priority .. ':' .. facts.line
  if redis.call('EXISTS', ready) == 0 then
    redis.call('RPUSH', prefix .. 'turn:' .. facts.priority, facts.line)
  end
  redis.call('ZADD', ready, rank_of(entry, facts.due, no_deadline_ms), entry)
end

local function drop_ready(prefix, entry, fields)
  local facts = facts_of(fields)
  local ready = prefix .. 'ready:' .. facts.priority .. ':' .. facts.line
  if redis.call('ZREM', ready, entry) == 1 and redis.call('EXISTS', ready) == 0 then
    redis.call('LREM', prefix .. 'turn:' .. facts.priority, 1, facts.line)
  end
end

-- The next entry of a priority, or nil. Its line goes to the end of the row if it has more.
local function next_ready(prefix, priority)
  local turn = prefix .. 'turn:' .. priority
  local line = redis.call('LPOP', turn)
  if not line then
    return nil
  end
  local ready = prefix .. 'ready:' .. priority .. ':' .. line
  local entry = redis.call('ZPOPMIN', ready)[1]
  if redis.call('EXISTS', ready) == 1 then
    redis.call('RPUSH', turn, line)
  end
  return entry
end

