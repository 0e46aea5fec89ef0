-- An entry that was read from Postgres, unless a newer commit is known.
-- common/cache/l2.h describes the layout in Redis.
--
-- KEYS     watermark, floors, entry
-- ARGV     as_of, bucket, ttl (ms), payload
-- Replies  1: filled; 0: refused, a newer commit is known; -1: refused, the
--          partition is not initialised

local w = redis.pcall('GET', KEYS[1])
if type(w) ~= 'string' then return -1 end
local floor = redis.pcall('HGET', KEYS[2], ARGV[2])
  or redis.pcall('HGET', KEYS[2], 'base')
if type(floor) ~= 'string' then return -1 end
if ARGV[1] < floor then return 0 end
redis.call('SET', KEYS[3], generation(w, KEYS[3]) .. ARGV[4],
  'PX', ARGV[3])
return 1
