-- Shared by ring and letters, which the loader puts it in front of: an image leaves the server, with all of it.
--
-- If it lies in the blob store, its file is not needed from now on; to delete it is a gateway's part (base.Disposal).
-- Touches the undeclared keys <prefix>{blobs,discarded} and <prefix>{job,image,map,result}:<id>; they share the hash
-- tag.

local function unlink(prefix, id)
  redis.call('UNLINK', prefix .. 'job:' .. id, prefix .. 'image:' .. id, prefix .. 'map:' .. id,
    prefix .. 'result:' .. id)
  if redis.call('HDEL', prefix .. 'blobs', id) == 1 then
    local time = redis.call('TIME')
    local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
    redis.call('ZADD', prefix .. 'discarded', now, id)
  end
end

