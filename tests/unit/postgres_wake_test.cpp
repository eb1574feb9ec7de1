// Processes that wake each other: a hint, of which nothing but the time of an answer depends.

#include <doctest/doctest.h>

#include <condition_variable>
#include <mutex>

#include "orchestrator/backends/postgres.hpp"
#include "orchestrator/testing/order_store_unit_cases.hpp"
#include "support/postgres_schema.hpp"

namespace orchestrator::testing {
namespace {

using store::place;

// A store, and how often it was woken. The first time is when it has begun to listen.
class Sleeper {
 public:
  explicit Sleeper(const std::string& url) : store_(open_postgres_store({.url = url})) {
    store_->wake_by([this] {
      const std::lock_guard lock(mutex_);
      ++wakes_;
      woken_.notify_all();
    });
  }
  ~Sleeper() { store_->wake_by({}); }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;

  [[nodiscard]] Store& store() { return *store_; }
  [[nodiscard]] int wakes() {
    const std::lock_guard lock(mutex_);
    return wakes_;
  }
  // Whether it is woken more often than that.
  [[nodiscard]] bool woken_after(int wakes) {
    std::unique_lock lock(mutex_);
    return woken_.wait_for(lock, std::chrono::seconds(60), [&] { return wakes_ > wakes; });
  }

 private:
  std::unique_ptr<Store> store_;
  std::mutex mutex_;
  std::condition_variable woken_;
  int wakes_ = 0;
};

TEST_CASE("a process is woken when another has accepted on PostgreSQL") {
  with_server([](const std::string& url) {
    Sleeper one(url);
    Sleeper other(url);
    REQUIRE(one.woken_after(0));
    REQUIRE(other.woken_after(0));
    const int wakes = other.wakes();
    static_cast<void>(place(one.store(), {}));
    CHECK(other.woken_after(wakes));
  });
}

TEST_CASE("processes on PostgreSQL wake each other again after their sessions were ended") {
  with_server([](const std::string& url) {
    Sleeper one(url);
    Sleeper other(url);
    REQUIRE(one.woken_after(0));
    REQUIRE(other.woken_after(0));
    const int wakes[2] = {one.wakes(), other.wakes()};
    postgres::Connection({.url = url})
        .run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN "
            "orchestrator_%'");
    REQUIRE(one.woken_after(wakes[0]));
    REQUIRE(other.woken_after(wakes[1]));
    const int before = other.wakes();
    static_cast<void>(place(one.store(), {}));
    CHECK(other.woken_after(before));
  });
}

}  // namespace
}  // namespace orchestrator::testing
