-- Discards the entries of a collection, or all of a partition; floors and
-- watermark stay. common/cache/l2.h describes the layout in Redis.
--
-- KEYS     watermark
-- ARGV     generation, collection (empty: all)
-- Replies  1; 0: the partition is not initialised, so no entry counts

local w = redis.pcall('GET', KEYS[1])
if type(w) ~= 'string' then return 0 end
local g = renewed(w, ARGV[1])
if ARGV[2] == '' then
  w = string.sub(w, 1, 16) .. g
else
  local own = ';' .. ARGV[2] .. '='
  w = string.gsub(w, own .. '%x+', '') .. own .. g
end
redis.call('SET', KEYS[1], w)
return 1
