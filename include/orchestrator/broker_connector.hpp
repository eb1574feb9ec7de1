// BrokerConnector: one broker account, behind one contract. Implement this to add a broker; the contract
// suite in testing/broker_connector_contract.hpp checks an implementation.
//
// The rule that everything rests on: **a send that may have reached the broker is never reported as
// failed.** Each call makes at most one attempt on the wire (no retry, no redirect) and classifies what
// came of it; see SendOutcome.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/order.hpp"
#include "orchestrator/router.hpp"

namespace orchestrator {

// How many requests a broker takes of one credential. Counted are orders sent, cancels, changes, look-ups,
// books and polls, of all processes on one store, so that no window of length `per` holds more. New orders
// leave a tenth of it, at least one request, to look-ups, books, polls and changes, so that a backlog keeps
// nobody from hearing of fills; and these leave half of it to orders.
struct RateLimit {
  std::size_t requests_max = 0;  // 0: no limit; else at least two above reserved_for_cancels
  std::chrono::microseconds per = std::chrono::seconds(1);
  std::size_t reserved_for_cancels = 0;  // of requests_max; nothing else may use them
};

// What a request is about, which decides how much of a RateLimit it may use up.
enum class RateUse : std::uint8_t {
  kOrder,
  kCancel,
  kOther,  // changes, look-ups, books, polls
};

// The longest texts that are taken of a broker, in bytes of UTF-8 without NUL. What is longer is never cut in
// silence: a report with a longer id is not booked but kept in the inbox for a person, an order that is
// answered with one is in doubt, and a look-up or book with one is no answer. Of a longer reason the
// beginning is kept, with a note. The same holds of ids that are no such text, but that a report with one is
// booked out of the inbox, where the bytes are spelled as \xNN; in a reason they are spelled so too.
inline constexpr std::size_t kBrokerIdMax = 256;  // of orders, theirs and ours, executions and accounts
inline constexpr std::size_t kBrokerReasonMax = 2000;
inline constexpr std::size_t kBrokerCursorMax = 65'536;  // a longer one, or one that is no text: no answer

// What this broker can do; constant for a connector's life.
struct BrokerCapabilities {
  std::string name = {};     // "alpaca-mock"
  std::string account = {};  // key of its executions, with the name
  BrokerClass broker_class = BrokerClass::kNone;
  std::size_t orders_max = 1;  // orders of one place() call
  RateLimit rate_limit = {};
  bool replaces = false;  // replace() works
  // Every report about an order names the client order id that place() sent it under, also after a change.
  // Then the store keeps no index of this broker's own ids, whose upkeep grows with the book.
  bool reports_name_our_id = false;
  // Its order ids begin again every day of the exchange, so that one may name an order that ended on another
  // day as well. Leave it false where an id, a date in it or not, is given once only.
  bool ids_restart_daily = false;
  // Its account admits one session at a time (FIX: one logon per SenderCompID). Then of all processes on one
  // store only the one that holds the broker's lease calls place() to poll(); what others accept stays placed
  // for it. Log on with the first call, and off when no call has come for a while: then another may have the
  // lease. For an instant both may believe to have it; the broker refuses the second logon, which is
  // kNotSent.
  bool one_sender = false;
  // After an attempt in doubt, "not found" is evidence only this long after that attempt (enforced and
  // windowed classes); before, the broker's look-up may lag.
  std::chrono::microseconds quiet_period = std::chrono::seconds(30);
  // Windowed class: how long after its first use a client order id is refused again. Zero: never sent again.
  std::chrono::microseconds duplicate_window{0};
  std::int32_t settlement_days = 1;    // T+n trading days
  std::chrono::minutes utc_offset{0};  // the exchange's day, for trade dates
  std::string calendar = {};           // name of its holiday calendar
};

enum class SendOutcome : std::uint8_t {
  // The broker has the order (a parsed success, or a duplicate-id refusal confirmed by look-up).
  kAccepted,
  // The broker read the order and refused it (a parsed refusal that is not about a duplicate id).
  kRejected,
  // Nothing reached the broker's book: failed before the first byte left, not logged in, throttled (429).
  // The same order may be sent again.
  kNotSent,
  // Everything else: timeout, connection lost after the first byte, any 5xx, an answer that does not
  // parse, a success without an order id.
  kInDoubt,
};

struct SendResult {
  SendOutcome outcome = SendOutcome::kInDoubt;
  std::string ext_order_id = {};  // kAccepted: not empty
  std::string reason = {};        // kRejected, kNotSent, kInDoubt: in the broker's words where it has any
};

// The new terms of an order; absent: unchanged. `client_order_id` is a fresh id for this change.
struct ReplaceRequest {
  std::string client_order_id = {};
  std::optional<Quantity> qty = {};  // the new total, executed part included
  std::optional<Price> price_limit = {};
};

// What the broker says about one of its orders.
struct BrokerOrder {
  std::string ext_order_id = {};     // of the acknowledgement, also after a change
  std::string client_order_id = {};  // empty: not one of ours, or the broker does not tell
  std::string symbol = {};
  InstrumentId instrument_id = 0;  // 0: the broker knows only the symbol
  Side side = Side::kBuy;
  Quantity qty = {};
  std::optional<Price> price_limit = {};
  OrderStatus status = OrderStatus::kAcked;  // acked, partially_filled, filled, cancelled, rejected, expired
  Quantity fill_qty = {};
  Money fill_notional = {};
  std::string reason = {};
  Timestamp updated_at = {};
};

// News from the broker, pushed or polled. Reports may repeat, come late and come in any order.
struct BrokerReport {
  enum class Kind : std::uint8_t {
    kAck,
    kReject,
    kExecution,
    kCancelled,
    kCancelRefused,
    kExpired,
    kReplaced,
    kReplaceRefused
  };
  Kind kind = Kind::kAck;
  std::string broker = {};
  std::string account = {};
  std::string ext_order_id = {};  // at least one of the two ids; this one as in BrokerOrder
  std::string client_order_id = {};
  Execution execution = {};          // kExecution: execution_id, kind, ref, qty, price, fees, executed_at
  std::optional<Quantity> qty = {};  // kReplaced: the terms now in force
  std::optional<Price> price_limit = {};
  std::string reason = {};
  Timestamp at = {};
};

struct ReportPage {
  std::vector<BrokerReport> reports = {};
  std::string cursor = {};  // give it to the next poll()
  bool more = false;        // poll again at once
};

// Answer of look_up().
struct LookUp {
  enum class Kind : std::uint8_t {
    kFound,     // `order` is the broker's
    kNotFound,  // the broker answered, and does not have it
    kNoAnswer,  // nothing was learnt
  };
  Kind kind = Kind::kNoAnswer;
  BrokerOrder order = {};
  std::string reason = {};
};

// What a mock can do beside: play the market. The library simulates fills only through this.
class SimulatedBroker {
 public:
  virtual ~SimulatedBroker() = default;
  // Executes part of a working order at the mock and returns the execution as poll() will report it too.
  // Throws Error(not_found) for an order it does not hold, Error(invalid_state) for one that has ended,
  // Error(limit_exceeded) for more than the remaining quantity; nothing changes then.
  virtual Execution simulate_fill(const std::string& ext_order_id, Quantity qty, Price price) = 0;
};

// Called from any thread, concurrently; calls may block up to the connector's own timeout. Broker answers
// are data and never thrown; an exception out of place() counts as in doubt, out of the others as no
// answer.
class BrokerConnector {
 public:
  virtual ~BrokerConnector() = default;
  [[nodiscard]] virtual const BrokerCapabilities& capabilities() const = 0;
  // Sends up to `orders_max` orders, one attempt each, under order.client_order_id; one result per order,
  // in order.
  virtual std::vector<SendResult> place(std::span<const Order> orders) = 0;
  // Asks for a cancel. kAccepted: asked, the outcome comes as a report; kRejected: refused.
  virtual SendResult cancel(const Order& order) = 0;
  // Asks for a change. kAccepted: asked, the outcome comes as a report; kRejected: refused.
  // An order keeps the ext_order_id of its acknowledgement for life. A connector whose broker gives a changed
  // order a new id maps that back in reports, look-ups and the book, and shows one row, the order as changed.
  // Where it does not, executions under the new id still count, but cancels and further changes name the
  // first one, and the book shows a duplicate.
  virtual SendResult replace(const Order& order, const ReplaceRequest& request) = 0;
  // Finds an order by its client order id: by key (enforced, windowed) or by label in the day's list (tag
  // echo). Never by look-alike.
  [[nodiscard]] virtual LookUp look_up(const std::string& client_order_id) = 0;
  // The broker's own view: the orders of its day (or longer), with every execution it knows of them.
  // Throws Error(broker_in_doubt) when the broker did not answer.
  struct Book {
    std::vector<BrokerOrder> orders;
    std::vector<Execution> executions;       // order_id is not set; ref by `ext_order_ids`
    std::vector<std::string> ext_order_ids;  // of executions[i]
    // Orders sent before this are not in it (a list of the day); nullopt: all that the broker ever had.
    std::optional<Timestamp> from;
  };
  [[nodiscard]] virtual Book book() = 0;
  // News after `cursor` ("" = from the beginning of what the broker keeps).
  [[nodiscard]] virtual ReportPage poll(const std::string& cursor) = 0;
  // Not null for a mock.
  [[nodiscard]] virtual SimulatedBroker* simulator() { return nullptr; }
};

}  // namespace orchestrator
