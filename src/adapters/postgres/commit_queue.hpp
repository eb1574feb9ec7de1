// Group commit: the units of callers that wait at the same time share a transaction, a sync and the way to
// the server and back.
//
// There is no writer thread. At most so many groups are under way at once, each on a connection of its own;
// a caller that finds room for another leads a group of what waits, and a lone caller hands nothing to
// anybody. Whoever finishes makes a caller that waits the next leader.
//
// Invariants
//   * what two units would have to wait for each other over is never in two groups at a time: of a portfolio,
//     whose units can only run one behind the other, those that wait join the group that has it
//   * no two units of a group touch the same key, order or batch: one behind the other, in two groups, they
//     do what they would have done alone
//   * a unit that is refused or fails takes no other with it; where it cannot be told which one of a group
//     failed, each runs again alone, for no longer than anybody waits
//   * nobody waits for a turn for ever: who has not got it in time leaves, and nothing of its unit happened
//   * a group has so many rows and no more, so that a transaction takes about as long as the next
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <initializer_list>
#include <mutex>
#include <span>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "orchestrator/observer.hpp"

namespace orchestrator::postgres {

// A unit of work on its way through the queue.
class QueuedUnit {
 public:
  enum class Kind : std::uint8_t { kAccept, kChange };  // a group is of one kind

  explicit QueuedUnit(Kind kind) : kind_(kind) {}
  virtual ~QueuedUnit() = default;
  QueuedUnit(const QueuedUnit&) = delete;
  QueuedUnit& operator=(const QueuedUnit&) = delete;

  // What it throws to its caller.
  std::exception_ptr failure;

  // Whoever runs the group says so of each unit.
  bool refused = false;  // by what had been committed before: its answer holds whatever becomes of the others
  bool sent = false;     // with a COMMIT that may have arrived: else nothing of it can be in doubt

 protected:
  // Told before it is queued: what it touches.
  enum class Subject : std::uint8_t { kPortfolioId, kScope, kOrderId, kBatchId, kBrokerAccount, kCount };
  void shares(Subject subject, std::int64_t id) { shared_.push_back(number(subject, id)); }
  void has_alone(Subject subject, std::int64_t id) { own_.push_back(number(subject, id)); }
  void has_alone(Subject subject, std::initializer_list<std::string_view> texts);
  void runs_alone() { alone_ = true; }
  void writes(std::size_t rows) { rows_ = rows; }

 private:
  friend class CommitQueue;

  // Two that are different may have the same number; they then wait without need.
  static std::uint64_t number(Subject subject, std::int64_t id) {
    return static_cast<std::uint64_t>(id) * static_cast<std::uint64_t>(Subject::kCount) +
           static_cast<std::uint64_t>(subject);
  }

  Kind kind_;
  bool alone_ = false;
  std::size_t rows_ = 1;
  std::vector<std::uint64_t> shared_;
  std::vector<std::uint64_t> own_;
  // The queue's mutex guards what follows.
  std::condition_variable turn_;
  std::vector<QueuedUnit*> group_;  // not empty: leads it
  bool done_ = false;
  // Its leader's: alone it took too long.
  bool blocked_ = false;
};

class CommitQueue {
 public:
  // Of a group; a unit that has more is one by itself. A tenth of a second's work.
  static constexpr std::size_t kRowsMax = 10000;

  // Runs a group of the unit's kind in a transaction. False: it was undone, because one of several units
  // failed and which one is not known. What it throws befell all of them.
  using Run = std::function<bool(std::span<QueuedUnit* const>)>;

  // `patience`: how long a unit waits for its turn.
  CommitQueue(std::size_t writers, std::chrono::milliseconds patience)
      : writers_(writers), patience_(patience) {}

  // Returns when the unit stands, is refused or undone. Its fields say which, or `failure` does. Throws
  // Error(storage_busy) when it did not get its turn.
  void run(QueuedUnit& unit, const Run& run);
  // See Store::observed_by().
  void observed_by(Observer* observer) { observer_ = observer; }

 private:
  using Numbers = std::unordered_set<std::uint64_t>;
  struct Group {
    std::vector<QueuedUnit*> units;
    Numbers wanted;
    std::size_t rows = 0;
    std::size_t size = 0;  // its share of the units
  };
  enum class End : std::uint8_t {
    kAnswered,   // each unit has its answer or its failure
    kBlocked,    // so has the one, whose failure is that it took too long
    kBefellAll,  // so have all, and others would fare alike
    kApart,      // undone; nobody has any
  };

  void wait_for_turn(QueuedUnit& unit);
  void appoint_leaders() noexcept;
  std::vector<QueuedUnit*> take_group();
  [[nodiscard]] bool may_join(const QueuedUnit& unit, const Group& group, const Numbers& passed_over) const;
  void finish(const std::vector<QueuedUnit*>& group) noexcept;
  void lead(std::span<QueuedUnit* const> group, const Run& run) const noexcept;
  static End try_group(std::span<QueuedUnit* const> group, const Run& run) noexcept;
  void tell_observer(std::span<QueuedUnit* const> group) const noexcept;

  Observer* observer_ = nullptr;  // set before anybody waits
  const std::size_t writers_;
  const std::chrono::milliseconds patience_;
  std::mutex mutex_;  // of all that follows; not held during I/O
  std::deque<QueuedUnit*> waiting_;
  Numbers held_;  // by the groups under way
  std::size_t groups_ = 0;
  std::size_t running_ = 0;  // units in them
};

}  // namespace orchestrator::postgres
