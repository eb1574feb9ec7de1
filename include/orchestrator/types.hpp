// Vocabulary: the small types that every other header speaks in.
//
// Names and spellings are those of the service's API: `to_string` gives exactly the word that the JSON,
// the CLI, SQL and Python show, and `parse_*` accepts exactly that word.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "orchestrator/decimal.hpp"

namespace orchestrator {

// Ids are positive and assigned by the order store when a batch is accepted; 0 means "none yet".
// They grow, may have gaps, and are never used again.
using OrderId = std::int64_t;
using BatchId = std::int64_t;
// Ids below are the caller's own numbers: any positive 64-bit integer.
using InstrumentId = std::int64_t;
using PortfolioId = std::int64_t;
using UserId = std::int64_t;

// UTC, microseconds since 1970. Text form: RFC 3339 with six decimals, "2026-01-05T09:15:00.000000Z", for
// the years 0000 to 9999; to_string of any other throws Error(number_overflow).
using Timestamp = std::chrono::sys_time<std::chrono::microseconds>;
// A calendar day; which time zone's day is said where it is used. Text form: "2026-01-05".
using Date = std::chrono::sys_days;

[[nodiscard]] std::string to_string(Timestamp at);
// Whether it has a text form.
[[nodiscard]] bool has_text(Timestamp at);
// Accepts RFC 3339 with any offset and 0 to 9 decimals (digits past the sixth are cut); nullopt otherwise.
// The leap second 23:59:60 is the midnight after it.
[[nodiscard]] std::optional<Timestamp> parse_timestamp(std::string_view text);
[[nodiscard]] std::string to_string(Date day);
// "YYYY-MM-DD", a day that exists; nullopt otherwise.
[[nodiscard]] std::optional<Date> parse_date(std::string_view text);

// BUY | SELL
enum class Side : std::uint8_t { kBuy, kSell };

// market | limit | stop | stop_limit. `limit` and `stop_limit` need price_limit; `stop` and `stop_limit`
// need stop_price; the others must leave them out.
enum class OrderType : std::uint8_t { kMarket, kLimit, kStop, kStopLimit };

// day: until the session ends · gtc: until cancelled · ioc: fill what you can now · fok: all now or nothing.
enum class TimeInForce : std::uint8_t { kDay, kGtc, kIoc, kFok };

// Where an order stands; lifecycle.hpp holds the table of lawful changes.
enum class OrderStatus : std::uint8_t {
  kPlaced,           // durable here, not yet being sent
  kSubmitting,       // claimed by one sender; a request may be on the wire
  kUnknown,          // in doubt: the broker may or may not hold it. Only broker evidence ends this
  kAcked,            // the broker has it
  kPartiallyFilled,  // some quantity executed, the rest still works
  kCancelPending,    // a cancel was asked for; fills may still come
  kReplacePending,   // a change of quantity or price was asked for; fills may still come
  kFilled,           // the whole quantity executed
  kCancelled,        // ended by a cancel; fill_qty tells what executed before
  kRejected,         // refused by the broker, definitely
  kExpired,          // ended by its time in force; fill_qty tells what executed before
  kSettled,          // executions settled; the end
};
inline constexpr int kOrderStatusCount = 12;

// Derived from the batch's orders.
enum class BatchStatus : std::uint8_t {
  kPending,             // accepted, nothing sent yet
  kProcessing,          // some order is still open
  kCompleted,           // every order filled (or settled)
  kPartiallyCompleted,  // no order open; some executed quantity, not all of it
  kCancelled,           // no order open, nothing executed, at least one cancelled or expired
  kFailed,              // every order rejected
};

// Whether a broker is sent orders: closed | open | half_open.
enum class CircuitState : std::uint8_t {
  kClosed,    // yes
  kOpen,      // no: it failed several times in a row
  kHalfOpen,  // no: a read call asks whether it is back
};

[[nodiscard]] std::string_view to_string(Side side);
[[nodiscard]] std::string_view to_string(OrderType type);
[[nodiscard]] std::string_view to_string(TimeInForce time_in_force);
[[nodiscard]] std::string_view to_string(OrderStatus status);
[[nodiscard]] std::string_view to_string(BatchStatus status);
[[nodiscard]] std::string_view to_string(CircuitState state);
// Exact spelling only ("BUY", not "buy"); nullopt for anything else.
[[nodiscard]] std::optional<Side> parse_side(std::string_view text);
[[nodiscard]] std::optional<OrderType> parse_order_type(std::string_view text);
[[nodiscard]] std::optional<TimeInForce> parse_time_in_force(std::string_view text);
[[nodiscard]] std::optional<OrderStatus> parse_order_status(std::string_view text);
[[nodiscard]] std::optional<BatchStatus> parse_batch_status(std::string_view text);

}  // namespace orchestrator
