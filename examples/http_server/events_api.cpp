// The event log, a page at a time or as a stream.
#include <algorithm>
#include <limits>
#include <utility>

#include "examples/http_server/parameters.hpp"
#include "examples/http_server/routes.hpp"

namespace orchestrator::http {
namespace {

constexpr std::int64_t kPositionMax = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kRowsAtOnce = 4;
constexpr std::size_t kAnswerBytes = 4U << 20U;

bool wants_stream(const Request& request) {
  const auto* accept = request.header("accept");
  return accept != nullptr && accept->find("text/event-stream") != std::string::npos;
}

// Read a few rows at a time: a row may hold the events of ten thousand orders, and an answer has to end
// somewhere.
Response page_of_events(Service& service, const Request& request, EventQuery query) {
  const auto order_id =
      std::exchange(query.order_id, std::nullopt);  // the batch's rows say where a page ended
  std::string events;
  std::size_t rows_left = query.limit;
  bool more = true;
  while (more && rows_left > 0 && events.size() < kAnswerBytes) {
    query.limit = std::min(rows_left, kRowsAtOnce);
    rows_left -= query.limit;
    auto page = service.oms.event_page(query);
    // The last rows of all may come once more: they are shown, and not gone past.
    more = page.next_cursor > query.after_id && page.next_cursor == page.events.back().log_id;
    query.after_id = page.next_cursor;
    if (request.caller.tenant) service.feed.owners().keep(*request.caller.tenant, page.events);
    for (const auto& event : page.events) {
      if (order_id && event.order_id != *order_id) continue;
      if (!events.empty()) events += ',';
      events += to_cloud_event(event, service.event_source);
    }
  }
  return {.body = "{\"events\":[" + events + "],\"next_cursor\":" + std::to_string(query.after_id) + "}"};
}

Response stream_of_events(Service& service, const Request& request, EventQuery query, bool from_now) {
  if (const auto* last = request.header("last-event-id")) {
    const auto position = cli::parse_integer(*last);
    if (!position || *position < 0) {
      throw Error(ErrorCode::kInvalidArgument, "the Last-Event-ID header is none of our ids");
    }
    query.after_id = *position;
    from_now = false;
  }
  Response response;
  response.content_type = "text/event-stream";
  response.stream = [&service, query, from_now, tenant = request.caller.tenant,
                     stay = take_stay(service, request.caller)](std::shared_ptr<Stream> to) {
    service.feed.follow({std::move(to), query, from_now, tenant, stay});
  };
  return response;
}

}  // namespace

Response list_events(Service& service, Request& request) {
  Query given(request);
  EventQuery query;
  query.batch_id = given.id("batch_id");
  query.order_id = given.id("order_id");
  query.limit = static_cast<std::size_t>(given.integer("limit", 1, 1000).value_or(100));
  // Of a stream, `latest` begins with what comes next.
  const bool stream = wants_stream(request);
  bool from_now = false;
  if (const auto after = given.text("after"); after && stream && *after == "latest") {
    from_now = true;
  } else if (after) {
    const auto position = cli::parse_integer(*after);
    if (!position || *position < 0) {
      throw Error(ErrorCode::kInvalidArgument,
                  "query parameter \"after\" must be a position in the log, from 0 to " +
                      std::to_string(kPositionMax));
    }
    query.after_id = *position;
  }
  given.finish();
  if (query.batch_id) static_cast<void>(batch_of(service.oms, request.caller, *query.batch_id));
  if (query.order_id) {
    const auto order = order_of(service.oms, request.caller, *query.order_id);
    if (!query.batch_id) query.batch_id = order.batch_id;  // so that its rows are found by their index
  }
  return stream ? stream_of_events(service, request, query, from_now)
                : page_of_events(service, request, query);
}

}  // namespace orchestrator::http
