-- Shared by bury and drop, which the loader puts it in front of: a dead letter leaves.
--
-- What it held goes: job, image and record. Its id and idempotency key stay known for forget_ms more, as failed.
-- Touches the undeclared keys of unlink.lua, and <prefix>state:<id> and <prefix>idem:<hash>; they share the hash tag.
-- include unlink.lua

-- {id, bytes} of an entry of the dead-letter stream. Its fields stand in the order of bury.lua.
local function letter_of(entry)
  return {entry[2][2], tonumber(entry[2][4])}
end

local function release(dead, totals, prefix, entry, forget_ms)
  local id, size = unpack(letter_of(entry))
  local state = prefix .. 'state:' .. id
  redis.call('XDEL', dead, entry[1])
  redis.call('HINCRBY', totals, 'dead', 0 - size)
  unlink(prefix, id)
  local hash = redis.call('HGET', state, 'idem')
  redis.call('HDEL', state, 'dead')
  redis.call('PEXPIRE', state, forget_ms)
  if hash and hash ~= '' then redis.call('PEXPIRE', prefix .. 'idem:' .. hash, forget_ms) end
end

