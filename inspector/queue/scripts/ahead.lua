-- Shared by submit and room, which the loader puts it in front of, behind known.lua and ready.lua: how much work there
-- is, and what of it comes before an image that has a deadline.
--
-- The order is take's (ready.lua): a live image waits for what is in workers' hands, for the images of its line that
-- are due before it, and in the turns of these and its own for one image of each other line that has one.
--
-- What cannot be known counts as not ahead: an image is rather accepted than refused for nothing. An older file of
-- users (deploy/redis) does not let a gateway count; then nothing but what is in hand is ahead.

local LINES_LOOKED_AT = 200  -- a client may name as many as it likes; a plant has fewer
local UNPLACED_LOOKED_AT = 64
local ABANDONED_LOOKED_AT = 200

-- {now in ms, waiting and in flight, in flight}
local function work_now(work, group)
  local depth = redis.call('XLEN', work)
  local pending = depth > 0 and redis.pcall('XPENDING', work, group)  -- no group yet is no delivery
  return {now_ms(), depth, pending and not pending.err and pending[1] or 0}
end

-- How many in flight are in the hands of a worker that died: their renewal is overdue.
local function abandoned(work, group, unrenewed_ms)
  local found = redis.pcall('XPENDING', work, group, 'IDLE', unrenewed_ms, '-', '+', ABANDONED_LOOKED_AT)
  return found.err and 0 or #found
end

-- Whether take has seen an entry: it stands in its place, or is in somebody's hands.
local function is_placed(work, group, prefix, entry, facts)
  local rank = redis.pcall('ZSCORE', prefix .. 'ready:' .. facts.priority .. ':' .. facts.line, entry)
  if rank then
    return true
  end
  local pending = redis.pcall('XPENDING', work, group, entry, entry, 1)
  return not pending.err and #pending == 1
end

-- Live images that came since the last take and are not late, oldest first. They are the newest entries, and all behind
-- one that is placed are, so that few need be asked about.
local function unplaced(work, group, prefix, now)
  local entries = {}
  local function placed_at(place)
    return is_placed(work, group, prefix, entries[place][1], facts_of(entries[place][2]))
  end
  for _, count in ipairs({8, UNPLACED_LOOKED_AT}) do
    entries = redis.call('XREVRANGE', work, '+', '-', 'COUNT', count)
    if #entries < count or placed_at(count) then
      break
    end
  end
  local low, high = 1, #entries + 1  -- the first that is placed lies there
  while low < high do
    local middle = math.floor((low + high) / 2)
    if placed_at(middle) then high = middle else low = middle + 1 end
  end
  local coming = {}
  for place = low - 1, 1, -1 do
    local facts = facts_of(entries[place][2])
    if facts.priority == '0' and (facts.due == '' or tonumber(facts.due) > now) then
      coming[#coming + 1] = facts
    end
  end
  return coming
end

-- Images of a line that are placed and due in (now, until]: what is late already expires, and costs no work.
local function placed(prefix, line, now, until_due)
  local count = redis.pcall('ZCOUNT', prefix .. 'ready:0:' .. line, string.format('(%.0f', now), until_due)
  return type(count) == 'number' and count or 0
end

-- {lines that have something waiting, in the order of their turns}, {line -> how many of it are not placed yet}
local function row_of(prefix, coming)
  local row, known, unplaced_of = {}, {}, {}
  for _, line in ipairs(redis.call('LRANGE', prefix .. 'turn:0', 0, LINES_LOOKED_AT - 1)) do
    row[#row + 1] = line
    known[line] = true
  end
  for _, facts in ipairs(coming) do
    if not known[facts.line] then
      row[#row + 1] = facts.line
      known[facts.line] = true
    end
    unplaced_of[facts.line] = (unplaced_of[facts.line] or 0) + 1
  end
  return row, unplaced_of
end

-- How many images come before one of `line` that is due at `due` (ms). `load` is of work_now.
local function ahead_of(work, group, prefix, line, due, load, unrenewed_ms)
  local coming = unplaced(work, group, prefix, load[1])
  local own = placed(prefix, line, load[1], due)
  for _, facts in ipairs(coming) do
    if facts.line == line and facts.due ~= '' and tonumber(facts.due) <= tonumber(due) then
      own = own + 1
    end
  end
  local ahead, turns = own, own + 1
  local row, unplaced_of = row_of(prefix, coming)
  for _, other in ipairs(row) do
    if other == line then
      turns = own  -- the lines behind it in the row come to one turn less
    elseif turns > 1 then
      ahead = ahead + math.min(turns, placed(prefix, other, load[1], '+inf') + (unplaced_of[other] or 0))
    else
      ahead = ahead + turns  -- each has one at least
    end
  end
  return ahead + load[3] - math.min(load[3], abandoned(work, group, unrenewed_ms))
end
