-- Shared by whoever asks whose an entry is, which the loader puts it in front of.

-- What XPENDING says; nothing where there is no group: no group is no delivery. Whatever else goes wrong says nothing
-- of the delivery: it is raised.
local function pending_of(work, group, ...)
  local pending = redis.pcall('XPENDING', work, group, ...)
  if pending.err and string.find(pending.err, 'NOGROUP', 1, true) then
    return {}
  end
  if pending.err then
    error(pending)
  end
  return pending
end

-- {consumer, delivery count, idle ms} of a pending entry, or nil.
local function delivery_of(work, group, entry)
  local pending = pending_of(work, group, entry, entry, 1)
  return pending[1] and {pending[1][2], pending[1][4], pending[1][3]}
end

