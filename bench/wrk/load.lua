-- One load for all: the requests are made once, one per token, and sent in turn. What was seen is printed as JSON.
local requests, turn = {}, 0

function init()
    local file = os.getenv("BENCH_BODY") or ""
    local headers = {Origin = os.getenv("BENCH_ORIGIN")}
    local body = nil
    if file ~= "" then
        local handle = assert(io.open(file, "rb"))
        body = handle:read("*a")
        handle:close()
        headers["Content-Type"] = os.getenv("BENCH_TYPE")
    end
    for token in io.lines(os.getenv("BENCH_TOKENS")) do
        headers["Authorization"] = "Bearer " .. token
        -- As the app has one for each request: no contestant may rest on a head that repeats itself whole.
        headers["X-Correlation-Id"] = string.format("bench-%08d", #requests)
        requests[#requests + 1] = wrk.format(os.getenv("BENCH_METHOD"), os.getenv("BENCH_PATH"), headers, body)
        if body and #body > 65536 then break end
    end
end

function request()
    turn = turn % #requests + 1
    return requests[turn]
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '\nRESULT {"requests": %d, "seconds": %.6f, "bytes": %d, "p50_us": %d, "p99_us": %d, "refused": %d, "broken": %d}\n',
        summary.requests, summary.duration / 1e6, summary.bytes, latency:percentile(50), latency:percentile(99),
        errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
