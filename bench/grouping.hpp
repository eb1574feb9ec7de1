// The raw sides' group commit: whoever finds nobody leading does it for all that wait, and makes the next one
// that waits the leader.
#pragma once

#include <condition_variable>
#include <exception>
#include <mutex>
#include <vector>

namespace orchestrator::bench {

template <class Step>
class Grouping {
 public:
  // Returns when `commit`, called here or by another with the steps of all who waited, has done this one.
  // What it throws is thrown at all of them.
  template <class Commit>
  void run(Step& step, const Commit& commit) {
    Waiting mine;
    mine.step = &step;
    std::unique_lock lock(mutex_);
    waiting_.push_back(&mine);
    if (leading_) mine.turn.wait(lock, [&mine] { return mine.done || mine.leads; });
    if (mine.done) {
      if (mine.failure) std::rethrow_exception(mine.failure);
      return;
    }
    leading_ = true;
    std::vector<Waiting*> group;
    group.swap(waiting_);
    lock.unlock();
    std::vector<Step*> steps;
    for (const Waiting* waiting : group) steps.push_back(waiting->step);
    std::exception_ptr failure;
    try {
      commit(steps);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    leading_ = !waiting_.empty();
    if (leading_) {
      waiting_.front()->leads = true;
      waiting_.front()->turn.notify_one();
    }
    for (Waiting* waiting : group) {
      waiting->failure = failure;
      waiting->done = true;
      if (waiting != &mine) waiting->turn.notify_one();
    }
    if (failure) std::rethrow_exception(failure);
  }

 private:
  struct Waiting {
    Step* step = nullptr;
    bool leads = false;
    bool done = false;
    std::exception_ptr failure = {};
    std::condition_variable turn;
  };

  std::mutex mutex_;
  std::vector<Waiting*> waiting_;
  bool leading_ = false;
};

}  // namespace orchestrator::bench
