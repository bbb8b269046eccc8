-- Shared by submit and room, which the loader puts it in front of: is there room for one more image?
--
-- KEYS  1 work  2 totals  3 lines  4 known
--
-- What is held: the images that wait or are in flight, what is known of each finished id (KNOWN_BYTES), and what
-- waits for the archiver.

-- {verdict, of what, what is held, of it by known ids, of it for the archiver}, or nil when there is room; and then
-- the share of the fullest budget, with this image, 0-1.
-- limits: {max_bytes, max_depth, line_max_bytes, line_max_depth, known_bytes_each}
local function over_budget(line, size, limits)
  local totals = redis.call('HMGET', KEYS[2], 'bytes', 'archive')
  local bytes, archive = tonumber(totals[1] or '0'), tonumber(totals[2] or '0')
  local known = known_ids(KEYS[4]) * limits[5]
  if bytes + known + archive + size > limits[1] then
    return {'BUSY', 'bytes', bytes + known + archive, known, archive}
  end
  local depth = redis.call('XLEN', KEYS[1])
  if depth >= limits[2] then
    return {'BUSY', 'depth', depth, 0, 0}
  end
  if depth == 0 then
    -- What stands there yet was left by a worker of a version that does not count lines.
    return nil, math.max((bytes + known + archive + size) / limits[1], 1 / limits[2], size / limits[3], 1 / limits[4])
  end
  local held = redis.call('HMGET', KEYS[3], line .. ':bytes', line .. ':depth')
  if tonumber(held[1] or '0') + size > limits[3] then
    return {'LINE', 'bytes', tonumber(held[1] or '0'), 0, 0}
  end
  if tonumber(held[2] or '0') >= limits[4] then
    return {'LINE', 'depth', tonumber(held[2]), 0, 0}
  end
  return nil, math.max((bytes + known + archive + size) / limits[1], (depth + 1) / limits[2],
    ((held[1] or 0) + size) / limits[3], ((held[2] or 0) + 1) / limits[4])
end

