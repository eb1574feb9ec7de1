// What the orchestrator is asked for when metrics are scraped, read by a thread of its own: whoever scrapes
// waits for it for a moment and no longer, and gets what was read last when a database does not answer.
//
// A reading costs a few queries, one of them as much as there are open orders. So it is made when somebody
// scrapes, at most once a second, and never fills more than a fifth of the time.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "orchestrator/orchestrator.hpp"

namespace orchestrator::http {

struct State {
  Health health = {};
  std::optional<std::vector<OrderCount>> open_orders = {};  // nullopt: they could not be counted
  Timestamp read_at = {};                                   // on the wall clock, as the times inside
  std::chrono::microseconds took{0};
};

// Of an orchestrator, which has to outlive the use of what it returns.
[[nodiscard]] std::function<State()> state_of(const Orchestrator& orchestrator);

// Called from any thread.
class StateReader {
 public:
  static constexpr std::chrono::milliseconds kPatience{250};
  static constexpr std::chrono::milliseconds kRestMin{1000};

  struct Latest {
    std::shared_ptr<const State> state;  // null: nothing was read yet
    std::chrono::microseconds age{0};    // since it was read
  };

  // What `read` throws counts as no reading. `rest_min`: between two readings.
  explicit StateReader(std::function<State()> read, std::chrono::milliseconds rest_min = kRestMin);
  // Waits for a reading that is under way; the time limits of the database end it.
  ~StateReader();
  StateReader(const StateReader&) = delete;
  StateReader& operator=(const StateReader&) = delete;

  // A fresh state, or the latest there is when a reading takes longer than kPatience: whoever comes later
  // does not wait for that one.
  [[nodiscard]] Latest latest();

 private:
  using SteadyClock = std::chrono::steady_clock;

  void run();
  [[nodiscard]] bool is_fresh(SteadyClock::time_point now) const;

  const std::function<State()> read_;
  const std::chrono::milliseconds rest_min_;
  std::mutex mutex_;  // of what follows; not held while reading
  std::condition_variable wake_;
  bool wanted_ = false;
  SteadyClock::time_point wanted_at_;
  bool stopping_ = false;
  std::size_t attempts_ = 0;  // that ended
  std::shared_ptr<const State> state_;
  SteadyClock::time_point state_at_;
  SteadyClock::time_point rest_until_;
  std::thread thread_;  // the last: it uses the others
};

}  // namespace orchestrator::http
