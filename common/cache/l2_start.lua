-- Discards a partition and starts it at a mark.
-- common/cache/l2.h describes the layout in Redis.
--
-- KEYS     watermark, floors, cursor
-- ARGV     expected watermark (empty: none), watermark, base floor, cursor,
--          generation
-- Replies  the new watermark when done, else `-` and the watermark in Redis

local w = redis.call('GET', KEYS[1])
local at = w and string.sub(w, 1, 16) or ''
if at ~= ARGV[1] then return '-' .. at end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[2], 'base', ARGV[3])
redis.call('SET', KEYS[1], ARGV[2] .. renewed(w or '', ARGV[5]))
redis.call('SET', KEYS[3], ARGV[4])
return ARGV[2]
