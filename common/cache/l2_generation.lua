-- In front of l2_fill.lua and l2_apply.lua (common/cache/l2.c).
--
-- The generation that the entry of `key` must have to count: its collection's
-- own, or else the partition's. `w` is the watermark's value.

local function generation(w, key)
  if #w > 32 then
    local name = string.match(key, '^sluice:{%d+}:([^/]+)/')
    local own = string.match(w, ';' .. name .. '=(%x+)', 33)
    if own then return own end
  end
  return string.sub(w, 17, 32)
end
