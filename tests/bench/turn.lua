-- wrk's script for one key, or for keys in turn.
--
--   wrk ... -s turn.lua URL -- FIRST COUNT    GETs URL0 to URL<COUNT-1> in turn,
--                                             beginning with FIRST; COUNT 0: URL
--                                             as it stands

local requests, at = {}, 0

local function in_turn()
    at = at % #requests + 1
    return requests[at]
end

function init(args)
    local count = tonumber(args[2])
    if count == 0 then
        return
    end
    for i = 0, count - 1 do
        requests[i + 1] = wrk.format(nil, wrk.path .. i)
    end
    at = tonumber(args[1]) % count
    request = in_turn
end

done = dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "done.lua")
