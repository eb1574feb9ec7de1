// What is read back from the store, the outbox and Kafka: event lines, event data and receipts. Damage is
// storage_corrupt, and what is read comes back from what is written.
#include <limits>

#include "codec/event_log.hpp"
#include "codec/flat_json.hpp"
#include "codec/json_events.hpp"
#include "codec/receipt_json.hpp"
#include "fuzz/target.hpp"
#include "orchestrator/json.hpp"

namespace orchestrator::fuzz {
namespace {

class Ignored final : public codec::JsonHandler {
 public:
  void scalar(codec::JsonKind, std::string_view) override {}
  void begin_object() override {}
  void key(std::string_view) override {}
  void end_object() override {}
  void begin_array() override {}
  void end_array() override {}
};

bool is_json(std::string_view text, std::size_t depth_max) {
  return accepted({ErrorCode::kInvalidJson},
                  [&] {
                    Ignored ignored;
                    codec::read_json(text, ignored, depth_max);
                    return true;
                  })
      .has_value();
}

void check_event_lines(std::string_view bytes) {
  const EventRow row{.id = 5, .batch_id = 3, .lines = std::string(bytes)};
  const auto events = accepted({ErrorCode::kStorageCorrupt}, [&] { return codec::expand(row); });
  if (!events) return;
  std::string lines;
  for (const Event& event : *events) {
    codec::append_event(lines, event.type, event.order_id, event.seq, event.data);
    const std::string envelope = to_cloud_event(event, "/orchestrator");
    require(envelope.find('\n') == std::string::npos, "an envelope is one line");
    require(!is_json(event.data, 16) || is_json(envelope, 17), "an envelope of JSON is JSON");
  }
  require(codec::expand({.id = 5, .batch_id = 3, .lines = lines}) == *events,
          "events come back from their lines");
}

void check_flat_json(std::string_view bytes) {
  const auto flat = accepted({ErrorCode::kStorageCorrupt}, [&] { return codec::FlatJson(bytes); });
  if (!flat) return;
  const std::string compact = codec::compact_json(bytes);
  require(compact.starts_with('{'), "flat JSON is an object");
  for (const char* name : {"status", "fill_qty", "order.id"}) {
    require((*flat)[name] == codec::FlatJson(compact)[name], "a member does not depend on blanks");
    static_cast<void>(flat->number(name));
  }
}

void check_receipt(std::string_view bytes) {
  const auto receipt = accepted({ErrorCode::kStorageCorrupt}, [&] { return codec::parse_receipt(bytes); });
  if (!receipt) return;
  require(receipt->json == bytes && !receipt->replayed, "a receipt keeps its bytes");
  // A leg that is no row of ours may have a place or time that has no text of its own.
  const auto written = accepted({ErrorCode::kNumberOverflow}, [&] { return to_json(*receipt); });
  if (written)
    require(to_json(codec::parse_receipt(*written)) == *written, "a receipt comes back from its JSON");
}

void run(std::string_view bytes) {
  check_event_lines(bytes);
  check_flat_json(bytes);
  check_receipt(bytes);
}

const Registration kRegistered({"stored_texts", run});

}  // namespace
}  // namespace orchestrator::fuzz
