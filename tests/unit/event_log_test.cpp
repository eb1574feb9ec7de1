#include <doctest/doctest.h>

#include <chrono>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "codec/event_log.hpp"
#include "codec/json_events.hpp"
#include "codec/json_writer.hpp"
#include "orchestrator/json.hpp"

namespace {

using namespace orchestrator;
using codec::append_event;
using codec::expand;

constexpr int kEventTypeCount = static_cast<int>(EventType::kBatchReopened) + 1;

EventRow row_of(std::string lines) {
  EventRow row;
  row.id = 900;
  row.batch_id = 4;
  row.at = Timestamp(std::chrono::microseconds(1'767'604'500'000'001));
  row.lines = std::move(lines);
  return row;
}

}  // namespace

TEST_CASE("every event type has a word of its own that reads back") {
  std::set<std::string_view> words;
  for (int i = 0; i < kEventTypeCount; ++i) {
    const auto type = static_cast<EventType>(i);
    const std::string_view word = to_string(type);
    CHECK(words.insert(word).second);
    CHECK(word.starts_with(type < EventType::kBatchPlaced ? "order." : "batch."));
    CHECK(parse_event_type(word) == type);
  }
  CHECK(to_string(EventType::kOrderPlaced) == "order.placed");
  CHECK(to_string(EventType::kOrderPartiallyFilled) == "order.partially_filled");
  CHECK(to_string(EventType::kOrderParked) == "order.parked");
  CHECK(to_string(EventType::kOrderCorrected) == "order.corrected");
  CHECK(to_string(EventType::kBatchPlaced) == "batch.placed");
  CHECK(to_string(EventType::kBatchReopened) == "batch.reopened");
  CHECK_FALSE(parse_event_type("order.Placed"));
  CHECK_FALSE(parse_event_type(""));
}

TEST_CASE("the other words of the records read back") {
  for (const auto policy : {BatchPolicy::kAll, BatchPolicy::kEach})
    CHECK(parse_batch_policy(to_string(policy)) == policy);
  for (const auto kind : {ExecutionKind::kTrade, ExecutionKind::kBust, ExecutionKind::kCorrect}) {
    CHECK(parse_execution_kind(to_string(kind)) == kind);
  }
  for (const auto scope : {ControlScope::kAll, ControlScope::kPortfolio, ControlScope::kBroker}) {
    CHECK(parse_control_scope(to_string(scope)) == scope);
  }
  CHECK(to_string(ControlScope::kPortfolio) == "portfolio");
  CHECK(to_string(ExecutionKind::kCorrect) == "correct");
  CHECK(to_string(BatchPolicy::kEach) == "each");
  CHECK_FALSE(parse_control_scope("All"));
}

TEST_CASE("a row gives back the events that were appended, in order") {
  std::string lines;
  append_event(lines, EventType::kBatchPlaced, 0, 1, "{}");
  append_event(lines, EventType::kOrderPlaced, 17, 1, R"({"reason":"a b \n c"})");
  append_event(lines, EventType::kOrderAcked, 9223372036854775807, 2147483647, "{\"x\":{}}");
  CHECK(lines ==
        "batch.placed 0 1 {}\n"
        "order.placed 17 1 {\"reason\":\"a b \\n c\"}\n"
        "order.acked 9223372036854775807 2147483647 {\"x\":{}}\n");
  const auto events = expand(row_of(lines));
  REQUIRE(events.size() == 3);
  CHECK(events[0].type == EventType::kBatchPlaced);
  CHECK(events[0].subject() == "batch/4");
  CHECK(events[1].order_id == 17);
  CHECK(events[1].seq == 1);
  CHECK(events[1].data == R"({"reason":"a b \n c"})");
  CHECK(events[1].subject() == "order/17");
  CHECK(events[2].order_id == 9223372036854775807);
  CHECK(events[2].seq == 2147483647);
  for (const Event& event : events) {
    CHECK(event.log_id == 900);
    CHECK(event.batch_id == 4);
    CHECK(event.at == row_of("").at);
  }
  CHECK(expand(row_of("")).empty());
}

TEST_CASE("text from outside cannot break out of its event line") {
  std::string data;
  codec::JsonWriter(data).begin_object().member("reason", "bad\norder.filled 17 3 {}\n").end_object();
  std::string lines;
  append_event(lines, EventType::kOrderRejected, 17, 2, data);
  const auto events = expand(row_of(lines));
  REQUIRE(events.size() == 1);
  CHECK(events[0].type == EventType::kOrderRejected);
  CHECK(events[0].data == data);
}

TEST_CASE("an event that could not be read back is not appended") {
  struct Case {
    EventType type;
    OrderId order_id;
    std::int32_t seq;
    std::string_view data;
  };
  for (const Case& c :
       {Case{EventType::kOrderAcked, 1, 1, "{}\n"}, Case{EventType::kOrderAcked, 1, 1, "{\n}"},
        Case{EventType::kOrderAcked, 1, 1, ""}, Case{EventType::kOrderAcked, 1, 1, "[]"},
        Case{EventType::kOrderAcked, 1, 0, "{}"}, Case{EventType::kOrderAcked, 1, -1, "{}"},
        Case{EventType::kOrderAcked, 0, 1, "{}"}, Case{EventType::kOrderAcked, -1, 1, "{}"},
        Case{EventType::kBatchPlaced, 1, 1, "{}"}, Case{static_cast<EventType>(200), 0, 1, "{}"}}) {
    CAPTURE(c.data);
    CAPTURE(c.seq);
    std::string lines = "kept";
    CHECK_THROWS_AS(append_event(lines, c.type, c.order_id, c.seq, c.data), Error);
    CHECK(lines == "kept");
  }
}

TEST_CASE("a malformed row is refused, naming row and line") {
  for (const std::string_view bad :
       {"order.acked 17 1 {}", "order.acked 17 1 {}\n\n", "\n", "order.acked 17 1\n", "order.acked 17 {}\n",
        "order.lost 17 1 {}\n", "order.acked x 1 {}\n", "order.acked 17 1x {}\n", "order.acked 17 0 {}\n",
        "order.acked 0 1 {}\n", "batch.placed 5 1 {}\n", "order.acked 17 1 [}\n", "order.acked  17 1 {}\n",
        " order.acked 17 1 {}\n", "order.acked 99999999999999999999 1 {}\n", "order.acked 17 9999999999 {}\n",
        "order.acked +17 1 {}\n"}) {
    CAPTURE(bad);
    const std::string lines = "order.placed 17 1 {}\n" + std::string(bad);
    try {
      (void)expand(row_of(lines));
      FAIL_CHECK("read");
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::kStorageCorrupt);
      const std::string what = error.what();
      CHECK(what.find("row 900") != std::string::npos);
      const bool second_is_sound = bad.starts_with("order.acked 17 1 {}\n");
      CHECK(what.find(second_is_sound ? "line 3" : "line 2") != std::string::npos);
    }
  }
}

TEST_CASE("an event is published as CloudEvents 1.0, the same bytes every time") {
  std::string lines;
  append_event(lines, EventType::kOrderAcked, 17, 2, R"({"status":"acked"})");
  append_event(lines, EventType::kBatchCompleted, 0, 3, "{}");
  const auto events = expand(row_of(lines));
  REQUIRE(events.size() == 2);
  const std::string order = to_cloud_event(events[0], "/orchestrator");
  CHECK(
      order ==
      R"({"specversion":"1.0","id":"order/17/2","source":"/orchestrator","type":"order.acked","subject":"17",)"
      R"("time":"2026-01-05T09:15:00.000001Z","datacontenttype":"application/json","seq":2,)"
      R"("data":{"status":"acked"}})");
  CHECK(
      to_cloud_event(events[1], "/orchestrator") ==
      R"({"specversion":"1.0","id":"batch/4/3","source":"/orchestrator","type":"batch.completed",)"
      R"("subject":"batch/4","time":"2026-01-05T09:15:00.000001Z","datacontenttype":"application/json","seq":3,)"
      R"("data":{}})");
  CHECK(codec::compact_json(order) == order);
  Event elsewhere = events[0];
  elsewhere.log_id = 12345;
  CHECK(to_cloud_event(elsewhere, "/orchestrator") == order);
}
