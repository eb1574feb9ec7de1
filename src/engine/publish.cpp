// A row of the outbox is freed by its delivery report and by nothing else. There is no high-water mark: a
// transaction that commits late would slip below it.
//
// Of several processes one publishes, under a lease. One that was stopped and goes on with what it had begun
// repeats events; it can bring none out of order, because it too sends them in the order of their rows, and
// what it leaves out was confirmed.
#include "engine/publish.hpp"

#include <map>
#include <thread>

#include "codec/event_log.hpp"
#include "core/failpoint.hpp"
#include "core/planted_bugs.hpp"

namespace orchestrator::engine {
namespace {

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

constexpr std::chrono::milliseconds kConfirmTimeout{5000};

// Waits for the delivery reports of `sent` events; counts what is still missing per row.
void collect(EventPublisher& publisher, std::size_t sent, std::map<std::int64_t, std::size_t>& missing) {
  while (sent > 0) {
    const auto confirmed = publisher.collect(kConfirmTimeout);
    if (confirmed.empty()) return;
    for (const std::int64_t row : confirmed) {
      const auto at = missing.find(row);
      if (at != missing.end() && at->second > 0) --at->second;
    }
    sent -= std::min(sent, confirmed.size());
  }
}

// The oldest rows of the outbox that this process may publish.
std::vector<EventRow> next_page(Context& context) {
  const EventQuery oldest{.unpublished = true, .limit = kPageSize};
  auto rows = context.store->events(oldest);
  const Timestamp now = context.clock->monotonic();
  // With half of it gone the rest might not do for the page.
  if (rows.empty() || now + context.options.lease / 2 < context.publishing_until) return rows;
  const Timestamp until = now + context.options.lease;
  if (!context.store->claim_publishing(until)) return {};
  context.publishing_until = until;
  return context.store->events(oldest);  // another may have published what was just read
}

// One page of the outbox; false when it was not delivered whole.
bool publish_page(Context& context, const std::vector<EventRow>& rows, std::size_t& published) {
  std::vector<Event> events;
  std::map<std::int64_t, std::size_t> missing;
  for (const EventRow& row : rows) {
    auto expanded = codec::expand(row);
    missing[row.id] = expanded.size();
    std::move(expanded.begin(), expanded.end(), std::back_inserter(events));
  }
  ORCHESTRATOR_FAILPOINT("publish.before_send");
  // Stopped for so long that another publishes by now.
  if (context.clock->monotonic() >= context.publishing_until) return false;
  const std::size_t sent = context.publisher->send(events);
  ORCHESTRATOR_FAILPOINT("publish.sent");
  collect(*context.publisher, sent, missing);
  ORCHESTRATOR_FAILPOINT("publish.confirmed");
  std::vector<std::int64_t> done;
  for (const auto& [row, left] : missing) {
    if (left == 0 || ORCHESTRATOR_PLANTED(kFreedWhenSent)) done.push_back(row);
  }
  ORCHESTRATOR_PLANT(kWatermark, done = rows_up_to(rows, done));
  if (!done.empty()) context.store->mark_published(done);
  for (const Event& event : events) published += missing[event.log_id] == 0 ? 1U : 0U;
  return done.size() == rows.size();
}

}  // namespace

std::size_t publish(Context& context) {
  if (!context.publisher) return 0;
  // A sink that calls back would wait for itself; what it wants published, the outer call publishes.
  if (context.publishing_thread == std::this_thread::get_id()) return 0;
  const std::scoped_lock lock(context.publish_mutex);
  const PublishingThread mark(context);
  std::size_t published = 0;
  for (;;) {
    const auto rows = next_page(context);
    if (rows.empty() || !publish_page(context, rows, published)) return published;
  }
}

}  // namespace orchestrator::engine
