// The reader of the specification's request body.
//
// Two kinds of refusal: a body whose shape is wrong, or that says something twice, is not guessed at and
// ends the reading (invalid_json); a value that cannot be read is collected with the others
// (validation_failed).

#include <array>
#include <cstdint>
#include <utility>

#include "codec/json_events.hpp"
#include "codec/order_reader.hpp"
#include "orchestrator/error.hpp"
#include "orchestrator/json.hpp"

namespace orchestrator {

namespace codec {

namespace {

enum class BodyField : std::uint8_t { kPortfolioId, kOrders, kIdempotencyKey, kUserId, kPolicy };
constexpr std::array<std::string_view, 5> kBodyFields{"portfolio_id", "orders", "idempotency_key", "user_id",
                                                      "policy"};

std::optional<BodyField> find_body_field(std::string_view name) {
  for (std::size_t i = 0; i < kBodyFields.size(); ++i) {
    if (kBodyFields[i] == name) return static_cast<BodyField>(i);
  }
  return std::nullopt;
}

std::string body_field_names() {
  std::string names;
  for (const std::string_view name : kBodyFields) names.append(names.empty() ? "" : ", ").append(name);
  return names;
}

std::string_view describe(JsonKind kind) {
  switch (kind) {
    case JsonKind::kNull:
      return "null";
    case JsonKind::kBool:
      return "a boolean";
    case JsonKind::kNumber:
      return "a number";
    case JsonKind::kString:
      return "a string";
  }
  return "something else";
}

// What a JSON value has to be before its text is looked at.
std::string_view expected_for(OrderField field) {
  switch (field) {
    case OrderField::kInstrumentId:
      return "an integer without quotes";
    case OrderField::kQty:
    case OrderField::kPriceLimit:
    case OrderField::kStopPrice:
      return "a decimal number";
    case OrderField::kSlice:
      return "true or false";
    case OrderField::kSide:
    case OrderField::kOrderType:
    case OrderField::kTimeInForce:
    case OrderField::kBroker:
      return "a string";
  }
  return "a value";
}

bool kind_fits(OrderField field, JsonKind kind) {
  switch (field) {
    case OrderField::kInstrumentId:
      return kind == JsonKind::kNumber;
    case OrderField::kQty:
    case OrderField::kPriceLimit:
    case OrderField::kStopPrice:
      return kind == JsonKind::kNumber || kind == JsonKind::kString;
    case OrderField::kSlice:
      return kind == JsonKind::kBool;
    case OrderField::kSide:
    case OrderField::kOrderType:
    case OrderField::kTimeInForce:
    case OrderField::kBroker:
      return kind == JsonKind::kString;
  }
  return false;
}

bool is_idempotency_key(std::string_view text) {
  constexpr std::size_t kSizeMax = 255;
  if (text.empty() || text.size() > kSizeMax) return false;
  for (const char c : text) {
    if (c < 0x21 || c > 0x7E) return false;
  }
  return true;
}

class BodyReader : public JsonHandler {
 public:
  explicit BodyReader(const ReadLimits& limits) : orders_(request_, limits) {}

  void scalar(JsonKind kind, std::string_view text) override {
    switch (level_) {
      case Level::kDocument:
        refuse_shape("the body is " + std::string(describe(kind)));
      case Level::kBody:
        if (body_field_) read_body_field(*body_field_, kind, text);
        break;
      case Level::kOrders:
        refuse_shape("orders[" + std::to_string(request_.orders.size()) + "] is " +
                     std::string(describe(kind)) + ", not an object");
      case Level::kOrder:
        if (order_field_) read_order_field(*order_field_, kind, text);
        break;
      case Level::kSkipped:
        break;
    }
  }

  void begin_object() override {
    if (level_ == Level::kDocument) {
      level_ = Level::kBody;
    } else if (level_ == Level::kOrders) {
      level_ = Level::kOrder;
      orders_.begin_order();
    } else {
      skip("an object");
    }
  }

  void begin_array() override {
    if (level_ == Level::kDocument) refuse_shape("the body is an array");
    if (level_ == Level::kOrders) {
      refuse_shape("orders[" + std::to_string(request_.orders.size()) + "] is an array, not an object");
    }
    if (level_ == Level::kBody && body_field_ == BodyField::kOrders) {
      level_ = Level::kOrders;
    } else {
      skip("an array");
    }
  }

  void end_object() override {
    if (level_ == Level::kSkipped) return unskip();
    if (level_ != Level::kOrder) return;
    orders_.end_order();
    level_ = Level::kOrders;
  }

  void end_array() override {
    if (level_ == Level::kSkipped) return unskip();
    level_ = Level::kBody;
  }

  void key(std::string_view name) override {
    if (level_ == Level::kBody) return begin_body_field(name);
    if (level_ == Level::kOrder) return begin_order_field(name);
  }

  // Called once, after the whole document.
  BatchRequest take() {
    for (const auto field : {BodyField::kPortfolioId, BodyField::kOrders}) {
      if (!has(field)) refuse_shape(std::string(kBodyFields[index(field)]) + " is missing");
    }
    orders_.finish();
    return std::move(request_);
  }

 private:
  // Where the next value belongs. kSkipped: inside a value that has been refused already.
  enum class Level : std::uint8_t { kDocument, kBody, kOrders, kOrder, kSkipped };

  static std::size_t index(BodyField field) { return static_cast<std::size_t>(field); }
  [[nodiscard]] bool has(BodyField field) const { return seen_[index(field)]; }

  [[noreturn]] static void refuse_shape(const std::string& what) {
    throw Error(ErrorCode::kInvalidJson,
                what + R"(; the body is an object such as {"portfolio_id": 1, "orders": [{...}]})");
  }
  [[noreturn]] static void refuse_twice(std::string_view name, const std::string& where) {
    throw Error(ErrorCode::kInvalidJson,
                "the key " + quote_for_message(name) + " is given twice in " + where + "; leave one out");
  }

  void begin_body_field(std::string_view name) {
    body_field_ = find_body_field(name);
    if (!body_field_) {
      orders_.refuse_batch(printable(name), "field.unknown",
                           "not a field of the body; known: " + body_field_names());
      return;
    }
    if (has(*body_field_)) refuse_twice(name, "the body");
    seen_[index(*body_field_)] = true;
  }

  void begin_order_field(std::string_view name) {
    order_field_ = find_order_field(name);
    if (!order_field_) return orders_.refuse_unknown(name);
    if (!orders_.claim(*order_field_)) {
      refuse_twice(name, "orders[" + std::to_string(orders_.order_index()) + "]");
    }
  }

  void read_order_field(OrderField field, JsonKind kind, std::string_view text) {
    if (kind == JsonKind::kNull && may_be_left_out(field)) return;
    if (!kind_fits(field, kind)) return orders_.refuse_type(field, describe(kind), expected_for(field));
    orders_.set(field, text);
  }

  void read_body_field(BodyField field, JsonKind kind, std::string_view text) {
    if (field == BodyField::kOrders)
      refuse_shape("orders is " + std::string(describe(kind)) + ", not an array");
    const bool may_be_null = field != BodyField::kPortfolioId;
    if (kind == JsonKind::kNull && may_be_null) return;
    switch (field) {
      case BodyField::kPortfolioId:
        request_.portfolio_id = read_id("portfolio_id", "portfolio.invalid", kind, text);
        break;
      case BodyField::kUserId:
        request_.user_id = read_id("user_id", "user.invalid", kind, text);
        break;
      case BodyField::kIdempotencyKey:
        request_.idempotency_key = text;
        if (kind == JsonKind::kString && is_idempotency_key(text)) break;
        orders_.refuse_batch("idempotency_key", "idempotency_key.invalid",
                             quote_for_message(text) +
                                 " is not valid; write a string of 1 to 255 visible "
                                 "ASCII characters without blanks");
        break;
      case BodyField::kPolicy: {
        const auto policy = kind == JsonKind::kString ? parse_batch_policy(text) : std::nullopt;
        request_.policy = policy.value_or(BatchPolicy::kAll);
        if (policy) break;
        orders_.refuse_batch("policy", "policy.invalid",
                             quote_for_message(text) + " is not valid; write \"all\" or \"each\"");
        break;
      }
      case BodyField::kOrders:
        break;
    }
  }

  std::int64_t read_id(std::string_view name, std::string_view code, JsonKind kind, std::string_view text) {
    const auto id = kind == JsonKind::kNumber ? parse_positive_integer(text) : std::nullopt;
    if (id) return *id;
    orders_.refuse_batch(
        name, code,
        quote_for_message(text) + " is not valid; write a positive 64-bit integer without quotes, such as 1");
    return 0;
  }

  // A value with content of its own where a single one belongs: refused once, content and all.
  void skip(std::string_view found) {
    if (level_ == Level::kBody && body_field_ == BodyField::kOrders) {
      refuse_shape("orders is " + std::string(found) + ", not an array");
    }
    if (level_ == Level::kBody && body_field_) {
      refuse_shape(std::string(kBodyFields[index(*body_field_)]) + " is " + std::string(found));
    }
    if (level_ == Level::kOrder && order_field_) {
      orders_.refuse_type(*order_field_, found, expected_for(*order_field_));
    }
    if (level_ != Level::kSkipped) skipped_from_ = level_;
    level_ = Level::kSkipped;
    ++skipped_depth_;
  }

  void unskip() {
    if (--skipped_depth_ == 0) level_ = skipped_from_;
  }

  BatchRequest request_;
  OrderReader orders_;
  Level level_ = Level::kDocument;
  Level skipped_from_ = Level::kBody;
  std::size_t skipped_depth_ = 0;
  std::optional<BodyField> body_field_;
  std::optional<OrderField> order_field_;
  std::array<bool, kBodyFields.size()> seen_{};
};

}  // namespace

}  // namespace codec

BatchRequest parse_batch_json(std::string_view text, const ReadLimits& limits) {
  codec::check_bytes(text, limits);
  codec::BodyReader reader(limits);
  codec::read_json(text, reader, limits.depth_max);
  return reader.take();
}

}  // namespace orchestrator
