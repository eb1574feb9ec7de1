#include "codec/order_reader.hpp"

#include <array>
#include <charconv>
#include <utility>

#include "codec/json_events.hpp"
#include "orchestrator/error.hpp"

namespace orchestrator::codec {

namespace {

struct FieldWords {
  std::string_view name;
  std::string_view code;           // of a value that cannot be read
  std::string_view code_required;  // empty: may be left out
};

// Indexed by OrderField. The codes are published.
constexpr std::array<FieldWords, 9> kFields{{
    {"instrument_id", "instrument.invalid", "instrument.required"},
    {"qty", "qty.invalid_decimal", "qty.required"},
    {"side", "side.invalid", "side.required"},
    {"price_limit", "price.invalid_decimal", ""},
    {"stop_price", "stop_price.invalid_decimal", ""},
    {"order_type", "order_type.invalid", ""},
    {"time_in_force", "time_in_force.invalid", ""},
    {"broker", "broker.invalid", ""},
    {"slice", "slice.invalid", ""},
}};

const FieldWords& words_of(OrderField field) { return kFields[static_cast<std::size_t>(field)]; }

unsigned bit(OrderField field) { return 1U << static_cast<unsigned>(field); }

}  // namespace

std::optional<OrderField> find_order_field(std::string_view name) {
  for (std::size_t i = 0; i < kFields.size(); ++i) {
    if (kFields[i].name == name) return static_cast<OrderField>(i);
  }
  return std::nullopt;
}

std::string_view name_of(OrderField field) { return words_of(field).name; }

bool may_be_left_out(OrderField field) { return words_of(field).code_required.empty(); }

std::string order_field_names() {
  std::string names;
  for (const FieldWords& field : kFields) names.append(names.empty() ? "" : ", ").append(field.name);
  return names;
}

std::optional<std::int64_t> parse_positive_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || value <= 0) return std::nullopt;
  if (text.front() == '0') return std::nullopt;
  return value;
}

void check_bytes(std::string_view text, const ReadLimits& limits) {
  if (text.size() <= limits.bytes_max) return;
  throw Error(ErrorCode::kLimitExceeded, "the input has " + std::to_string(text.size()) +
                                             " bytes, the limit is " + std::to_string(limits.bytes_max) +
                                             "; split it");
}

void OrderReader::begin_order(std::size_t line) {
  if (request_.orders.size() >= limits_.orders_max) {
    throw Error(ErrorCode::kLimitExceeded, "the batch has more than " + std::to_string(limits_.orders_max) +
                                               " orders, which is the limit; split it");
  }
  request_.orders.emplace_back();
  line_ = line;
  seen_ = 0;
}

bool OrderReader::claim(OrderField field) {
  if ((seen_ & bit(field)) != 0) return false;
  seen_ |= bit(field);
  return true;
}

void OrderReader::set(OrderField field, std::string_view text) {
  OrderRequest& order = request_.orders.back();
  switch (field) {
    case OrderField::kInstrumentId:
      order.instrument_id =
          word(field, parse_positive_integer(text), text, "a positive 64-bit integer, such as 738561");
      break;
    case OrderField::kQty:
      order.qty = decimal<Quantity>(field, text).value_or(Quantity());
      break;
    case OrderField::kSide:
      order.side = word(field, parse_side(text), text, "BUY or SELL");
      break;
    case OrderField::kPriceLimit:
      order.price_limit = decimal<Price>(field, text);
      break;
    case OrderField::kStopPrice:
      order.stop_price = decimal<Price>(field, text);
      break;
    case OrderField::kOrderType:
      order.order_type = word(field, parse_order_type(text), text, "market, limit, stop or stop_limit");
      break;
    case OrderField::kTimeInForce:
      order.time_in_force = word(field, parse_time_in_force(text), text, "day, gtc, ioc or fok");
      break;
    case OrderField::kBroker:
      // An empty name looks like a slip, and reading it as "any broker" would send the order elsewhere.
      order.broker = text;
      if (text.empty())
        refuse(name_of(field), words_of(field).code, "empty; name a broker or leave the field out");
      break;
    case OrderField::kSlice: {
      const bool is_word = text == "true" || text == "false";
      order.slice =
          word(field, is_word ? std::optional(text == "true") : std::nullopt, text, "true or false");
      break;
    }
  }
}

template <class Decimal>
std::optional<Decimal> OrderReader::decimal(OrderField field, std::string_view text) {
  const auto parsed = Decimal::parse(text);
  if (parsed.ok()) return parsed.value;
  refuse(name_of(field), words_of(field).code,
         quote_for_message(text) + " " + std::string(describe(parsed.error, Decimal::kDecimals)));
  return std::nullopt;
}

template <class Word>
Word OrderReader::word(OrderField field, const std::optional<Word>& parsed, std::string_view text,
                       std::string_view choices) {
  if (parsed) return *parsed;
  refuse(name_of(field), words_of(field).code,
         quote_for_message(text) + " is not valid; write " + std::string(choices));
  return Word();
}

void OrderReader::refuse_type(OrderField field, std::string_view found, std::string_view expected) {
  refuse(name_of(field), words_of(field).code,
         std::string(found) + " is not valid; write " + std::string(expected));
}

void OrderReader::refuse_unknown(std::string_view name) {
  refuse(printable(name), "field.unknown", "not a field of an order; known: " + order_field_names());
}

void OrderReader::end_order() {
  for (std::size_t i = 0; i < kFields.size(); ++i) {
    const auto field = static_cast<OrderField>(i);
    if ((seen_ & bit(field)) != 0 || may_be_left_out(field)) continue;
    refuse(kFields[i].name, kFields[i].code_required, "missing; every order needs it");
  }
}

void OrderReader::refuse_batch(std::string_view field, std::string_view code, std::string message) {
  add({Violation::kWholeBatch, std::string(field), std::string(code), std::move(message), Severity::kError});
}

void OrderReader::finish() {
  if (!violations_.empty()) throw Error::validation_failed(std::move(violations_));
}

void OrderReader::refuse(std::string_view field, std::string_view code, std::string message) {
  if (line_ != 0) message += " (line " + std::to_string(line_) + ")";
  add({order_index(), std::string(field), std::string(code), std::move(message), Severity::kError});
}

void OrderReader::add(Violation violation) {
  if (violations_.size() < kViolationsMax) violations_.push_back(std::move(violation));
}

}  // namespace orchestrator::codec
