// The reader of stored receipts: what to_json(Receipt) writes, field by field. Fields it does not know are
// skipped, because another release may have written the row; what it knows and cannot read is damage.

#include "codec/receipt_json.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <utility>

#include "codec/json_events.hpp"
#include "codec/plain_json.hpp"
#include "orchestrator/error.hpp"

namespace orchestrator::codec {

namespace {

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorCode::kStorageCorrupt,
              "a stored receipt cannot be read: " + what + "; restore the database from a backup");
}

constexpr std::size_t kDepthMax = 16;

struct Scalar {
  JsonKind kind = JsonKind::kNull;
  std::string_view text;

  [[nodiscard]] bool is_null() const { return kind == JsonKind::kNull; }

  // null is how 0 and "" are written.
  template <class Integer>
  [[nodiscard]] Integer integer() const {
    if (is_null()) return 0;
    Integer value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (kind != JsonKind::kNumber || read.ec != std::errc() || read.ptr != text.data() + text.size()) {
      refuse(quote_for_message(text) + " is no integer");
    }
    return value;
  }
  [[nodiscard]] std::string string() const {
    if (is_null()) return {};
    if (kind != JsonKind::kString) refuse(quote_for_message(text) + " is no string");
    return std::string(text);
  }
  template <class Decimal>
  [[nodiscard]] Decimal decimal() const {
    const auto parsed = Decimal::parse(text);
    if (kind != JsonKind::kNumber || !parsed.ok()) refuse(quote_for_message(text) + " is no decimal");
    return parsed.value;
  }
  template <class Word>
  [[nodiscard]] Word word(std::optional<Word> (*parse)(std::string_view)) const {
    const auto parsed = parse(text);
    if (!parsed) refuse(quote_for_message(text) + " is not a known word");
    return *parsed;
  }
};

std::optional<Severity> parse_severity(std::string_view text) {
  for (const Severity severity : {Severity::kError, Severity::kWarning}) {
    if (to_string(severity) == text) return severity;
  }
  return std::nullopt;
}

class ReceiptReader : public JsonHandler {
 public:
  void scalar(JsonKind kind, std::string_view text) override {
    const Scalar value{kind, text};
    switch (level_) {
      case Level::kReceipt:
        return read_receipt(value);
      case Level::kLeg:
        return read_leg(receipt_.orders.back(), value);
      case Level::kRouting:
        return read_routing(value);
      case Level::kLegViolation:
        return read_violation(receipt_.orders.back().violations.back(), value);
      case Level::kWarning:
        return read_violation(receipt_.warnings.back(), value);
      case Level::kSkipped:
        return;
      default:
        refuse("a value is out of place");
    }
  }

  void key(std::string_view name) override { key_ = name; }

  void begin_object() override {
    switch (level_) {
      case Level::kDocument:
        return enter(Level::kReceipt);
      case Level::kLegs:
        receipt_.orders.emplace_back();
        return enter(Level::kLeg);
      case Level::kRoutings:
        return enter(Level::kRouting);
      case Level::kLegViolations:
        receipt_.orders.back().violations.emplace_back();
        return enter(Level::kLegViolation);
      case Level::kWarnings:
        receipt_.warnings.emplace_back();
        return enter(Level::kWarning);
      default:
        return enter(Level::kSkipped);
    }
  }

  void begin_array() override {
    if (level_ == Level::kReceipt && key_ == "orders") return enter(Level::kLegs);
    if (level_ == Level::kReceipt && key_ == "proposed_routing") return enter(Level::kRoutings);
    if (level_ == Level::kReceipt && key_ == "warnings") return enter(Level::kWarnings);
    if (level_ == Level::kLeg && key_ == "violations") return enter(Level::kLegViolations);
    enter(Level::kSkipped);
  }

  void end_object() override { leave(); }
  void end_array() override { leave(); }

  Receipt take(std::string_view json) {
    if (receipt_.batch_id == 0 || receipt_.idempotency_key.empty()) refuse("it names no batch or no key");
    receipt_.json = json;
    return std::move(receipt_);
  }

 private:
  enum class Level : std::uint8_t {
    kDocument,
    kReceipt,
    kLegs,
    kLeg,
    kLegViolations,
    kLegViolation,
    kRoutings,
    kRouting,
    kWarnings,
    kWarning,
    kSkipped
  };

  void enter(Level level) {
    outer_[depth_++] = level_;
    level_ = level;
  }
  void leave() { level_ = outer_[--depth_]; }

  void read_receipt(const Scalar& value) {
    if (key_ == "batch_id") receipt_.batch_id = value.integer<BatchId>();
    if (key_ == "portfolio_id") receipt_.portfolio_id = value.integer<PortfolioId>();
    if (key_ == "idempotency_key") receipt_.idempotency_key = value.string();
    if (key_ == "created_at") receipt_.created_at = value.word<Timestamp>(parse_timestamp);
  }

  void read_leg(Receipt::Leg& leg, const Scalar& value) {
    if (key_ == "index") leg.index = value.integer<std::size_t>();
    if (key_ == "id") leg.id = value.integer<OrderId>();
    if (key_ == "client_order_id") leg.client_order_id = value.string();
    if (key_ == "instrument_id") leg.instrument_id = value.integer<InstrumentId>();
    if (key_ == "side") leg.side = value.word<Side>(parse_side);
    if (key_ == "qty") leg.qty = value.decimal<Quantity>();
    if (key_ == "price_limit" && !value.is_null()) leg.price_limit = value.decimal<Price>();
    if (key_ == "status") rejected_.push_back(value.text == "rejected");
  }

  // Routing is listed for the legs that are not rejected, in their order.
  void read_routing(const Scalar& value) {
    if (key_ == "order_id") {
      while (routed_ < rejected_.size() && rejected_[routed_]) ++routed_;
      if (routed_ >= receipt_.orders.size()) refuse("it routes an order that it does not have");
      ++routed_;
    }
    if (routed_ == 0) refuse("a routing does not begin with its order");
    Receipt::Leg& leg = receipt_.orders[routed_ - 1];
    if (key_ == "broker") leg.broker = value.string();
    if (key_ == "reason") leg.routing_reason = value.string();
  }

  void read_violation(Violation& violation, const Scalar& value) const {
    if (key_ == "order_index" && !value.is_null()) violation.order_index = value.integer<std::size_t>();
    if (key_ == "field") violation.field = value.string();
    if (key_ == "code") violation.code = value.string();
    if (key_ == "message") violation.message = value.string();
    if (key_ == "severity") violation.severity = value.word<Severity>(parse_severity);
  }

  Receipt receipt_;
  Level level_ = Level::kDocument;
  std::array<Level, kDepthMax> outer_{};
  std::size_t depth_ = 0;
  std::string key_;
  std::vector<bool> rejected_;  // by leg
  std::size_t routed_ = 0;      // legs up to the one whose routing is being read
};

}  // namespace

Receipt parse_receipt(std::string_view json) {
  try {
    ReceiptReader quick;
    if (read_plain_json(json, quick)) return quick.take(json);
  } catch (const Error&) {  // the judge finds the words
  }
  ReceiptReader reader;
  try {
    read_json(json, reader, kDepthMax);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kStorageCorrupt) throw;
    refuse(error.what());
  }
  return reader.take(json);
}

}  // namespace orchestrator::codec
