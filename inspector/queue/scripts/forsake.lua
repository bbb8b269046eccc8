#!lua flags=allow-oom
-- Give up files of images that were not accepted: a gateway died before its submit, or never learnt what became of it.
--
-- KEYS  1 blobs  2 discarded
-- ARGV  1 prefix  2 ms for which they stay given up  3... ids
-- reply the ids that are given up: nothing accepted needs their files, and a submit that is still under way will not
--       be accepted (submit.lua)
--
-- A job is there as long as its image is. What was let go of is deleted in its own time (unlink.lua); what an older
-- version let go of has its field in `blobs` yet.
-- Touches the undeclared keys <prefix>{job,forsaken}:<id>; they share the hash tag.

local given_up = {}
for i = 3, #ARGV do
  local id = ARGV[i]
  if redis.call('EXISTS', ARGV[1] .. 'job:' .. id) == 0 and not redis.call('ZSCORE', KEYS[2], id) then
    redis.call('HDEL', KEYS[1], id)
    redis.call('SET', ARGV[1] .. 'forsaken:' .. id, '', 'PX', ARGV[2])
    given_up[#given_up + 1] = id
  end
end
return given_up
