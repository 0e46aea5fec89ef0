-- In front of l2_start.lua and l2_purge.lua (common/cache/l2.c).
--
-- The newest generation in `w`, a watermark's value; and one that is newer than
-- all of them: `wanted` if it is. A generation is a time in microseconds, below
-- 2^53: the one number that Lua may add to.

local function newest(w)
  local g = string.sub(w, 17, 32)
  for own in string.gmatch(w, '=(%x+)') do
    if own > g then g = own end
  end
  return g
end

local function renewed(w, wanted)
  local g = newest(w)
  if wanted > g then return wanted end
  return string.format('%016x', tonumber(g, 16) + 1)
end
