// The records: what a caller asks for (OrderRequest, BatchRequest), what is stored (Order, OrderBatch,
// Execution), what an accepted request answers (Receipt), and the reference data an order is checked
// against (Instrument, BrokerConnectorConfig, PortfolioLimits, ...).
//
// Field names are those of the service's specification and are the same in JSON, SQL, CLI and Python.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/decimal.hpp"
#include "orchestrator/error.hpp"
#include "orchestrator/types.hpp"

namespace orchestrator {

// One order as the caller wants it.
struct OrderRequest {
  InstrumentId instrument_id = 0;
  Quantity qty = {};
  Side side = Side::kBuy;
  std::optional<Price> price_limit = {};  // per unit, in the instrument's currency
  std::optional<Price> stop_price = {};   // trigger of stop and stop_limit orders
  OrderType order_type = OrderType::kLimit;
  TimeInForce time_in_force = TimeInForce::kDay;
  std::string broker = {};  // empty: the router chooses
  bool slice = false;       // true: a quantity above the freeze quantity becomes several orders

  friend bool operator==(const OrderRequest&, const OrderRequest&) = default;
};

// What to do when some orders of a batch do not validate.
enum class BatchPolicy : std::uint8_t {
  kAll,   // "all": one bad order refuses the whole batch, nothing is written
  kEach,  // "each": bad orders are reported in the receipt, the good ones are placed
};
[[nodiscard]] std::string_view to_string(BatchPolicy policy);
[[nodiscard]] std::optional<BatchPolicy> parse_batch_policy(std::string_view text);

// A request to place a batch.
struct BatchRequest {
  PortfolioId portfolio_id = 0;
  std::vector<OrderRequest> orders = {};
  // 1 to 255 visible ASCII characters. Empty: a fresh key is made and returned; two equal requests
  // without keys are two batches.
  std::string idempotency_key = {};
  UserId user_id = 0;  // 0: not said
  BatchPolicy policy = BatchPolicy::kAll;
  std::string tenant = "default";  // keys, batches and orders of different tenants never meet; see kTenantMax

  friend bool operator==(const BatchRequest&, const BatchRequest&) = default;
};

// The longest tenant, in bytes; one that is longer is refused with invalid_argument.
inline constexpr std::size_t kTenantMax = 255;

// A stored order. `qty`, prices and money are exact.
struct Order {
  OrderId id = 0;
  BatchId batch_id = 0;
  std::int32_t leg = 0;  // position in the batch, from 0
  std::string tenant;
  PortfolioId portfolio_id = 0;
  std::string broker;
  std::string client_order_id;  // ours: 20 characters, unique for ever, the same on every attempt
  std::string ext_order_id;     // the broker's; empty until it is known
  InstrumentId instrument_id = 0;
  std::string symbol;  // as the broker knows it; "#<instrument_id>" for an instrument without a row
  Side side = Side::kBuy;
  OrderType order_type = OrderType::kLimit;
  TimeInForce time_in_force = TimeInForce::kDay;
  Quantity qty;
  std::optional<Price> price_limit;
  std::optional<Price> stop_price;
  std::int64_t multiplier = 1;  // the instrument's, when the order was accepted
  OrderStatus status = OrderStatus::kPlaced;

  Quantity fill_qty;      // sum of the effective executions
  Money fill_notional;    // sum of price x quantity of the effective executions
  Money fees;             // sum of their fees
  Money margin_reserved;  // what this order still holds of its portfolio's margin
  std::string reason;     // why it was rejected, parked or ended, in the broker's words or ours

  // How the broker ended it: cancelled, rejected or expired. Kept beside `status`, which also weighs the
  // executions: an order that the broker cancelled is still `filled` when all of it had executed.
  std::optional<OrderStatus> ended_as;
  // What was asked of the broker and is not answered yet (status cancel_pending, replace_pending).
  bool cancel_requested = false;
  std::optional<Quantity> pending_qty;
  std::optional<Price> pending_price_limit;
  std::int32_t replace_count = 0;  // lawful changes so far; part of the client order id sent with each

  // Exceptions that a person should look at; each is an event of its own as well.
  bool overfilled = false;  // executed more than ordered
  bool late_fill = false;   // executed after the order had ended
  bool busted = false;      // an execution was taken back or corrected
  bool parked = false;      // in doubt at a broker that cannot tell: waits for a person
  bool incident = false;    // the broker said what cannot be, a second order id for one order: see `reason`

  // The claim: who may send, on which attempt, until when. A result under an older epoch changes nothing.
  std::int32_t attempt = 0;
  std::int64_t lease_epoch = 0;
  std::int64_t lease_owner = 0;
  std::optional<Timestamp> lease_until;

  Timestamp created_at;
  std::optional<Timestamp> submitted_at;  // last claim, or when its answer failed to come
  std::optional<Timestamp> acked_at;
  std::optional<Timestamp> executed_at;  // last execution, in the broker's time
  std::optional<Timestamp> ended_at;     // filled, cancelled, rejected or expired
  std::optional<Timestamp> settled_at;

  std::int64_t version = 0;  // +1 with every change: compare-and-set
  std::int32_t event_seq = 0;

  // Volume-weighted average of the executions, rounded half-even to nine decimals; nullopt without any.
  [[nodiscard]] std::optional<Price> fill_price() const;
  [[nodiscard]] Quantity remaining_qty() const;  // never negative
};

// A stored batch.
struct OrderBatch {
  BatchId id = 0;
  std::string tenant;
  UserId user_id = 0;
  PortfolioId portfolio_id = 0;
  std::string idempotency_key;
  std::string orders_json;  // the orders as they were asked for
  BatchStatus status = BatchStatus::kPending;
  Timestamp created_at;

  // Counts of the batch's orders by how they stand; `status` derives from them.
  std::int32_t total_orders = 0;
  std::int32_t open_orders = 0;       // not ended yet
  std::int32_t filled_orders = 0;     // filled or settled in full
  std::int32_t executed_orders = 0;   // cancelled or expired after some execution
  std::int32_t cancelled_orders = 0;  // cancelled or expired with nothing executed
  std::int32_t rejected_orders = 0;

  std::int64_t version = 0;
  std::int32_t event_seq = 0;
};

// What an execution report does to the book: trade | bust | correct.
enum class ExecutionKind : std::uint8_t {
  kTrade,    // so much at this price
  kBust,     // takes execution `ref_execution_id` back
  kCorrect,  // replaces execution `ref_execution_id` by this quantity and price
};
[[nodiscard]] std::string_view to_string(ExecutionKind kind);
[[nodiscard]] std::optional<ExecutionKind> parse_execution_kind(std::string_view text);

// One execution, as the broker reported it. Never changed and never deleted: a bust or correction is an
// entry of its own that points at what it takes back. Unique by (broker, account, execution_id).
struct Execution {
  std::string broker = {};
  std::string account = {};
  std::string execution_id = {};
  OrderId order_id = 0;
  ExecutionKind kind = ExecutionKind::kTrade;
  std::string ref_execution_id = {};  // empty for a trade
  Quantity qty = {};
  Price price = {};
  Money fees = {};
  Timestamp executed_at = {};  // the broker's time
  Timestamp recorded_at = {};  // ours
};

// The answer to an accepted request. Composed once, stored with the batch, replayed byte for byte, and
// therefore without any broker result: follow an order with get / list / events.
struct Receipt {
  struct Leg {
    std::size_t index = 0;  // of the request
    OrderId id = 0;         // 0: not placed, see violations
    std::string client_order_id;
    InstrumentId instrument_id = 0;
    Side side = Side::kBuy;
    Quantity qty;
    std::optional<Price> price_limit;
    std::string broker;          // proposed routing ...
    std::string routing_reason;  // ... and why
    std::vector<Violation> violations;
  };
  BatchId batch_id = 0;
  PortfolioId portfolio_id = 0;
  std::string idempotency_key;
  Timestamp created_at;
  std::vector<Leg> orders;
  std::vector<Violation> warnings;

  bool replayed = false;  // not part of the stored bytes
  std::string json;       // the stored bytes
};

// --- reference data -------------------------------------------------------------------------------

// What can be traded and in which steps. An instrument without a row gets the defaults below unless the
// validator is strict.
struct Instrument {
  InstrumentId id = 0;
  std::string symbol = {};
  std::string exchange = {};
  std::string currency = "INR";
  Quantity lot_size = Quantity::from_int(1);     // smallest quantity and step
  Price tick_size = Price::from_units(1);        // price step; the default allows every representable price
  std::optional<Price> price_band_low = {};      // inclusive
  std::optional<Price> price_band_high = {};     // inclusive
  std::optional<Price> last_price = {};          // reference of the collar and of market orders
  std::optional<Quantity> freeze_quantity = {};  // largest quantity of a single order
  std::int64_t multiplier = 1;                   // units of the underlying in one unit of quantity, >= 1

  friend bool operator==(const Instrument&, const Instrument&) = default;
};

// A broker connector's settings row. `config_json` is the connector's own and is checked by it.
struct BrokerConnectorConfig {
  std::int64_t id = 0;
  std::string broker_name = {};
  std::string config_json = "{}";
  bool active = true;
  Timestamp created_at = {};
  Timestamp updated_at = {};
};

// Limits of one portfolio; portfolio_id 0 holds the defaults of all portfolios without a row. Absent: no
// limit. Notional is price x quantity x multiplier.
struct PortfolioLimits {
  PortfolioId portfolio_id = 0;
  std::optional<Money> margin_available = {};
  Rate margin_rate = Rate::from_int(1);       // margin needed per unit of notional (the mock margin model)
  std::optional<Quantity> max_quantity = {};  // per order
  std::optional<Money> max_notional_order = {};
  std::optional<Money> max_notional_batch = {};
  std::optional<Money> max_notional_day = {};  // accepted per UTC day

  friend bool operator==(const PortfolioLimits&, const PortfolioLimits&) = default;
};

// What a portfolio uses of its limits now.
struct PortfolioUsage {
  PortfolioId portfolio_id = 0;
  Money margin_reserved = {};
  Date day = {};  // of day_notional; another day's figure counts as zero
  Money day_notional = {};
};

// One routing rule; the first that matches (lowest priority number, then lowest id) decides. Absent
// conditions match everything. Targets are tried by weight, then in order when one is not available.
struct RoutingRule {
  struct Target {
    std::string broker;
    std::int32_t weight = 1;  // 0: only when the others are not available
    friend bool operator==(const Target&, const Target&) = default;
  };
  std::int64_t id = 0;
  std::int32_t priority = 100;
  std::optional<InstrumentId> instrument_id = {};
  std::optional<std::string> exchange = {};
  std::optional<PortfolioId> portfolio_id = {};
  std::vector<Target> targets = {};

  friend bool operator==(const RoutingRule&, const RoutingRule&) = default;
};

// What a stop switch stops: all | portfolio | broker.
enum class ControlScope : std::uint8_t { kAll, kPortfolio, kBroker };
[[nodiscard]] std::string_view to_string(ControlScope scope);
[[nodiscard]] std::optional<ControlScope> parse_control_scope(std::string_view text);

// What a stop switch still lets through: cancel_only | halt. The later one stops more.
enum class HaltMode : std::uint8_t {
  kCancelOnly,  // cancels leave; new orders and changes do not
  kHalt,        // nothing leaves; brokers are still asked and listened to
};
[[nodiscard]] std::string_view to_string(HaltMode mode);
[[nodiscard]] std::optional<HaltMode> parse_halt_mode(std::string_view text);

// A stop switch that is on. Checked inside the transaction that claims orders for sending or notes a request,
// and again before each request: once `halt` has returned, only what is on the wire still arrives.
struct Halt {
  ControlScope scope = ControlScope::kAll;
  std::string target = {};  // portfolio id or broker name; empty for kAll
  std::string reason = {};
  Timestamp since = {};
  HaltMode mode = HaltMode::kHalt;
  std::string by = {};  // who; empty: the store's attribution

  friend bool operator==(const Halt&, const Halt&) = default;
};

}  // namespace orchestrator
