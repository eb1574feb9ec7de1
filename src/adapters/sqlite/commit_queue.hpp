// Group commit: the units of all callers that wait at the same time go into one transaction and one sync.
//
// There is no writer thread. A caller that finds nobody leading leads: it takes its turn among the processes,
// runs every unit that waits, commits once, makes the next waiting caller the leader and hands out the
// results. A lone caller therefore never hands anything to another thread.
//
// Invariants
//   * a unit's changes are committed whole or not at all; a unit that is refused or throws affects no other,
//     and an error of the database fails all units of the commit
//   * no caller returns successfully before the commit of its unit is durable
//   * after a commit whose outcome is not known nothing is written any more, because what the program
//     believes and what the file holds may differ until the file is opened anew; nor after damage was met
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "adapters/sqlite/lock_file.hpp"
#include "adapters/sqlite/write_transaction.hpp"
#include "orchestrator/observer.hpp"

namespace orchestrator::sqlite {

class CommitQueue {
 public:
  CommitQueue(Connection& writer, LockFile& lock_file, std::chrono::milliseconds busy_timeout)
      : transaction_(writer), lock_file_(lock_file), busy_timeout_(busy_timeout) {}

  // Returns whether the unit's writes stand; false: it refused itself, and what it wrote is undone. May run
  // on the thread of another caller, and a second time when another unit made the group begin again: of what
  // it wrote only the last run counts, while numbers that it took from the sequences stay its own.
  using Unit = std::function<bool(WriteTransaction&)>;

  // Runs the unit; returns when it is durable, refused or undone. Throws what the unit threw, or the Error
  // of the commit.
  void run(const Unit& unit);
  // See Store::observed_by().
  void observed_by(Observer* observer) { observer_ = observer; }
  // Why nothing is written any more; empty while all is well.
  [[nodiscard]] std::string why_stopped();

 private:
  struct Seat {
    std::condition_variable turn;
    bool taken = false;
  };
  struct Waiting {
    const Unit* unit = nullptr;
    std::exception_ptr failure;
    bool leads = false;
    bool done = false;
    Seat* seat = nullptr;  // of everybody who did not find the queue idle
  };

  Seat* take_seat();
  void tell(const std::vector<Waiting*>& group, const Waiting& mine) noexcept;
  bool lead(const std::vector<Waiting*>& group) noexcept;
  bool execute(const std::vector<Waiting*>& group);
  bool run_units(const std::vector<Waiting*>& group, bool with_savepoints, bool& wrote);
  bool run_unit(Waiting& waiting);
  void commit();
  void stop(ErrorCode code, const Error& error, const char* why) noexcept;

  std::mutex
      mutex_;  // of all that follows down to the empty line, and of the flags in Waiting; not held during I/O
  std::deque<Seat> seats_;
  std::vector<Waiting*> waiting_;
  bool leading_ = false;

  Observer* observer_ = nullptr;  // set before anybody waits

  // Only the leader touches what follows, and alone writes why_stopped_, under the mutex.
  WriteTransaction transaction_;
  LockFile& lock_file_;
  std::chrono::milliseconds busy_timeout_;
  std::optional<ErrorCode> stopped_;  // for good
  std::string why_stopped_;
};

}  // namespace orchestrator::sqlite
