#include "examples/http_server/feed.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace orchestrator::http {
namespace {

using namespace std::chrono_literals;

constexpr auto kBetweenLooks = 100ms;  // for what other processes wrote; ours wakes us
constexpr auto kBetweenWakes = 10ms;   // however often we are woken
constexpr auto kHeartbeat = 15s;
// A row holds the events of one step of one batch: up to some megabytes for a batch of thousands.
constexpr std::size_t kPageRows = 16;
constexpr std::size_t kCatchUpRows = 4;
constexpr int kCatchUpPages = 64;  // at one look
constexpr std::size_t kWaitingBytesMax = 1U << 20U;
constexpr std::size_t kCatchUpBytes = 256U << 10U;

}  // namespace

std::string server_sent_events(const std::vector<Event>& events, std::string_view source) {
  std::string text;
  for (std::size_t i = 0; i < events.size(); ++i) {
    text += "event: " + std::string(to_string(events[i].type)) + "\n";
    const bool last_of_row = i + 1 == events.size() || events[i + 1].log_id != events[i].log_id;
    if (last_of_row) text += "id: " + std::to_string(events[i].log_id) + "\n";
    text += "data: " + to_cloud_event(events[i], source) + "\n\n";
  }
  return text;
}

Feed::Feed(const Orchestrator& oms, std::string event_source)
    : oms_(oms), event_source_(std::move(event_source)), owners_(oms), thread_([this] { run(); }) {}

void Feed::follow(Follower follower) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopped_) {
      new_followers_.push_back(std::move(follower));
      changed_.notify_one();
      return;
    }
  }
  follower.to->end();
}

void Feed::wait(Waiter waiter) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopped_) {
      new_waiters_.push_back(std::move(waiter));
      changed_.notify_one();
      return;
    }
  }
  waiter.done(false);
}

void Feed::wake() {
  const std::lock_guard lock(mutex_);
  if (woken_ || stopped_) return;
  woken_ = true;
  changed_.notify_one();
}

void Feed::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void Feed::run() {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    const auto asked = [this] { return stopped_ || !new_followers_.empty() || !new_waiters_.empty(); };
    if (followers_.empty() && waiters_.empty()) {
      changed_.wait(lock, asked);
    } else {
      changed_.wait_until(lock, next_look(), [&] { return asked() || woken_; });
    }
    woken_ = false;
    auto followers = std::move(new_followers_);
    auto waiters = std::move(new_waiters_);
    new_followers_.clear();
    new_waiters_.clear();
    lock.unlock();
    admit(std::move(followers), std::move(waiters));
    look();
    lock.lock();
    if (!followers_.empty() || !waiters_.empty())
      changed_.wait_for(lock, kBetweenWakes, [this] { return stopped_; });
  }
  followers_.splice(followers_.end(), new_followers_);
  waiters_.splice(waiters_.end(), new_waiters_);
  lock.unlock();
  for (const auto& follower : followers_) follower.to->end();
  for (const auto& waiter : waiters_) waiter.done(false);
  followers_.clear();  // they hold connections
  waiters_.clear();
}

Feed::Time Feed::next_look() const {
  auto when = std::chrono::steady_clock::now() + kBetweenLooks;
  for (const auto& waiter : waiters_) when = std::min(when, waiter.until);
  return when;
}

void Feed::admit(std::list<Follower> followers, std::list<Waiter> waiters) {
  followers_.splice(followers_.end(), followers);
  waiters_.splice(waiters_.end(), waiters);
}

// A store that fails now is asked again at the next look; nobody loses a place by it.
void Feed::look() {
  if (followers_.empty() && waiters_.empty()) {
    head_ = -1;
    return;
  }
  try {
    if (head_ < 0) head_ = last_position();
    for (auto& follower : followers_) {
      if (std::exchange(follower.from_now, false)) follower.query.after_id = head_;
    }
    read_news();
    for (auto& follower : followers_) catch_up(follower);
  } catch (const Error&) {
    answer_overdue();
  }
  const auto now = std::chrono::steady_clock::now();
  for (auto& follower : followers_) {
    if (now - follower.heard_at < kHeartbeat || follower.to->waiting_bytes() > 0) continue;
    follower.to->send(":\n\n");
    follower.heard_at = now;
  }
  followers_.remove_if([](const Follower& follower) { return !follower.to->is_open(); });
}

void Feed::read_news() {
  EventQuery query;
  query.without_gaps = true;
  query.limit = kPageRows;
  while (true) {
    query.after_id = head_;
    const auto events = oms_.events(query);
    answer_waiters(events);
    if (events.empty()) return;
    const auto from = std::exchange(head_, events.back().log_id);
    hand_out(events, from);
  }
}

void Feed::hand_out(const std::vector<Event>& events, std::int64_t from) {
  for (auto& follower : followers_) {
    if (follower.query.after_id != from || follower.to->waiting_bytes() > kWaitingBytesMax) continue;
    send(follower, events);
    follower.query.after_id = head_;
  }
}

void Feed::catch_up(Follower& follower) {
  auto query = follower.query;
  query.order_id
      .reset();  // send() looks at it: a page of which nothing was left would not say where it ended
  query.limit = kCatchUpRows;
  query.without_gaps = true;
  for (int page = 0; page < kCatchUpPages && query.after_id < head_; ++page) {
    if (follower.to->waiting_bytes() > kCatchUpBytes) break;
    auto events = oms_.events(query);
    query.after_id = std::max(query.after_id, events.empty() ? head_ : events.back().log_id);
    send(follower, std::move(events));
    follower.query.after_id = query.after_id;
  }
}

void Feed::send(Follower& follower, std::vector<Event> events) {
  const auto& wanted = follower.query;
  std::erase_if(events, [&](const Event& event) {
    return (wanted.batch_id && event.batch_id != *wanted.batch_id) ||
           (wanted.order_id && event.order_id != *wanted.order_id);
  });
  if (follower.tenant) owners_.keep(*follower.tenant, events);
  if (events.empty()) return;
  follower.to->send(server_sent_events(events, event_source_));
  follower.heard_at = std::chrono::steady_clock::now();
}

// Whose batch had an event is looked at; and everybody once, when he comes.
void Feed::answer_waiters(const std::vector<Event>& events) {
  const auto now = std::chrono::steady_clock::now();
  for (auto waiter = waiters_.begin(); waiter != waiters_.end();) {
    const bool over = waiter->until <= now;
    const bool touched = std::any_of(events.begin(), events.end(),
                                     [&](const Event& event) { return event.batch_id == waiter->batch_id; });
    const bool look = over || touched || !std::exchange(waiter->looked_at, true);
    const bool done = look && settled(waiter->batch_id);
    if (!done && !over) {
      ++waiter;
      continue;
    }
    waiter->done(done);
    waiter = waiters_.erase(waiter);
  }
}

void Feed::answer_overdue() {
  const auto now = std::chrono::steady_clock::now();
  waiters_.remove_if([now](const Waiter& waiter) {
    if (waiter.until > now) return false;
    waiter.done(false);
    return true;
  });
}

bool Feed::settled(BatchId id) const {
  OrderQuery query;
  query.batch_id = id;
  query.statuses = {OrderStatus::kPlaced, OrderStatus::kSubmitting};
  query.limit = 1;
  return oms_.orders(query).empty();
}

// Where the log ends now, found by halving: whether there is a row above a position is a cheap question.
std::int64_t Feed::last_position() const {
  EventQuery query;
  query.without_gaps = true;
  query.limit = 1;
  std::int64_t low = 0;  // the end is here or above
  std::int64_t high = std::numeric_limits<std::int64_t>::max() - 1;
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    query.after_id = middle;
    const auto found = oms_.events(query);
    if (found.empty()) {
      high = middle;
    } else {
      low = found.front().log_id;
    }
  }
  return low;
}

}  // namespace orchestrator::http
