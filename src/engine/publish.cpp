// A row of the outbox is freed by the delivery reports of all its events and by nothing else. There is no
// high-water mark: a transaction that commits late would slip below it, and a later event of its order would
// overtake it, so every page is read from the oldest row on. An event that waits holds up its own subject and
// nobody else's: a pass goes on with the rows that it has not seen, without the later events of that subject.
//
// Of several processes one publishes, under a lease. One that was stopped and goes on with what it had begun
// repeats events; it can bring none out of order, because it too sends them in the order of their rows, and
// what it leaves out was confirmed.
#include "engine/publish.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <span>
#include <thread>

#include "codec/event_log.hpp"
#include "core/failpoint.hpp"
#include "core/planted_bugs.hpp"

namespace orchestrator::engine {
namespace {

constexpr std::chrono::milliseconds kPatienceOnceSlow{100};
// A page holds about so many events, however many of them a row has: enough to keep a publisher busy.
constexpr std::size_t kEventsOfPage = 16'384;
constexpr std::size_t kRowsOfFirstPage = 16;

// Of all that its events are made of.
std::size_t content_of(const EventRow& row) {
  std::size_t content = std::hash<std::string>()(row.lines);
  for (const std::int64_t part : {row.at.time_since_epoch().count(), row.batch_id, row.order_id}) {
    content = content * 31 + std::hash<std::int64_t>()(part);
  }
  return content;
}

// Marks the thread that publishes, for as long as it does.
class PublishingThread {
 public:
  explicit PublishingThread(Context& context) : context_(context) {
    context_.publishing_thread = std::this_thread::get_id();
  }
  ~PublishingThread() { context_.publishing_thread = std::thread::id(); }
  PublishingThread(const PublishingThread&) = delete;
  PublishingThread& operator=(const PublishingThread&) = delete;

 private:
  Context& context_;
};

// One look at the outbox, from its oldest row to its end.
class Pass {
 public:
  // `published` counts the confirmed events, also of a pass that throws.
  Pass(Context& context, const std::stop_token& stop, std::size_t& published)
      : context_(context), stop_(stop), published_(published) {}

  void run() {
    for (;;) {
      if (stop_.stop_requested()) return;
      const auto rows = next_page();
      if (!rows) return;
      if (rows->empty()) break;
      if (!publish_page(*rows)) return;
    }
    // What another process freed.
    std::erase_if(context_.undelivered, [&](const auto& row) { return !unfreed_.contains(row.first); });
    if (unheard_ == 0) context_.publish_patience = Context::kPublishPatience;
  }

 private:
  // order_id, or 0 and the batch.
  using Subject = std::pair<OrderId, BatchId>;

  static Subject subject_of(const Event& event) {
    return {event.order_id, event.order_id == 0 ? event.batch_id : 0};
  }

  // nullopt: another process has the right to publish.
  std::optional<std::vector<EventRow>> next_page() {
    auto rows = unseen_rows();
    const Timestamp now = context_.clock->monotonic();
    // With half of it gone the rest might not do for the page.
    if (rows.empty() || now + context_.options.lease / 2 < context_.publishing_until) return rows;
    const Timestamp until = now + context_.options.lease;
    if (!context_.store->claim_role("publish", until).held) return std::nullopt;
    context_.publishing_until = until;
    return unseen_rows();  // another may have published what was just read
  }

  std::vector<EventRow> unseen_rows() {
    auto rows = context_.store->events({.unpublished = true, .limit = unfreed_.size() + rows_of_page_});
    std::erase_if(rows, [&](const EventRow& row) { return unfreed_.contains(row.id); });
    return rows;
  }

  // False when it was not taken whole, or nothing became of a page's worth: then there is no use in going on.
  bool publish_page(const std::vector<EventRow>& rows) {
    const std::vector<Event> events = undelivered_events(rows);
    ORCHESTRATOR_FAILPOINT("publish.before_send");
    // Stopped for so long that another publishes by now.
    if (context_.clock->monotonic() >= context_.publishing_until) return false;
    const std::size_t taken = events.empty() ? 0 : context_.publisher->send(events);
    for (const Event& event : std::span(events).first(taken)) {
      context_.undelivered[event.log_id].events[{event.order_id, event.seq}] = true;
    }
    ORCHESTRATOR_FAILPOINT("publish.sent");
    unheard_ += collect(rows, taken, taken == events.size());
    ORCHESTRATOR_FAILPOINT("publish.confirmed");
    free(rows);
    for (const Event& event : events) {
      const auto row = context_.undelivered.find(event.log_id);
      if (row != context_.undelivered.end() && row->second.events.contains({event.order_id, event.seq})) {
        waiting_.insert(subject_of(event));
      }
    }
    return taken == events.size() && unheard_ < kEventsOfPage;
  }

  // The events to hand over: not those that were delivered earlier, nor those that must wait.
  std::vector<Event> undelivered_events(const std::vector<EventRow>& rows) {
    std::vector<Event> undelivered;
    std::size_t events = 0;
    for (const EventRow& row : rows) {
      auto expanded = codec::expand(row);
      events += expanded.size();
      const UndeliveredRow& known = known_row(row, expanded);
      for (Event& event : expanded) {
        if (!known.events.contains({event.order_id, event.seq})) continue;
        if (!waiting_.contains(subject_of(event))) undelivered.push_back(std::move(event));
      }
    }
    const std::size_t fitting = rows.size() * kEventsOfPage / std::max<std::size_t>(events, 1);
    rows_of_page_ = std::clamp<std::size_t>(fitting, 1, 2 * rows_of_page_);
    return undelivered;
  }

  // Entered with all of its events or not at all: a row without any has nothing left to deliver.
  const UndeliveredRow& known_row(const EventRow& row, const std::vector<Event>& events) {
    const std::size_t content = content_of(row);
    const auto known = context_.undelivered.find(row.id);
    if (known != context_.undelivered.end() && known->second.content == content) return known->second;
    UndeliveredRow entered{.key = key_of(row), .content = content};
    for (const Event& event : events) entered.events.try_emplace({event.order_id, event.seq}, false);
    return context_.undelivered.insert_or_assign(row.id, std::move(entered)).first->second;
  }

  // Waits until so many events of these rows are reported on; returns of how many nothing was heard. When not
  // all were taken, what was taken earlier is listened for: it makes room.
  std::size_t collect(const std::vector<EventRow>& rows, std::size_t events, bool all_taken) {
    const Timestamp long_enough = context_.clock->monotonic() + Context::kPublishPatience;
    while (events > 0 || !all_taken) {
      auto patience = context_.publish_patience;
      // Else a publisher that reports one by one would keep whoever ends the desk waiting.
      if (stop_.stop_requested()) {
        const auto left =
            std::chrono::floor<std::chrono::milliseconds>(long_enough - context_.clock->monotonic());
        if (left <= left.zero()) break;
        patience = std::min(patience, left);
      }
      const auto reports = context_.publisher->collect(patience);
      all_taken = true;
      if (reports.empty() && events > 0) {
        context_.publish_patience = kPatienceOnceSlow;
        break;
      }
      for (const DeliveryReport& report : reports) {
        if (!report.parked) delivered(report);
        const bool of_page = std::ranges::binary_search(rows, report.log_id, {}, &EventRow::id);
        if (of_page && events > 0) --events;  // else late news of an earlier page
      }
    }
    return events;
  }

  // A report on what was not handed over since it was read is about another event of these numbers, which the
  // store has lost.
  void delivered(const DeliveryReport& report) {
    const auto row = context_.undelivered.find(report.log_id);
    if (row == context_.undelivered.end()) return;
    auto& events = row->second.events;
    const auto event = events.find({report.order_id, report.seq});
    if (event == events.end() || !event->second) return;
    events.erase(event);
    ++published_;
  }

  // Frees the rows that have nothing left to deliver.
  void free(const std::vector<EventRow>& rows) {
    std::vector<EventRowKey> done;
    for (const auto& [id, row] : context_.undelivered) {
      if (row.events.empty()) done.push_back(row.key);
    }
    ORCHESTRATOR_PLANT(kFreedWhenSent, for (const EventRow& row : rows) done.push_back(key_of(row)));
    ORCHESTRATOR_PLANT(kWatermark, done = rows_up_to(rows, done));
    if (!done.empty()) context_.store->mark_published(done);
    for (const EventRowKey& row : done) context_.undelivered.erase(row.id);
    for (const EventRow& row : rows) {
      if (context_.undelivered.contains(row.id)) unfreed_.insert(row.id);
    }
  }

  Context& context_;
  const std::stop_token& stop_;
  std::size_t rows_of_page_ = kRowsOfFirstPage;
  std::size_t unheard_ = 0;         // events that were taken and not reported on
  std::set<Subject> waiting_;       // an event of theirs was handed over and is not delivered
  std::set<std::int64_t> unfreed_;  // rows of this pass
  std::size_t& published_;
};

void publish_alone(Context& context, const std::stop_token& stop, std::size_t& published) {
  const std::scoped_lock lock(context.publish_mutex);
  const PublishingThread mark(context);
  try {
    Pass(context, stop, published).run();
  } catch (...) {
    // What became of the rows is not known, but for those whose every event is delivered: these must not go
    // out again and again while the store cannot note it (its disk is full).
    std::erase_if(context.undelivered, [](const auto& row) { return !row.second.events.empty(); });
    throw;
  }
}

}  // namespace

std::size_t publish(Context& context, const std::stop_token& stop) {
  if (!context.publisher) return 0;
  // A sink that calls back would wait for itself; what it wants published, the outer call publishes.
  if (context.publishing_thread == std::this_thread::get_id()) return 0;
  std::size_t published = 0;
  const auto tell = [&] {
    if (context.observer && published > 0) context.observer->events_published(published);
  };
  try {
    publish_alone(context, stop, published);
  } catch (...) {
    tell();
    throw;
  }
  tell();
  return published;
}

}  // namespace orchestrator::engine
