// Which units share a group, which are kept apart, and that nobody is forgotten. Needs no server.

#include <doctest/doctest.h>

#include <atomic>
#include <map>
#include <random>
#include <stdexcept>
#include <thread>

#include "adapters/postgres/commit_queue.hpp"
#include "adapters/postgres/connection.hpp"

namespace orchestrator::postgres {
namespace {

struct Sample : QueuedUnit {
  Sample(bool accept, std::int64_t portfolio, std::int64_t order, bool alone)
      : QueuedUnit(accept ? Kind::kAccept : Kind::kChange),
        accepts(accept),
        portfolio_id(portfolio),
        order_id(order),
        by_itself(alone) {
    shares(Subject::kPortfolioId, portfolio);
    has_alone(Subject::kOrderId, order);
    if (alone) runs_alone();
  }
  const bool accepts;
  const std::int64_t portfolio_id;
  const std::int64_t order_id;
  const bool by_itself;
  int runs = 0;
};

// Watches what is under way at the same time.
class Watch {
 public:
  void enter(std::span<QueuedUnit* const> group) {
    const std::lock_guard lock(mutex_);
    ++groups_;
    most_ = std::max(most_, groups_);
    std::map<std::int64_t, int> portfolios;
    for (QueuedUnit* one : group) {
      const auto& unit = static_cast<Sample&>(*one);
      apart_ = apart_ && ++orders_[unit.order_id] == 1;
      if (++portfolios[unit.portfolio_id] == 1) apart_ = apart_ && ++portfolios_[unit.portfolio_id] == 1;
      alike_ = alike_ && unit.accepts == static_cast<const Sample&>(*group.front()).accepts;
      alone_ = alone_ && (!unit.by_itself || group.size() == 1);
    }
  }
  void leave(std::span<QueuedUnit* const> group) {
    const std::lock_guard lock(mutex_);
    --groups_;
    for (QueuedUnit* one : group) {
      portfolios_[static_cast<Sample&>(*one).portfolio_id] = 0;
      orders_[static_cast<Sample&>(*one).order_id] = 0;
    }
  }
  void check(int writers) const {
    CHECK(most_ <= writers);
    CHECK(apart_);
    CHECK(alike_);
    CHECK(alone_);
  }

 private:
  std::mutex mutex_;
  std::map<std::int64_t, int> portfolios_;
  std::map<std::int64_t, int> orders_;
  int groups_ = 0;
  int most_ = 0;
  bool apart_ = true;
  bool alike_ = true;
  bool alone_ = true;
};

template <class Work>
void on_threads(int count, Work&& work) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back([&work, i] { work(i); });
  for (std::thread& thread : threads) thread.join();
}

TEST_CASE("groups under way at once share no portfolio and no order and every unit runs once") {
  const unsigned seed = std::random_device()();
  INFO("seed " << seed);
  Watch watch;
  CommitQueue queue(3);
  std::atomic<int> wrong{0};
  on_threads(12, [&](int thread) {
    std::mt19937 random(seed + static_cast<unsigned>(thread));
    const auto pick = [&random](std::int64_t below) { return static_cast<std::int64_t>(random()) % below; };
    for (int i = 0; i < 400; ++i) {
      Sample unit(pick(2) == 0, pick(4), pick(6), pick(16) == 0);
      queue.run(unit, [&watch](std::span<QueuedUnit* const> group) {
        watch.enter(group);
        std::this_thread::yield();
        for (QueuedUnit* one : group) ++static_cast<Sample*>(one)->runs;
        watch.leave(group);
        return true;
      });
      if (unit.runs != 1) ++wrong;
    }
  });
  CHECK(wrong == 0);
  watch.check(3);
}

// How the calls of many threads end when every unit with an odd number fails by `fail`.
struct Ends {
  std::atomic<int> stood{0};
  std::atomic<int> failed{0};
  std::atomic<int> odd_stood{0};
};

void run_with_failures(Ends& ends, const std::function<bool()>& fail) {
  CommitQueue queue(1);
  on_threads(8, [&](int thread) {
    for (int i = 0; i < 100; ++i) {
      Sample unit(true, thread, thread * 1000 + i, false);
      try {
        queue.run(unit, [&fail](std::span<QueuedUnit* const> group) {
          std::this_thread::yield();
          for (const QueuedUnit* one : group) {
            if (static_cast<const Sample*>(one)->order_id % 2 == 1) return fail();
          }
          return true;
        });
        ++ends.stood;
        if (unit.order_id % 2 == 1) ++ends.odd_stood;
      } catch (const std::exception&) {
        ++ends.failed;
      }
    }
  });
}

TEST_CASE("a unit that fails takes no other of its group with it") {
  Ends ends;
  run_with_failures(ends, []() -> bool { throw Error(ErrorCode::kInvalidArgument, "odd"); });
  CHECK(ends.stood == 400);
  CHECK(ends.odd_stood == 0);
  CHECK(ends.failed == 400);
}

TEST_CASE("what befalls the database befalls the whole group once") {
  for (const auto code : {ErrorCode::kStorageBusy, ErrorCode::kStorageUnavailable}) {
    Ends ends;
    std::atomic<int> failures{0};
    run_with_failures(ends, [&]() -> bool {
      ++failures;
      throw DatabaseError(code, "gone", DatabaseError::Kind::kRefused);
    });
    CHECK(ends.stood + ends.failed == 800);
    CHECK(ends.odd_stood == 0);
    CHECK(failures <= 400);  // one for each unit that fails, at most: none is repeated
  }
}

}  // namespace
}  // namespace orchestrator::postgres
