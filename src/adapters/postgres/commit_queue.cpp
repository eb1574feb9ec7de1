// Group commit; see the header for the invariants.

#include "adapters/postgres/commit_queue.hpp"

#include <algorithm>

#include "adapters/postgres/connection.hpp"

namespace orchestrator::postgres {
namespace {

// What keeps the database as a whole from answering keeps every unit from it, alone as well.
bool befell_all(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kStorageBusy:
    case ErrorCode::kStorageFull:
    case ErrorCode::kStorageReadOnly:
    case ErrorCode::kStorageUnavailable:
    case ErrorCode::kPermissionDenied:
    case ErrorCode::kConfiguration:
      return true;
    default:
      return error.in_doubt();
  }
}

Error nothing_changed(const std::string& why) {
  return Error(ErrorCode::kStorageBusy, why + "; nothing was changed, call again");
}

Error not_known() {
  return Error(
      ErrorCode::kStorageUnavailable,
      "this process has no memory left; whether this was committed is not known: look it up, or recover",
      NextStep::kRecover);
}

bool any_in(const std::unordered_set<std::uint64_t>& set, const std::vector<std::uint64_t>& numbers) {
  return std::any_of(numbers.begin(), numbers.end(), [&set](auto number) { return set.contains(number); });
}

bool have_in_common(const std::vector<std::uint64_t>& a, const std::vector<std::uint64_t>& b) {
  return std::find_first_of(a.begin(), a.end(), b.begin(), b.end()) != a.end();
}

}  // namespace

void QueuedUnit::has_alone(Subject subject, std::initializer_list<std::string_view> texts) {
  std::size_t hash = 0;
  for (const std::string_view text : texts) hash = hash * 31 + std::hash<std::string_view>()(text);
  has_alone(subject, static_cast<std::int64_t>(hash));
}

void CommitQueue::run(QueuedUnit& unit, const Run& run) {
  wait_for_turn(unit);
  if (!unit.done_) {
    lead(unit.group_, run);
    finish(unit.group_);
  }
  if (unit.failure) std::rethrow_exception(unit.failure);
}

void CommitQueue::wait_for_turn(QueuedUnit& unit) {
  const auto its_turn = [&unit] { return unit.done_ || !unit.group_.empty(); };
  std::unique_lock lock(mutex_);
  waiting_.push_back(&unit);
  appoint_leaders();
  if (unit.turn_.wait_for(lock, patience_, its_turn)) return;
  if (std::erase(waiting_, &unit) == 0) {
    unit.turn_.wait(lock, its_turn);  // it is in a group, whose statements have an end
    return;
  }
  appoint_leaders();  // of what was not to overtake it
  throw nothing_changed("others have kept the database busy for " + std::to_string(patience_.count()) +
                        " ms");
}

void CommitQueue::appoint_leaders() noexcept {
  try {
    while (groups_ < writers_) {
      std::vector<QueuedUnit*> group = take_group();
      if (group.empty()) return;
      ++groups_;
      running_ += group.size();
      QueuedUnit& leader = *group.front();
      leader.group_ = std::move(group);
      leader.turn_.notify_one();
    }
  } catch (...) {  // no memory; nobody may be left waiting for a leader that nobody appoints
    for (QueuedUnit* unit : waiting_) {
      unit->failure = std::current_exception();
      unit->done_ = true;
      unit->turn_.notify_one();
    }
    waiting_.clear();
  }
}

// The oldest unit that may run, and what may run with it. What is passed over keeps its turn: no younger unit
// overtakes it to what both want.
std::vector<QueuedUnit*> CommitQueue::take_group() {
  Group group;
  group.size = (running_ + waiting_.size() + writers_ - 1) / writers_;
  std::deque<QueuedUnit*> left;
  Numbers passed_over;
  for (QueuedUnit* unit : waiting_) {
    const bool joins = may_join(*unit, group, passed_over);
    if (joins) {
      group.units.push_back(unit);
      group.rows += unit->rows_;
    } else {
      left.push_back(unit);
    }
    Numbers& numbers = joins ? group.wanted : passed_over;
    numbers.insert(unit->shared_.begin(), unit->shared_.end());
    numbers.insert(unit->own_.begin(), unit->own_.end());
  }
  held_.reserve(held_.size() + group.wanted.size());
  held_.merge(group.wanted);
  waiting_.swap(left);
  return std::move(group.units);
}

bool CommitQueue::may_join(const QueuedUnit& unit, const Group& group, const Numbers& passed_over) const {
  for (const Numbers* numbers : {&held_, &passed_over}) {
    if (any_in(*numbers, unit.own_) || any_in(*numbers, unit.shared_)) return false;
  }
  if (group.units.empty()) return true;
  const QueuedUnit& first = *group.units.front();
  if (any_in(group.wanted, unit.own_) || unit.kind_ != first.kind_) return false;
  if (unit.alone_ || first.alone_ || group.rows + unit.rows_ > kRowsMax) return false;
  // More than its share a group takes only of what no other group could take meanwhile.
  return group.units.size() < group.size || any_in(group.wanted, unit.shared_);
}

void CommitQueue::finish(const std::vector<QueuedUnit*>& group) noexcept {
  const std::lock_guard lock(mutex_);
  --groups_;
  running_ -= group.size();
  for (const QueuedUnit* unit : group) {
    for (const auto* numbers : {&unit->shared_, &unit->own_}) {
      for (const std::uint64_t number : *numbers) held_.erase(number);
    }
  }
  appoint_leaders();
  for (QueuedUnit* unit : group) {
    if (unit == group.front()) continue;
    unit->done_ = true;  // it may be gone as soon as the lock is free
    unit->turn_.notify_one();
  }
}

// Alone runs who has no answer yet. What one of them waited for in vain is not waited for again by those that
// want the same, and altogether it takes no longer than they would have waited for their turn.
void CommitQueue::lead(std::span<QueuedUnit* const> group, const Run& run) const noexcept {
  const End together = try_group(group, run);
  if (together == End::kAnswered) tell_observer(group);
  if (together != End::kApart) return;
  const auto give_up = std::chrono::steady_clock::now() + patience_;
  bool befell_all = false;
  for (std::size_t i = 0; i < group.size(); ++i) {
    QueuedUnit& unit = *group[i];
    if (unit.refused) continue;
    const auto before = group.first(i);
    const bool in_vain = std::any_of(before.begin(), before.end(), [&unit](const QueuedUnit* other) {
      return other->blocked_ && have_in_common(unit.shared_, other->shared_);
    });
    if (befell_all || in_vain || std::chrono::steady_clock::now() > give_up) {
      unit.failure = std::make_exception_ptr(nothing_changed("others of its group kept the database busy"));
      continue;
    }
    const End end = try_group(group.subspan(i, 1), run);
    if (end == End::kAnswered) tell_observer(group.subspan(i, 1));
    unit.blocked_ = end == End::kBlocked;
    befell_all = end == End::kBefellAll;
  }
}

// Of the units of one transaction.
void CommitQueue::tell_observer(std::span<QueuedUnit* const> group) const noexcept {
  if (observer_ == nullptr) return;
  const auto units = std::count_if(group.begin(), group.end(), [](const QueuedUnit* unit) {
    return unit->sent && !unit->refused && !unit->failure;
  });
  if (units > 0) observer_->units_committed(static_cast<std::size_t>(units));
}

CommitQueue::End CommitQueue::try_group(std::span<QueuedUnit* const> group, const Run& run) noexcept {
  // Each caller gets an exception object of its own: what one does with it is none of the others' business.
  const auto fail_all = [group](const auto& error) {
    for (QueuedUnit* unit : group) {
      if (unit->refused) continue;
      unit->failure = error.in_doubt() && !unit->sent
                          ? std::make_exception_ptr(nothing_changed("the database was lost meanwhile"))
                          : std::make_exception_ptr(error);
    }
  };
  try {
    return run(group) ? End::kAnswered : End::kApart;
  } catch (const DatabaseError& error) {
    const bool too_long = error.kind() == DatabaseError::Kind::kTooLong;
    const bool all = !too_long && befell_all(error);
    if (group.size() > 1 && !all) return End::kApart;
    fail_all(error);
    return too_long ? End::kBlocked : all ? End::kBefellAll : End::kAnswered;
  } catch (const Error& error) {
    const bool all = befell_all(error);
    if (group.size() > 1 && !all) return End::kApart;
    fail_all(error);
    return all ? End::kBefellAll : End::kAnswered;
  } catch (...) {  // no memory
    for (QueuedUnit* unit : group) {
      if (unit->refused) continue;
      unit->failure = unit->sent ? std::make_exception_ptr(not_known()) : std::current_exception();
    }
    return End::kAnswered;
  }
}

}  // namespace orchestrator::postgres
