// Micro-batching: nothing is lost, nothing is handed out twice, and batches close when they should.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "orchestrator/error.hpp"
#include "orchestrator/order_batcher.hpp"

using namespace orchestrator;

namespace {

constexpr Timestamp kNow{std::chrono::microseconds(1'000'000)};
constexpr std::chrono::microseconds kLinger{500};

OrderRequest order_of(InstrumentId id) {
  OrderRequest order;
  order.instrument_id = id;
  return order;
}

std::unique_ptr<OrderBatcher> make_batcher(std::size_t orders_max) {
  return make_order_batcher({.orders_max = orders_max, .linger = kLinger});
}

}  // namespace

TEST_CASE("a batch is handed out when it is full") {
  const auto batcher = make_batcher(2);
  CHECK(batcher->add("default", 1, 1, order_of(10), kNow) == 1);
  CHECK(batcher->take_ready(kNow).empty());
  CHECK(batcher->add("default", 1, 1, order_of(11), kNow) == 2);
  CHECK(batcher->next_due() <= kNow);
  const auto ready = batcher->take_ready(kNow);
  REQUIRE(ready.size() == 1);
  CHECK(ready[0].tickets == std::vector<std::int64_t>{1, 2});
  CHECK(ready[0].request.orders == std::vector{order_of(10), order_of(11)});
  CHECK(batcher->take_ready(kNow).empty());
  CHECK_FALSE(batcher->next_due());
}

TEST_CASE("a batch is handed out when its first order has lingered long enough") {
  const auto batcher = make_batcher(100);
  batcher->add("default", 1, 1, order_of(10), kNow);
  batcher->add("default", 1, 1, order_of(11), kNow + kLinger / 2);
  CHECK(batcher->next_due() == kNow + kLinger);
  CHECK(batcher->take_ready(kNow + kLinger - std::chrono::microseconds(1)).empty());
  const auto ready = batcher->take_ready(kNow + kLinger);
  REQUIRE(ready.size() == 1);
  CHECK(ready[0].tickets.size() == 2);
}

TEST_CASE("orders of different tenants, users and portfolios never travel together") {
  const auto batcher = make_batcher(100);
  batcher->add("default", 1, 1, order_of(1), kNow);
  batcher->add("desk-7", 1, 1, order_of(2), kNow);
  batcher->add("default", 2, 1, order_of(3), kNow);
  batcher->add("default", 1, 2, order_of(4), kNow);
  batcher->add("default", 1, 1, order_of(5), kNow);
  const auto ready = batcher->take_all();
  REQUIRE(ready.size() == 4);
  CHECK(ready[0].tickets == std::vector<std::int64_t>{1, 5});
  CHECK(ready[1].request.tenant == "desk-7");
  CHECK(ready[2].request.user_id == 2);
  CHECK(ready[3].request.portfolio_id == 2);
  CHECK_FALSE(batcher->next_due());
}

TEST_CASE("one bad order of a micro-batch must not refuse its neighbours") {
  const auto batcher = make_batcher(1);
  batcher->add("default", 1, 1, order_of(1), kNow);
  const auto ready = batcher->take_all();
  REQUIRE(ready.size() == 1);
  CHECK(ready[0].request.policy == BatchPolicy::kEach);
  CHECK(ready[0].request.idempotency_key.empty());
}

TEST_CASE("a full batch leaves even when the clock has jumped back") {
  const auto batcher = make_batcher(1);
  batcher->add("default", 1, 1, order_of(1), kNow);
  CHECK(batcher->take_ready(kNow - std::chrono::hours(1)).size() == 1);
}

TEST_CASE("a linger that passes the end of time is never due") {
  const auto batcher = make_order_batcher({.orders_max = 2, .linger = std::chrono::microseconds::max()});
  batcher->add("default", 1, 1, order_of(1), kNow);
  CHECK(batcher->next_due() == Timestamp::max());
  CHECK(batcher->take_ready(kNow + std::chrono::hours(1)).empty());
  CHECK(batcher->take_all().size() == 1);
}

TEST_CASE("options that can never work are refused") {
  CHECK_THROWS_AS((void)make_order_batcher({.orders_max = 0}), Error);
  CHECK_THROWS_AS((void)make_order_batcher({.linger = std::chrono::microseconds(-1)}), Error);
}

TEST_CASE("splitting keeps every order, in order, within the limit") {
  const auto batcher = make_batcher(1);
  for (std::size_t size = 0; size <= 20; ++size) {
    std::vector<Order> orders(size);
    for (std::size_t i = 0; i < size; ++i) orders[i].id = static_cast<OrderId>(i);
    for (std::size_t orders_max = 1; orders_max <= 21; ++orders_max) {
      OrderId next = 0;
      const auto parts = batcher->split(orders, orders_max);
      for (const auto& part : parts) {
        REQUIRE((part.size() == orders_max || &part == &parts.back()));
        REQUIRE_FALSE(part.empty());
        for (const Order& order : part) REQUIRE(order.id == next++);
      }
      REQUIRE(next == static_cast<OrderId>(size));
    }
  }
  CHECK_THROWS_AS((void)batcher->split({}, 0), Error);
}

TEST_CASE("concurrent adding and taking loses no order and hands none out twice") {
  constexpr int kAdders = 4;
  constexpr int kOrders = 3000;
  constexpr std::size_t kBatchMax = 7;
  const auto batcher = make_batcher(kBatchMax);
  std::vector<std::vector<ReadyBatch>> taken(2);
  std::vector<std::map<std::int64_t, InstrumentId>> added(kAdders);
  std::atomic<int> working{kAdders};
  std::vector<std::thread> threads;
  for (int t = 0; t < kAdders; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kOrders; ++i) {
        const InstrumentId id = t * kOrders + i;
        const auto ticket = batcher->add("default", 1, i % 3, order_of(id), kNow);
        added[static_cast<std::size_t>(t)].emplace(ticket, id);
      }
      --working;
    });
  }
  for (auto& batches : taken) {
    threads.emplace_back([&] {
      while (working > 0) {
        for (auto& batch : batcher->take_ready(kNow)) batches.push_back(std::move(batch));
        (void)batcher->next_due();
        std::this_thread::yield();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (auto& batch : batcher->take_all()) taken[0].push_back(std::move(batch));

  std::map<std::int64_t, InstrumentId> expected;
  for (const auto& part : added) expected.insert(part.begin(), part.end());
  CHECK(expected.size() == kAdders * kOrders);
  std::map<std::int64_t, InstrumentId> found;
  for (const auto& batches : taken) {
    for (const ReadyBatch& batch : batches) {
      REQUIRE(batch.tickets.size() == batch.request.orders.size());
      REQUIRE(batch.tickets.size() <= kBatchMax);
      REQUIRE(std::is_sorted(batch.tickets.begin(), batch.tickets.end()));
      for (std::size_t i = 0; i < batch.tickets.size(); ++i) {
        REQUIRE(found.emplace(batch.tickets[i], batch.request.orders[i].instrument_id).second);
      }
    }
  }
  CHECK(found == expected);
}
