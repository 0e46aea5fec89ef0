-- wrk's script for every subject. Prints what was measured as one line of JSON.
--
--   wrk ... -s wrk.lua URL                    GETs the URL, as it stands
--   wrk ... -s wrk.lua URL -- FIRST COUNT     GETs URL0 to URL<COUNT-1> in turn,
--                                             beginning with FIRST

local requests, at = {}, 0

local function in_turn()
    at = at % #requests + 1
    return requests[at]
end

function init(args)
    local count = tonumber(args[2] or 0)
    if count == 0 then
        return
    end
    for i = 0, count - 1 do
        requests[i + 1] = wrk.format(nil, wrk.path .. i)
    end
    at = tonumber(args[1]) % count
    request = in_turn
end

function done(summary, latency, _)
    local e = summary.errors
    io.write(string.format(
        '{"requests":%d,"us":%d,"p50_us":%d,"p99_us":%d,"max_us":%d,"errors":%d}\n',
        summary.requests, summary.duration,
        latency:percentile(50), latency:percentile(99), latency.max,
        e.connect + e.read + e.write + e.status + e.timeout))
end
