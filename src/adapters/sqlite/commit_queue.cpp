// Group commit; see the header for the invariants.

#include "adapters/sqlite/commit_queue.hpp"

#include <array>

namespace orchestrator::sqlite {

void CommitQueue::run(const Unit& unit) {
  Waiting mine;
  mine.unit = &unit;
  std::unique_lock lock(mutex_);
  if (leading_) mine.seat = take_seat();
  waiting_.push_back(&mine);
  if (mine.seat != nullptr) {
    mine.seat->turn.wait(lock, [&mine] { return mine.done || mine.leads; });
    mine.seat->taken = false;
  }
  if (!mine.done) {
    leading_ = true;
    std::vector<Waiting*> group;
    group.swap(waiting_);
    lock.unlock();
    const std::size_t units = lead(group) ? group.size() : 0;
    tell(group, mine);
    if (observer_ != nullptr && units > 0) observer_->units_committed(units);
  }
  if (mine.failure) std::rethrow_exception(mine.failure);
}

// A seat outlives its use, so that it may be notified after the lock was let go: a thread that is woken under
// the lock only goes to sleep again over it.
CommitQueue::Seat* CommitQueue::take_seat() {
  for (Seat& seat : seats_) {
    if (seat.taken) continue;
    seat.taken = true;
    return &seat;
  }
  seats_.emplace_back().taken = true;
  return &seats_.back();
}

// The next leader first, so that it wakes up while the callers of this group are told.
void CommitQueue::tell(const std::vector<Waiting*>& group, const Waiting& mine) noexcept {
  constexpr std::size_t kAtOnce = 64;
  std::array<Seat*, kAtOnce> told;
  std::size_t count = 0;
  const auto wake = [&](Seat* seat) {
    if (count == kAtOnce) return seat->turn.notify_one();
    told[count++] = seat;
  };
  {
    const std::lock_guard lock(mutex_);
    leading_ = !waiting_.empty();
    if (leading_) {
      waiting_.front()->leads = true;
      wake(waiting_.front()->seat);
    }
    for (Waiting* waiting : group) {
      if (waiting == &mine) continue;
      waiting->done = true;  // from here on it may be gone as soon as the lock is free
      wake(waiting->seat);
    }
  }
  for (std::size_t i = 0; i < count; ++i) told[i]->turn.notify_one();
}

// Whether a commit came of it.
bool CommitQueue::lead(const std::vector<Waiting*>& group) noexcept {
  // Each caller gets an exception object of its own: what one does with it is none of the others' business.
  const auto fail_all = [&group](const auto& error) {
    for (Waiting* waiting : group) waiting->failure = std::make_exception_ptr(error);
  };
  try {
    if (stopped_) throw Error(*stopped_, why_stopped_, NextStep::kChangeSomething);
    const LockFile::Turn turn(lock_file_, busy_timeout_);
    lock_file_.end_change();  // of a process that died over one
    return execute(group);
  } catch (const DatabaseError& error) {
    if (error.code() == ErrorCode::kStorageCorrupt)
      stop(error.code(), error, "; damage was found while writing");
    fail_all(error);
  } catch (const Error& error) {
    fail_all(error);
  } catch (...) {
    for (Waiting* waiting : group) waiting->failure = std::current_exception();
  }
  return false;
}

bool CommitQueue::execute(const std::vector<Waiting*>& group) {
  try {
    transaction_.begin();
    bool wrote = false;
    // Savepoints cost a copy of every page that each unit touches, and hardly any unit fails after its first
    // write. So the first run does without, and a group in which one does begins again with them.
    if (!run_units(group, false, wrote)) {
      if (group.size() == 1) {
        transaction_.rollback();
        return false;
      }
      const Sequences numbers = transaction_.sequences();
      transaction_.rollback();
      transaction_.begin();
      transaction_.sequences() = numbers;  // units that got their numbers keep them
      wrote = false;
      run_units(group, true, wrote);
    }
    if (!wrote) {
      transaction_.rollback();
      return false;
    }
    transaction_.save_sequences();
    if (transaction_.reference_changed()) lock_file_.begin_change();
  } catch (...) {
    transaction_.rollback();
    throw;
  }
  commit();
  return true;
}

// False: without savepoints, and a unit failed after its first write.
bool CommitQueue::run_units(const std::vector<Waiting*>& group, bool with_savepoints, bool& wrote) {
  for (Waiting* waiting : group) {
    const std::int64_t changes = transaction_.connection().total_changes();
    if (with_savepoints) transaction_.save();
    const bool kept = run_unit(*waiting);
    const bool changed = transaction_.connection().total_changes() != changes;
    if (!kept && changed) {
      if (!with_savepoints) return false;
      transaction_.restore();
    }
    if (with_savepoints) transaction_.release();
    wrote = wrote || (kept && changed);
  }
  return true;
}

bool CommitQueue::run_unit(Waiting& waiting) {
  waiting.failure = nullptr;
  try {
    return (*waiting.unit)(transaction_);
  } catch (const DatabaseError&) {
    throw;  // not this unit's fault: nobody's writes can stand
  } catch (...) {
    waiting.failure = std::current_exception();
    return false;
  }
}

void CommitQueue::commit() {
  try {
    transaction_.commit();
    if (transaction_.reference_changed()) lock_file_.end_change();
  } catch (const Error& error) {
    transaction_.rollback();
    // Without space, or without the lock, the record that makes the transaction valid was not written.
    if (error.code() == ErrorCode::kStorageFull || error.code() == ErrorCode::kStorageBusy) throw;
    // Anything else may have struck after that record: a failed sync does not say what reached the disk, and
    // syncing again would only say that there is nothing left to sync.
    stop(ErrorCode::kStorageUnavailable, error, "; an earlier commit failed that way");
    throw Error(
        ErrorCode::kStorageUnavailable,
        std::string(error.what()) + "; whether this was committed is not known: restart, then look it up",
        NextStep::kRecover);
  }
}

void CommitQueue::stop(ErrorCode code, const Error& error, const char* why) noexcept {
  stopped_ = code;
  try {
    std::string words = std::string(error.what()) + why + ", so nothing is written any more: restart";
    const std::lock_guard lock(mutex_);
    why_stopped_ = std::move(words);
  } catch (...) {  // no memory for words: the code alone has to do
  }
}

std::string CommitQueue::why_stopped() {
  const std::lock_guard lock(mutex_);
  return why_stopped_;
}

}  // namespace orchestrator::sqlite
