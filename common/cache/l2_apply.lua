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

-- The floors of all buckets: read in one command, raised in another. (unpack
-- takes up to 8000 values; a script has at most 3000 entries.)
if #KEYS > 3 then
  local buckets = {}
  for a = 4, #ARGV, 4 do
    buckets[#buckets + 1] = ARGV[a]
  end
  local floors = redis.call('HMGET', KEYS[2], 'base', unpack(buckets))
  local base = floors[1]
  local raised, changes = {}, {}
  for i = 1, #buckets do
    local bucket, new = buckets[i], ARGV[4 * i + 1]
    local floor = raised[bucket] or floors[i + 1] or base
    if not floor or floor < new then
      raised[bucket] = new
      changes[#changes + 1] = bucket
      changes[#changes + 1] = new
    end
  end
  if #changes > 0 then
    redis.call('HSET', KEYS[2], unpack(changes))
  end
end

for i = 4, #KEYS do
  local a = 4 + (i - 4) * 4
  if ARGV[a + 2] == '0' then
    local held = ARGV[a + 3] ~= ''
      and redis.pcall('GETRANGE', KEYS[i], 0, 32)
    if held ~= '' and (type(held) ~= 'string'
      or string.sub(held, 1, 17) ~= generation(w, KEYS[i]) .. 'P'
      or string.sub(held, 18) < ARGV[a + 3]) then
      redis.call('DEL', KEYS[i])
    end
  else
    redis.call('SET', KEYS[i], generation(w, KEYS[i]) .. ARGV[a + 3],
      'PX', ARGV[a + 2])
  end
end
redis.call('MSET', KEYS[1], ARGV[2] .. string.sub(w, 17), KEYS[3], ARGV[3])
return ARGV[2]
