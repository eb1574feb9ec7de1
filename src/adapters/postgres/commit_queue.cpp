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

bool any_in(const std::unordered_set<std::uint64_t>& set, const std::vector<std::uint64_t>& numbers) {
  return std::any_of(numbers.begin(), numbers.end(), [&set](auto number) { return set.contains(number); });
}

}  // namespace

void QueuedUnit::has_alone(Subject subject, std::initializer_list<std::string_view> texts) {
  std::size_t hash = 0;
  for (const std::string_view text : texts) hash = hash * 31 + std::hash<std::string_view>()(text);
  has_alone(subject, static_cast<std::int64_t>(hash));
}

void CommitQueue::run(QueuedUnit& unit, const Run& run) {
  {
    std::unique_lock lock(mutex_);
    waiting_.push_back(&unit);
    appoint_leaders();
    unit.turn_.wait(lock, [&unit] { return unit.done_ || !unit.group_.empty(); });
  }
  if (!unit.done_) {
    lead(unit.group_, run);
    finish(unit.group_);
  }
  if (unit.failure) std::rethrow_exception(unit.failure);
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
  const std::size_t size = (running_ + waiting_.size() + writers_ - 1) / writers_;
  std::vector<QueuedUnit*> group;
  std::deque<QueuedUnit*> left;
  Numbers wanted;
  Numbers passed_over;
  for (QueuedUnit* unit : waiting_) {
    const bool joins = may_join(*unit, group, wanted, passed_over, size);
    joins ? group.push_back(unit) : left.push_back(unit);
    Numbers& numbers = joins ? wanted : passed_over;
    numbers.insert(unit->shared_.begin(), unit->shared_.end());
    numbers.insert(unit->own_.begin(), unit->own_.end());
  }
  held_.reserve(held_.size() + wanted.size());
  held_.merge(wanted);
  waiting_.swap(left);
  return group;
}

bool CommitQueue::may_join(const QueuedUnit& unit, const std::vector<QueuedUnit*>& group,
                           const Numbers& wanted, const Numbers& passed_over, std::size_t size) const {
  for (const Numbers* numbers : {&held_, &passed_over}) {
    if (any_in(*numbers, unit.own_) || any_in(*numbers, unit.shared_)) return false;
  }
  if (group.empty()) return true;
  if (any_in(wanted, unit.own_) || unit.kind_ != group.front()->kind_) return false;
  if (unit.alone_ || group.front()->alone_) return false;
  // More than its share a group takes only of what no other group could take meanwhile.
  return group.size() < size || any_in(wanted, unit.shared_);
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

void CommitQueue::lead(std::span<QueuedUnit* const> group, const Run& run) noexcept {
  // Each caller gets an exception object of its own: what one does with it is none of the others' business.
  const auto fail_all = [group](const auto& error) {
    for (QueuedUnit* unit : group) unit->failure = std::make_exception_ptr(error);
  };
  try {
    if (run(group)) return;
  } catch (const DatabaseError& error) {
    if (group.size() == 1 || befell_all(error)) return fail_all(error);
  } catch (const Error& error) {
    if (group.size() == 1 || befell_all(error)) return fail_all(error);
  } catch (...) {
    for (QueuedUnit* unit : group) unit->failure = std::current_exception();
    return;
  }
  for (QueuedUnit* const& unit : group) lead({&unit, 1}, run);
}

}  // namespace orchestrator::postgres
