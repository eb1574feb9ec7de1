// The JSON readers: any text is read or refused with its place; what is read comes back from what is written;
// the quick reader of our own JSON says nothing else than the strict one.
#include "codec/json_events.hpp"
#include "codec/json_writer.hpp"
#include "codec/plain_json.hpp"
#include "codec/request_json.hpp"
#include "fuzz/target.hpp"
#include "orchestrator/json.hpp"

namespace orchestrator::fuzz {
namespace {

// The document as a text of its events.
class Recorder final : public codec::JsonHandler {
 public:
  void scalar(codec::JsonKind kind, std::string_view text) override {
    add("snbt"[static_cast<std::size_t>(kind)], text);
  }
  void begin_object() override { add('{', ""); }
  void key(std::string_view name) override { add('k', name); }
  void end_object() override { add('}', ""); }
  void begin_array() override { add('[', ""); }
  void end_array() override { add(']', ""); }
  std::string events;

 private:
  void add(char what, std::string_view text) {
    events.append(1, what).append(std::to_string(text.size())).append(1, ' ').append(text);
  }
};

std::optional<std::string> events_of(std::string_view text) {
  try {
    Recorder recorder;
    codec::read_json(text, recorder);
    return std::move(recorder.events);
  } catch (const Error& error) {
    check_refusal(error, {ErrorCode::kInvalidJson});
    const std::string_view message = error.what();
    require(message.starts_with("line ") || message.find("nested deeper") != std::string_view::npos,
            "a refusal names the line: " + std::string(message));
    return std::nullopt;
  }
}

void check_document(std::string_view text) {
  const auto events = events_of(text);
  if (events) {
    const std::string compact = codec::compact_json(text);
    require(compact.find('\n') == std::string::npos && compact.size() <= 6 * text.size(),
            "compact is on one line");
    require(events_of(compact) == events && codec::compact_json(compact) == compact, "compact says the same");
  }
  Recorder quick;
  if (codec::read_plain_json(text, quick)) require(events == quick.events, "both readers read the same");
}

std::string written(const BatchRequest& request) {
  std::string out;
  codec::JsonWriter json(out);
  json.begin_object()
      .member("portfolio_id", request.portfolio_id)
      .member_raw("orders", codec::orders_json(request));
  if (!request.idempotency_key.empty()) json.member("idempotency_key", request.idempotency_key);
  if (request.user_id != 0) json.member("user_id", request.user_id);
  json.member("policy", request.policy).end_object();
  return out;
}

void run(std::string_view bytes) {
  check_document(bytes);
  const auto request =
      accepted({ErrorCode::kInvalidJson, ErrorCode::kValidationFailed, ErrorCode::kLimitExceeded},
               [&] { return parse_batch_json(bytes, {.orders_max = 20}); });
  if (!request) return;
  require(events_of(bytes).has_value(), "a request is a JSON document");
  require(request->portfolio_id > 0 && request->orders.size() <= 20, "limits hold");
  require(parse_batch_json(written(*request)) == *request, "a request comes back from its JSON");
}

const Registration kRegistered({"json_reader", run});

}  // namespace
}  // namespace orchestrator::fuzz
