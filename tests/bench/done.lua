-- Prints what wrk measured, as one line of JSON. Required by the scripts.

return function(summary, latency, _)
    local e = summary.errors
    io.write(string.format(
        '{"requests":%d,"us":%d,"p50_us":%d,"p99_us":%d,"max_us":%d,"errors":%d}\n',
        summary.requests, summary.duration,
        latency:percentile(50), latency:percentile(99), latency.max,
        e.connect + e.read + e.write + e.status + e.timeout))
end
