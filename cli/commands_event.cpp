// `event`: the log of what happened, and its way out.
#include <sys/select.h>

#include <csignal>
#include <ctime>

#include "cli/commands.hpp"
#include "cli/options.hpp"

namespace orchestrator::cli {
namespace {

struct EventOptions {
  EventQuery query;
  std::size_t limit = 0;
  std::size_t poll_ms = 200;
};

// The log is one for all tenants; a tenant's part of it is asked for by batch or order.
void check_tenant(Session& session, const EventQuery& query) {
  if (query.batch_id) static_cast<void>(session.batch(*query.batch_id));
  if (query.order_id) static_cast<void>(session.order(*query.order_id));
  if (session.settings().tenant && !query.batch_id && !query.order_id) {
    throw Error(ErrorCode::kInvalidArgument,
                "with a tenant set, say which of its batches or orders: --batch, --order");
  }
}

// `event list` gives the position to go on from; its rows are the log's, each with all events of one step.
ExitCode list(Session& session, const EventOptions& options) {
  auto query = options.query;
  query.limit = options.limit;
  check_tenant(session, query);
  const EventPage page = session.orchestrator().event_page(query);
  const auto& source = session.settings().engine.event_source;
  session.print(
      [&] {
        std::vector<std::string> documents;
        documents.reserve(page.events.size());
        for (const auto& event : page.events) documents.push_back(to_cloud_event(event, source));
        return json_object(
            {{"events", json_array(documents)}, {"next_cursor", std::to_string(page.next_cursor)}});
      },
      [&] {
        Table table({"log_id", "time", "type", "subject", "seq", "data"});
        for (const auto& event : page.events) {
          table.add({number_cell(event.log_id), time_cell(event.at), text_cell(to_string(event.type)),
                     text_cell(event.subject()), number_cell(event.seq), text_cell(event.data)});
        }
        return table.text(session.colour());
      });
  return ExitCode::kOk;
}

volatile std::sig_atomic_t stop_asked = 0;

// The signals are blocked except while we sleep, so that one never falls between the look at the flag and
// the sleep.
class StopSignals {
 public:
  StopSignals() {
    struct sigaction action {};
    action.sa_handler = [](int) { stop_asked = 1; };
    sigset_t both;
    sigemptyset(&both);
    for (const int signal : {SIGINT, SIGTERM}) {
      sigaddset(&both, signal);
      sigaction(signal, &action, nullptr);
    }
    sigprocmask(SIG_BLOCK, &both, &outside_);
  }
  ~StopSignals() { sigprocmask(SIG_SETMASK, &outside_, nullptr); }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // Sleeps until the time is over or a signal asks us to stop; returns whether one did.
  [[nodiscard]] bool sleep(std::chrono::milliseconds duration) const {
    timespec time{};
    time.tv_sec = duration.count() / 1000;
    time.tv_nsec = (duration.count() % 1000) * 1'000'000;
    pselect(0, nullptr, nullptr, nullptr, &time, &outside_);
    return stop_asked != 0;
  }

 private:
  sigset_t outside_{};
};

// One event a line, flushed: whoever reads sees it now.
ExitCode follow(Session& session, const EventOptions& options) {
  const StopSignals signals;
  auto query = options.query;
  check_tenant(session, query);
  const auto& source = session.settings().engine.event_source;
  std::size_t shown = 0;
  bool stop = false;
  while (!stop) {
    query.limit = 1000;
    query.without_gaps = true;
    const auto events = session.orchestrator().events(query);
    std::string lines;
    for (const auto& event : events) {
      query.after_id = event.log_id;
      if (options.limit != 0 && shown == options.limit) break;
      lines += to_cloud_event(event, source) + "\n";
      ++shown;
    }
    if (!lines.empty()) session.print(lines);
    const bool complete = options.limit != 0 && shown == options.limit;
    stop = complete || signals.sleep(std::chrono::milliseconds(events.empty() ? options.poll_ms : 0));
  }
  return ExitCode::kOk;
}

ExitCode publish(Session& session) {
  if (!session.settings().publishes()) {
    throw Error(ErrorCode::kConfiguration,
                "there is nowhere to publish to: set --events-file or ORCHESTRATOR_EVENTS_FILE, or "
                "--kafka-bootstrap-servers or KAFKA_BOOTSTRAP_SERVERS");
  }
  const auto published = session.orchestrator().publish().published;
  const auto health = session.orchestrator().health();
  const auto& outbox = health.outbox;
  for (const auto& dependency : health.dependencies) {
    if (outbox.rows == 0 || dependency.role != "event_publisher" || dependency.detail.empty()) continue;
    session.warn("events wait: " + dependency.detail);
  }
  session.print(
      [&] {
        return json_object(
            {{"published", std::to_string(published)}, {"waiting", std::to_string(outbox.rows)}});
      },
      [&] {
        return facts({{"published", number_cell(static_cast<std::int64_t>(published))},
                      {"waiting", number_cell(outbox.rows)}},
                     session.colour());
      });
  return ExitCode::kOk;
}

}  // namespace

void add_event_commands(CommandLine& line) {
  auto* group = add_group(line, "event", "Show, follow and publish events");

  const auto add_query = [](CLI::App* verb, EventQuery& query) {
    add_id(verb, "--batch", query.batch_id, "of this batch and its orders");
    add_id(verb, "--order", query.order_id, "of this order");
    add_id(verb, "--after", query.after_id,
           "after this position: the next_cursor of event list [the beginning]");
  };

  auto list_options = std::make_shared<EventOptions>();
  list_options->limit = 1000;
  auto* list_verb = add_verb(line, group, "list", "List events, oldest first", "event list --batch 3",
                             [list_options](Session& session) { return list(session, *list_options); });
  add_query(list_verb, list_options->query);
  add_count(list_verb, "--limit", list_options->limit, 100'000,
            "most log rows; a row holds all events of one step [1000]");
  list_verb->add_flag("--unpublished", list_options->query.unpublished, "only what waits in the outbox");

  auto follow_options = std::make_shared<EventOptions>();
  auto* follow_verb =
      add_verb(line, group, "follow", "Print events as they come, one JSON line each, until interrupted",
               "event follow --after 120 | jq .type",
               [follow_options](Session& session) { return follow(session, *follow_options); });
  add_query(follow_verb, follow_options->query);
  add_count(follow_verb, "--limit", follow_options->limit, 1'000'000'000, "end after so many events");
  add_count(follow_verb, "--poll-ms", follow_options->poll_ms, 60'000, "time between two looks [200]");

  add_verb(line, group, "publish", "Publish what waits in the outbox",
           "event publish --events-file events.jsonl", publish);
}

}  // namespace orchestrator::cli
