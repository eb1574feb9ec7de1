// JSON and CSV of the domain types, as every front end shows them.
//
// Numbers are read from their text and written as exact decimal text: no floating point in between.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/orchestrator.hpp"

namespace orchestrator {

// Limits on what a reader accepts; each is named in the message of the refusal.
struct ReadLimits {
  std::size_t bytes_max = std::size_t{16} * 1024 * 1024;
  std::size_t depth_max = 16;
  std::size_t orders_max = 10'000;
};

// Reads the specification's body: {"portfolio_id", "orders": [...], "idempotency_key"?, "user_id"?,
// "policy"?}. A decimal may be a JSON number or a string; an optional field may be null. Throws
//   invalid_json: not one JSON document of this shape. Syntax (with line and column), not UTF-8, nested too
//     deep, over 1 MiB in one string, over 512 KiB in one number or between two of either, a key given
//     twice, no portfolio_id, no orders, something else than objects in orders;
//   validation_failed: every value that cannot be read, with order index and field, at most 1,000 of them;
//   limit_exceeded: more bytes or orders than `limits` allow.
// Codes (stable): instrument.required, instrument.invalid, qty.required, qty.invalid_decimal, side.required,
// side.invalid, price.invalid_decimal, stop_price.invalid_decimal, order_type.invalid, time_in_force.invalid,
// broker.invalid, slice.invalid, field.unknown; of the body: portfolio.invalid, user.invalid, policy.invalid,
// idempotency_key.invalid, field.unknown.
[[nodiscard]] BatchRequest parse_batch_json(std::string_view text, const ReadLimits& limits = {});

// Reads a CSV basket: a header line with instrument_id, side, qty and optionally price_limit, stop_price,
// order_type, time_in_force, broker, slice, in any order; RFC 4180 quotes, LF or CR LF, optional byte-order
// mark. An empty field is left out, blank lines are skipped, and the last row needs its line end: without it
// the file may have been cut off in the middle of a number. Throws like parse_batch_json, with invalid_csv
// and the line for a table whose shape is wrong; violations name the line too.
[[nodiscard]] BatchRequest parse_batch_csv(std::string_view text, PortfolioId portfolio_id,
                                           const ReadLimits& limits = {});

// Reads an instrument file: Kite's layout (recognised by its header: instrument_token, tradingsymbol, ...)
// or a plain one (instrument_id, symbol and any of the other fields of Instrument). Rows of the Kite layout
// that cannot be read or traded (lot size 0) are counted and skipped, as its users must expect; in the plain
// one they are errors. An id that is there twice counts as such a row. Throws invalid_csv, limit_exceeded.
struct InstrumentFile {
  std::vector<Instrument> instruments;
  std::size_t skipped = 0;
  std::string first_skipped;  // "line 17: ..."
};
[[nodiscard]] InstrumentFile parse_instruments_csv(std::string_view text, const ReadLimits& limits = {});

// Reads a holiday file: one "YYYY-MM-DD[,name]" a line, '#' begins a comment. Each day once, in order.
[[nodiscard]] std::vector<Date> parse_holidays(std::string_view text, const ReadLimits& limits = {});

// One JSON document each, without a newline at the end. A receipt's stored bytes are Receipt::json.
[[nodiscard]] std::string to_json(const Order& order);
[[nodiscard]] std::string to_json(const Order& order, std::span<const Execution> executions);
[[nodiscard]] std::string to_json(const OrderBatch& batch);
[[nodiscard]] std::string to_json(const Execution& execution);
[[nodiscard]] std::string to_json(const Receipt& receipt);
[[nodiscard]] std::string to_json(const BatchReport& report);
[[nodiscard]] std::string to_json(const Break& difference);
[[nodiscard]] std::string to_json(const BrokerOrder& order);
[[nodiscard]] std::string to_json(const BrokerInfo& broker);
[[nodiscard]] std::string to_json(const Health& health);
[[nodiscard]] std::string to_json(const RecoveryReport& report);
[[nodiscard]] std::string to_json(const Instrument& instrument);
[[nodiscard]] std::string to_json(const PortfolioLimits& limits, const PortfolioUsage& usage);
[[nodiscard]] std::string to_json(const RoutingRule& rule);
[[nodiscard]] std::string to_json(const Halt& halt);
[[nodiscard]] std::string to_json(const AuditEntry& entry);
[[nodiscard]] std::string to_json(const AuditReport& report);
[[nodiscard]] std::string to_json(const Violation& violation);
// {"error": {"code", "message", "retryable", "in_doubt", "violations": [...]}}
[[nodiscard]] std::string to_json(const Error& error);

// A JSON string literal, quotes included.
[[nodiscard]] std::string quote(std::string_view text);

}  // namespace orchestrator
