// What the HTTP server is held against: the same bodies read and placed in this process, by as many threads
// as the server has connections. Prints requests a second and the median and 99th percentile in microseconds.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "orchestrator/json.hpp"
#include "orchestrator/open.hpp"

namespace {

using Clock = std::chrono::steady_clock;

std::string body_of(std::size_t orders) {
  std::string body = "{\"portfolio_id\":1,\"orders\":[";
  for (std::size_t i = 0; i < orders; ++i) {
    if (i > 0) body += ',';
    body += "{\"instrument_id\":" + std::to_string(i + 1) +
            ",\"qty\":100,\"side\":\"BUY\",\"price_limit\":2500.0}";
  }
  return body + "]}";
}

void place_until(orchestrator::Orchestrator& oms, const std::string& body, const std::string& prefix,
                 Clock::time_point end, std::vector<std::int64_t>& micros) {
  for (std::size_t i = 0; Clock::now() < end; ++i) {
    const auto begin = Clock::now();
    auto request = orchestrator::parse_batch_json(body);
    request.idempotency_key = prefix + std::to_string(i);
    static_cast<void>(oms.place(request));
    micros.push_back(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin).count());
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fputs("usage: in_process DATABASE_URL THREADS ORDERS SECONDS\n", stderr);
    return 2;
  }
  const auto threads = static_cast<std::size_t>(std::atoi(argv[2]));
  const auto body = body_of(static_cast<std::size_t>(std::atoi(argv[3])));
  const int seconds = std::atoi(argv[4]);
  orchestrator::OpenOptions options;
  options.database_url = argv[1];
  options.mock_ledger = "memory:";
  const auto oms = orchestrator::open(std::move(options));
  const auto run = std::to_string(Clock::now().time_since_epoch().count()) + "-";
  const auto end = Clock::now() + std::chrono::seconds(seconds);
  std::vector<std::vector<std::int64_t>> micros(threads);
  std::vector<std::thread> pool;
  for (std::size_t i = 0; i < threads; ++i) {
    pool.emplace_back([&, i] { place_until(*oms, body, run + std::to_string(i) + "-", end, micros[i]); });
  }
  for (auto& thread : pool) thread.join();
  std::vector<std::int64_t> all;
  for (const auto& part : micros) all.insert(all.end(), part.begin(), part.end());
  if (all.empty()) return 1;
  std::sort(all.begin(), all.end());
  std::printf("{\"rate\": %zu, \"p50\": %lld, \"p99\": %lld}\n",
              all.size() / static_cast<std::size_t>(seconds), static_cast<long long>(all[all.size() / 2]),
              static_cast<long long>(all[all.size() * 99 / 100]));
}
