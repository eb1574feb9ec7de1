#include "examples/http_server/feed.hpp"

#include <algorithm>
#include <exception>
#include <limits>
#include <set>
#include <utility>

namespace orchestrator::http {
namespace {

using namespace std::chrono_literals;

constexpr auto kBetweenLooks = 100ms;  // for what other processes wrote; ours wakes us
constexpr auto kBetweenWakes = 10ms;   // however often we are woken
constexpr auto kHeartbeat = 15s;
// A row holds the events of one step of one batch: up to some megabytes for a batch of thousands.
constexpr std::size_t kPageRows = 4;
constexpr auto kCatchUpTime = 50ms;  // of one look
constexpr std::size_t kWaitingBytesMax = 1U << 20U;
constexpr std::size_t kCatchUpBytes = 256U << 10U;
constexpr std::size_t kPagesBytesMax = 128U << 20U;

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

void Feed::stop_soon() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_one();
}

void Feed::stop() {
  stop_soon();
  if (thread_.joinable()) thread_.join();
}

void Feed::run() {
  std::unique_lock lock(mutex_);
  bool more = false;
  while (!stopped_) {
    const auto asked = [this] { return stopped_ || !new_followers_.empty() || !new_waiters_.empty(); };
    if (followers_.empty() && waiters_.empty()) {
      changed_.wait(lock, asked);
    } else if (!more) {
      changed_.wait_until(lock, next_look(), [&] { return asked() || woken_; });
    }
    woken_ = false;
    auto followers = std::move(new_followers_);
    auto waiters = std::move(new_waiters_);
    new_followers_.clear();
    new_waiters_.clear();
    lock.unlock();
    admit(std::move(followers), std::move(waiters));
    more = look();
    lock.lock();
    if (!more && (!followers_.empty() || !waiters_.empty()))
      changed_.wait_for(lock, kBetweenWakes, [this] { return stopped_.load(); });
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

// True: there is more to do at once. A store that fails now is asked again at the next look; nobody loses a
// place by it.
bool Feed::look() {
  bool more = false;
  if (followers_.empty() && waiters_.empty()) {
    head_ = -1;
    return more;
  }
  try {
    if (head_ < 0) head_ = last_position();
    for (auto& follower : followers_) {
      if (std::exchange(follower.from_now, false)) follower.query.after_id = head_;
    }
    more = read_news();
    more |= catch_up_in_turns();
  } catch (const std::exception&) {
    answer_overdue();
  }
  keep_alive();
  followers_.remove_if([](const Follower& follower) { return !follower.to->is_open(); });
  return more;
}

void Feed::keep_alive() {
  static const auto kComment = std::make_shared<const std::string>(":\n\n");
  const auto now = std::chrono::steady_clock::now();
  for (auto& follower : followers_) {
    if (now - follower.heard_at >= kHeartbeat && follower.to->waiting_bytes() == 0) send(follower, kComment);
  }
}

// One page: who waits for an answer is looked at between two of them.
bool Feed::read_news() {
  EventQuery query;
  query.without_gaps = true;
  query.limit = kPageRows;
  query.after_id = head_;
  const auto events = oms_.events(query);
  answer_waiters(events);
  if (events.empty()) return false;
  const auto from = std::exchange(head_, events.back().log_id);
  hand_out(events, from);
  return true;
}

void Feed::hand_out(const std::vector<Event>& events, std::int64_t from) {
  std::map<Filter, Text> texts;
  for (auto& follower : followers_) {
    if (follower.query.after_id != from || follower.to->waiting_bytes() > kWaitingBytesMax) continue;
    const auto filter = filter_of(follower);
    auto found = texts.find(filter);
    if (found == texts.end()) found = texts.emplace(filter, text_for(filter, events)).first;
    send(follower, found->second);
    follower.query.after_id = head_;
  }
}

// True: the time for it was over first. Who had his turn stands behind the others at the next.
bool Feed::catch_up_in_turns() {
  const auto until = std::chrono::steady_clock::now() + kCatchUpTime;
  Pages read;
  for (auto left = followers_.size(); left > 0; --left) {
    if (!catch_up(followers_.front(), read, until)) return true;
    followers_.splice(followers_.end(), followers_, followers_.begin());
  }
  return false;
}

bool Feed::catch_up(Follower& follower, Pages& read, Time until) {
  const auto filter = filter_of(follower);
  while (follower.query.after_id < head_ && follower.to->waiting_bytes() <= kCatchUpBytes) {
    if (stopped_ || std::chrono::steady_clock::now() > until) return false;
    const std::tuple place(filter, follower.query.after_id);
    auto found = read.find(place);
    if (found == read.end()) {
      if (pages_bytes_->load() > kPagesBytesMax) return true;  // until others have taken theirs
      found = read.emplace(place, page_behind(follower)).first;
    }
    send(follower, found->second.text);
    follower.query.after_id = found->second.end;
  }
  return true;
}

Feed::Page Feed::page_behind(const Follower& follower) {
  auto query = follower.query;
  query.order_id.reset();  // text_for() looks at it: a page of which nothing was left would not say its end
  query.limit = kPageRows;
  query.without_gaps = true;
  auto events = oms_.events(query);
  const auto end = std::max(query.after_id, events.empty() ? head_ : events.back().log_id);
  auto text = text_for(filter_of(follower), std::move(events));
  if (!text) return {nullptr, end};
  pages_bytes_->fetch_add(text->size());
  const auto forget = [text, bytes = pages_bytes_](const std::string* gone) {
    bytes->fetch_sub(gone->size());
  };
  return {Text(text.get(), forget), end};
}

Feed::Filter Feed::filter_of(const Follower& follower) {
  return {follower.tenant, follower.query.batch_id, follower.query.order_id};
}

Feed::Text Feed::text_for(const Filter& filter, std::vector<Event> events) {
  std::erase_if(events, [&filter](const Event& event) {
    const auto& batch = std::get<1>(filter);
    const auto& order = std::get<2>(filter);
    return (batch && event.batch_id != *batch) || (order && event.order_id != *order);
  });
  if (const auto& tenant = std::get<0>(filter)) owners_.keep(*tenant, events);
  if (events.empty()) return nullptr;
  return std::make_shared<const std::string>(server_sent_events(events, event_source_));
}

void Feed::send(Follower& follower, const Text& text) {
  if (!text) return;
  follower.to->send(text);
  follower.heard_at = std::chrono::steady_clock::now();
}

// Whose batch had an event is looked at; and everybody once, when he comes.
void Feed::answer_waiters(const std::vector<Event>& events) {
  const auto now = std::chrono::steady_clock::now();
  std::set<BatchId> touched;
  for (const auto& event : events) touched.insert(event.batch_id);
  for (auto waiter = waiters_.begin(); waiter != waiters_.end();) {
    const bool over = is_over(*waiter, now);
    const bool look = over || touched.contains(waiter->batch_id) || !std::exchange(waiter->looked_at, true);
    const bool done = look && settled(waiter->batch_id);
    if (!done && !over) {
      ++waiter;
      continue;
    }
    const auto tell = std::move(waiter->done);
    waiter = waiters_.erase(waiter);
    tell(done);
  }
}

void Feed::answer_overdue() {
  const auto now = std::chrono::steady_clock::now();
  waiters_.remove_if([now](const Waiter& waiter) {
    if (!is_over(waiter, now)) return false;
    waiter.done(false);
    return true;
  });
}

bool Feed::is_over(const Waiter& waiter, Time now) {
  return waiter.until <= now || (waiter.gone && waiter.gone->load());
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
