-- wrk's script for keys by chance.
--
--   wrk ... -s draw.lua URL -- COUNT EXPONENT WRITES
--
-- GETs URL0 to URL<COUNT-1>, drawn by Zipf's law with that exponent (0: all
-- alike); the share WRITES of the requests, 0 to 1, is a PUT of 1 KiB.

local count, writes
local below -- below[i]: the chance of a key before i, times below[count]

local function draw()
    if below == nil then
        return math.random(0, count - 1)
    end
    local x, low, high = math.random() * below[count], 1, count
    while low < high do
        local middle = math.floor((low + high) / 2)
        if below[middle] < x then
            low = middle + 1
        else
            high = middle
        end
    end
    return low - 1
end

function init(args)
    local exponent = tonumber(args[2])
    count, writes = tonumber(args[1]), tonumber(args[3])
    math.randomseed(1)
    if exponent == 0 then
        return
    end
    local sum = 0
    below = {}
    for i = 1, count do
        sum = sum + 1 / i ^ exponent
        below[i] = sum
    end
end

local json = {["Content-Type"] = "application/json"}
local body = '{"value":"' .. string.rep("v", 1024) .. '"}'

function request()
    local path = wrk.path .. string.format("%d", draw())
    if writes > 0 and math.random() < writes then
        return wrk.format("PUT", path, json, body)
    end
    return wrk.format("GET", path)
end

done = dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "done.lua")
