// OrderReader: orders from text fields, whatever format the text came in.
//
// A bad value does not stop the reading: it becomes a Violation, so that a desk corrects a batch in one go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/json.hpp"
#include "orchestrator/order.hpp"

namespace orchestrator::codec {

enum class OrderField : std::uint8_t {
  kInstrumentId,
  kQty,
  kSide,
  kPriceLimit,
  kStopPrice,
  kOrderType,
  kTimeInForce,
  kBroker,
  kSlice,
};

[[nodiscard]] std::optional<OrderField> find_order_field(std::string_view name);
[[nodiscard]] std::string_view name_of(OrderField field);
[[nodiscard]] bool may_be_left_out(OrderField field);
// "instrument_id, qty, side, ..." for messages.
[[nodiscard]] std::string order_field_names();

// A positive integer without sign, point or blanks; nullopt for anything else.
[[nodiscard]] std::optional<std::int64_t> parse_positive_integer(std::string_view text);

// Throws Error(limit_exceeded) naming both numbers.
void check_bytes(std::string_view text, const ReadLimits& limits);

class OrderReader {
 public:
  // Violations kept; further ones are dropped, so that a hostile file cannot grow the answer without end.
  static constexpr std::size_t kViolationsMax = 1000;

  OrderReader(BatchRequest& request, const ReadLimits& limits) : request_(request), limits_(limits) {}

  // The next order begins; its violations name `line` of the input, unless that is 0. Throws
  // Error(limit_exceeded).
  void begin_order(std::size_t line = 0);
  // False: the present order has this field already; nothing was changed.
  [[nodiscard]] bool claim(OrderField field);
  void set(OrderField field, std::string_view text);
  // "a boolean" was found, "a string" was expected.
  void refuse_type(OrderField field, std::string_view found, std::string_view expected);
  void refuse_unknown(std::string_view name);
  // Reports what is missing.
  void end_order();

  [[nodiscard]] std::size_t order_index() const { return request_.orders.size() - 1; }
  // A bad value beside the orders.
  void refuse_batch(std::string_view field, std::string_view code, std::string message);
  // Throws Error(validation_failed) when there was anything to refuse.
  void finish();

 private:
  void refuse(std::string_view field, std::string_view code, std::string message);
  void add(Violation violation);
  template <class Decimal>
  std::optional<Decimal> decimal(OrderField field, std::string_view text);
  template <class Word>
  Word word(OrderField field, const std::optional<Word>& parsed, std::string_view text,
            std::string_view choices);

  BatchRequest& request_;
  const ReadLimits& limits_;
  std::vector<Violation> violations_;
  std::size_t line_ = 0;
  unsigned seen_ = 0;  // one bit per OrderField that was given
};

}  // namespace orchestrator::codec
