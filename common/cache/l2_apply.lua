-- Commits of a partition, and the watermark that they lead to.
-- common/cache/l2.h describes the layout in Redis.
--
-- KEYS     watermark, floors, cursor, entry...
-- ARGV     turn, to, cursor, then for each entry bucket, floor, ttl (ms; 0:
--          delete), payload
-- Replies  `to` when applied; if the turn is another, `-` and the watermark in
--          Redis; `-` alone if the partition is not initialised
--
-- With ttl 0 the payload is the commit's version in hex, or empty. An entry of
-- that version or a newer one stays: a reader filled it faster.

local w = redis.call('GET', KEYS[1])
if not w then return '-' end
local turn = redis.call('GET', KEYS[3]) or ''
if string.sub(turn, -16) ~= ARGV[1] then
  return '-' .. string.sub(w, 1, 16)
end
for i = 4, #KEYS do
  local g = generation(w, KEYS[i])
  local a = 4 + (i - 4) * 4
  local floor = redis.call('HGET', KEYS[2], ARGV[a])
    or redis.call('HGET', KEYS[2], 'base')
  if not floor or floor < ARGV[a + 1] then
    redis.call('HSET', KEYS[2], ARGV[a], ARGV[a + 1])
  end
  if ARGV[a + 2] == '0' then
    local held = ARGV[a + 3] ~= ''
      and redis.pcall('GETRANGE', KEYS[i], 0, 32) or ''
    if type(held) ~= 'string'
      or string.sub(held, 1, 17) ~= g .. 'P'
      or string.sub(held, 18) < ARGV[a + 3] then
      redis.call('DEL', KEYS[i])
    end
  else
    redis.call('SET', KEYS[i], g .. ARGV[a + 3],
      'PX', ARGV[a + 2])
  end
end
redis.call('SET', KEYS[1], ARGV[2] .. string.sub(w, 17))
redis.call('SET', KEYS[3], ARGV[3])
return ARGV[2]
