-- wrk's script: POST of so many orders, each with a key of its own; or, with a key given, its replay.
local orders, prefix, key
local threads = 0
local count = 0
local body

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init(args)
  orders, prefix, key = tonumber(args[1]), args[2], args[3]
  local list = {}
  for i = 1, orders do
    list[i] = string.format('{"instrument_id":%d,"qty":100,"side":"BUY","price_limit":2500.0}', i)
  end
  body = '{"portfolio_id":1,"orders":[' .. table.concat(list, ",") .. "]}"
end

function request()
  count = count + 1
  return wrk.format("POST", "/api/v1/orders", {
    ["Content-Type"] = "application/json",
    ["Idempotency-Key"] = key or (prefix .. "-" .. number .. "-" .. count),
  }, body)
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format('\nRESULT {"rate": %d, "p50": %d, "p99": %d, "failed": %d}\n',
    summary.requests / summary.duration * 1000000, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
