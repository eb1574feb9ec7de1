// Which units share a group, which are kept apart, and that nobody is forgotten. Needs no server.

#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <map>
#include <optional>
#include <random>
#include <stdexcept>
#include <thread>

#include "adapters/postgres/commit_queue.hpp"
#include "adapters/postgres/connection.hpp"

namespace orchestrator::postgres {
namespace {

constexpr std::chrono::minutes kPatience{10};

struct Sample : QueuedUnit {
  Sample(bool accept, std::int64_t portfolio, std::int64_t order, bool alone, std::size_t row_count = 1)
      : QueuedUnit(accept ? Kind::kAccept : Kind::kChange),
        accepts(accept),
        portfolio_id(portfolio),
        order_id(order),
        by_itself(alone),
        rows(row_count) {
    writes(rows);
    shares(Subject::kPortfolioId, portfolio);
    has_alone(Subject::kOrderId, order);
    if (alone) runs_alone();
  }
  const bool accepts;
  const std::int64_t portfolio_id;
  const std::int64_t order_id;
  const bool by_itself;
  const std::size_t rows;
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
    std::size_t rows = 0;
    for (QueuedUnit* one : group) {
      const auto& unit = static_cast<Sample&>(*one);
      apart_ = apart_ && ++orders_[unit.order_id] == 1;
      if (++portfolios[unit.portfolio_id] == 1) apart_ = apart_ && ++portfolios_[unit.portfolio_id] == 1;
      alike_ = alike_ && unit.accepts == static_cast<const Sample&>(*group.front()).accepts;
      alone_ = alone_ && (!unit.by_itself || group.size() == 1);
      rows += unit.rows;
    }
    small_ = small_ && (rows <= CommitQueue::kRowsMax || group.size() == 1);
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
    CHECK(small_);
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
  bool small_ = true;
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
  CommitQueue queue(3, kPatience);
  std::atomic<int> wrong{0};
  on_threads(12, [&](int thread) {
    std::mt19937 random(seed + static_cast<unsigned>(thread));
    const auto pick = [&random](std::int64_t below) { return static_cast<std::int64_t>(random()) % below; };
    for (int i = 0; i < 400; ++i) {
      const std::size_t rows = pick(3) == 0 ? CommitQueue::kRowsMax / 2 + 1 : 1;
      Sample unit(pick(2) == 0, pick(4), pick(6), pick(16) == 0, pick(40) == 0 ? 3 * rows : rows);
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
  CommitQueue queue(1, kPatience);
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

TEST_CASE("what one unit waited for in vain keeps nobody of its group from standing") {
  CommitQueue queue(1, kPatience);
  std::atomic<int> wrong{0};
  on_threads(8, [&](int thread) {
    for (int i = 0; i < 100; ++i) {
      const bool locked = thread < 2;
      Sample unit(true, locked ? 0 : thread, thread * 1000 + i, false);
      try {
        queue.run(unit, [](std::span<QueuedUnit* const> group) -> bool {
          std::this_thread::yield();
          for (const QueuedUnit* one : group) {
            if (static_cast<const Sample*>(one)->portfolio_id != 0) continue;
            throw DatabaseError(ErrorCode::kStorageBusy, "locked", DatabaseError::Kind::kTooLong);
          }
          return true;
        });
        if (locked) ++wrong;
      } catch (const Error& error) {
        if (!locked || error.code() != ErrorCode::kStorageBusy || !error.retryable()) ++wrong;
      }
    }
  });
  CHECK(wrong == 0);
}

TEST_CASE("a unit that was refused or never sent has no part in its group's doubt") {
  CommitQueue queue(1, kPatience);
  std::atomic<int> wrong{0};
  on_threads(9, [&](int thread) {
    for (int i = 0; i < 100; ++i) {
      Sample unit(true, thread, thread * 1000 + i, false);
      const int kind = thread % 3;
      std::optional<Error> end;
      try {
        queue.run(unit, [](std::span<QueuedUnit* const> group) -> bool {
          std::this_thread::yield();
          for (QueuedUnit* one : group) {
            one->refused = static_cast<const Sample*>(one)->portfolio_id % 3 == 1;
            one->sent = static_cast<const Sample*>(one)->portfolio_id % 3 == 2;
          }
          throw Error(ErrorCode::kStorageUnavailable, "no answer", NextStep::kRecover);
        });
      } catch (const Error& error) {
        end = error;
      }
      if (kind == 0 && !(end && end->retryable())) ++wrong;
      if (kind == 1 && end) ++wrong;
      if (kind == 2 && !(end && end->in_doubt())) ++wrong;
    }
  });
  CHECK(wrong == 0);
}

TEST_CASE("a group without memory leaves what was sent in doubt, and what was refused refused") {
  CommitQueue queue(1, kPatience);
  const auto run_out_of_memory = [&queue](bool refused, bool sent) {
    Sample unit(true, 1, 1, false);
    queue.run(unit, [&](std::span<QueuedUnit* const> group) -> bool {
      group.front()->refused = refused;
      group.front()->sent = sent;
      throw std::bad_alloc();
    });
  };
  run_out_of_memory(true, false);
  CHECK_THROWS_AS(run_out_of_memory(false, false), std::bad_alloc);
  try {
    run_out_of_memory(false, true);
    FAIL("nothing was thrown");
  } catch (const Error& error) {
    CHECK(error.in_doubt());
  }
}

TEST_CASE("who gets no turn in time leaves, and nothing of its unit happens") {
  CommitQueue queue(1, std::chrono::milliseconds(0));
  std::promise<void> leads;
  std::promise<void> may_end;
  Sample first(true, 1, 1, false);
  std::thread leader([&] {
    queue.run(first, [&](std::span<QueuedUnit* const>) {
      leads.set_value();
      may_end.get_future().wait();
      return true;
    });
  });
  leads.get_future().wait();
  Sample second(true, 2, 2, false);
  const auto count = [](std::span<QueuedUnit* const> group) {
    for (QueuedUnit* one : group) ++static_cast<Sample*>(one)->runs;
    return true;
  };
  std::optional<Error> failure;
  try {
    queue.run(second, count);
  } catch (const Error& error) {
    failure = error;
  }
  may_end.set_value();
  leader.join();
  REQUIRE(failure.has_value());
  CHECK(failure->code() == ErrorCode::kStorageBusy);
  CHECK(failure->retryable());
  CHECK(second.runs == 0);
  queue.run(second, count);
  CHECK(second.runs == 1);
}

TEST_CASE("among callers of little patience exactly those whose units ran return") {
  CommitQueue queue(2, std::chrono::milliseconds(1));
  std::atomic<int> wrong{0};
  on_threads(8, [&](int thread) {
    for (int i = 0; i < 200; ++i) {
      Sample unit(i % 2 == 0, i % 3, thread, false);
      bool returned = true;
      try {
        queue.run(unit, [](std::span<QueuedUnit* const> group) {
          for (int turns = 0; turns < 50; ++turns) std::this_thread::yield();
          for (QueuedUnit* one : group) ++static_cast<Sample*>(one)->runs;
          return true;
        });
      } catch (const Error&) {
        returned = false;
      }
      if (unit.runs != (returned ? 1 : 0)) ++wrong;
    }
  });
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace orchestrator::postgres
