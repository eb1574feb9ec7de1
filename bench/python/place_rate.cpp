// How many calls of place() a second the library itself does, for the figures of the Python module: the same
// request as placement.py makes, opened with the same settings.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#include "callers.hpp"
#include "orchestrator/open.hpp"

namespace {

using namespace orchestrator;

BatchRequest request_of(std::size_t orders) {
  BatchRequest request;
  request.portfolio_id = 1;
  for (std::size_t i = 0; i < orders; ++i) {
    const auto number = static_cast<std::int64_t>(i);
    OrderRequest order;
    order.instrument_id = 1 + number % 500;
    order.qty = Quantity::from_int(100 + number);
    order.side = number % 2 == 0 ? Side::kSell : Side::kBuy;
    order.price_limit = Price::from_int(2500 + number % 50);
    request.orders.push_back(order);
  }
  return request;
}

// Calls a second of so many callers together.
std::size_t measure(Orchestrator& oms, std::size_t orders, std::size_t callers,
                    std::chrono::milliseconds time) {
  std::vector<std::size_t> counts(callers);
  const std::string run = std::to_string(std::chrono::steady_clock::now().time_since_epoch().count());
  const double seconds = bench::run_callers(callers, [&](std::size_t caller) {
    BatchRequest request = request_of(orders);
    const std::string prefix = "key-" + run + "-" + std::to_string(caller) + "-";
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) {
      request.idempotency_key = prefix + std::to_string(counts[caller]);
      oms.place(request);
      ++counts[caller];
    }
  });
  std::size_t calls = 0;
  for (const std::size_t count : counts) calls += count;
  return static_cast<std::size_t>(static_cast<double>(calls) / seconds);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fputs("usage: orchestrator_place_rate DATABASE_URL ORDERS CALLERS MILLISECONDS\n", stderr);
    return 2;
  }
  try {
    const auto oms = open({.database_url = argv[1], .mock_ledger = "memory:"});
    std::printf("%zu\n", measure(*oms, std::stoul(argv[2]), std::stoul(argv[3]),
                                 std::chrono::milliseconds(std::stoul(argv[4]))));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
