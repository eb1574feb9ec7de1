-- wrk's script for the server's smallest answer: a path that names nothing.
function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format('\nRESULT {"rate": %d, "p50": %d, "p99": %d, "failed": %d}\n',
    summary.requests / summary.duration * 1000000, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.timeout))
end
