-- What a projector resumes from.
-- common/cache/l2.h describes the layout in Redis.
--
-- KEYS     watermark, floors, cursor, warmed
-- Replies  the values of watermark, cursor and warmed (nil: not there), and 1
--          if the four keys were discarded, else 0
--
-- They are discarded if another client has written one of them: its type is
-- another, the watermark has another form, or there are no floors with it.

local function is(key, kind)
  local t = redis.call('TYPE', key).ok
  return t == kind or t == 'none'
end

local number = '[0-7]' .. string.rep('[%da-f]', 15)

-- Is every key what the scripts make of it, or not there?
local function fits()
  if not (is(KEYS[1], 'string') and is(KEYS[2], 'hash')
    and is(KEYS[3], 'string') and is(KEYS[4], 'string')) then
    return false
  end
  local w = redis.call('GET', KEYS[1])
  if not w then return true end
  local base = redis.call('HGET', KEYS[2], 'base') or ''
  return string.match(base, '^' .. number .. '$')
    and string.match(w .. ';', '^' .. number .. number .. ';')
end

local discarded = fits() and 0 or 1
if discarded == 1 then redis.call('DEL', unpack(KEYS)) end
local r = redis.call('MGET', KEYS[1], KEYS[3], KEYS[4])
r[4] = discarded
return r
