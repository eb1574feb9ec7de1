// What a mock broker remembers: its orders, their executions, and a log of everything it has to report.
//
// Invariants: an order keeps its number and ids for ever; numbers count from 1 per broker; report sequence
// numbers of one broker grow by one and never repeat, not even when a ledger is thrown away and begun
// anew (they start at the ledger's birth, in microseconds), so that an old cursor never hides new reports.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/broker_connector.hpp"

namespace orchestrator::brokers {

// The part of an order that changes.
struct LedgerOrderState {
  Quantity qty;
  std::optional<Price> price_limit;
  std::string status;  // the broker's own word
  std::string reason;
  Quantity fill_qty;
  Money fill_notional;
  std::int32_t execution_count = 0;
  std::optional<Price> due_price;  // the rest executes at this price when somebody polls next
  Timestamp updated_at;
};

struct LedgerOrder {
  std::int64_t number = 0;  // in order of arrival
  std::string ext_order_id;
  std::string client_order_id;
  std::string symbol;
  InstrumentId instrument_id = 0;
  Side side = Side::kBuy;
  std::int64_t multiplier = 1;
  Timestamp placed_at;
  LedgerOrderState state;
};

struct LedgerExecution {
  std::int64_t order_number = 0;
  std::int32_t number = 0;  // of this order, from 1
  std::string execution_id;
  Quantity qty;
  Price price;
  Money fees;
  Timestamp executed_at;
  ExecutionKind kind = ExecutionKind::kTrade;
  std::string ref_execution_id = {};  // of the same order; empty for a trade
};

struct LedgerReport {
  BrokerReport::Kind kind = BrokerReport::Kind::kAck;
  std::int64_t order_number = 0;
  std::int32_t execution_number = 0;  // kExecution
  std::optional<Quantity> qty;        // kReplaced: the terms in force from then on
  std::optional<Price> price_limit;
  Timestamp at;
};

// A report with what it points at.
struct LedgerNews {
  std::int64_t sequence = 0;
  LedgerReport report;
  std::string ext_order_id;
  std::string client_order_id;
  std::string reason;         // the order's, as it stands now
  LedgerExecution execution;  // kExecution
};

// One consistent view of one broker's part of a ledger.
class LedgerReader {
 public:
  virtual ~LedgerReader() = default;
  // These will be looked for by their client order ids, soon and in this order: only a hint.
  virtual void expect(std::span<const Order> /*orders*/) {}
  // Orders placed under this client order id or given it later by add_alias(), oldest first.
  virtual std::vector<LedgerOrder> find_by_client_order_id(const std::string& client_order_id) = 0;
  virtual std::optional<LedgerOrder> find_by_ext_order_id(const std::string& ext_order_id) = 0;
  virtual std::optional<LedgerOrder> find_by_number(std::int64_t number) = 0;
  // Oldest first.
  virtual std::vector<LedgerOrder> orders() = 0;
  virtual std::vector<LedgerExecution> executions() = 0;  // by order number, then number
  virtual std::vector<LedgerExecution> executions_of(std::int64_t order_number) = 0;
  virtual std::vector<LedgerOrder> due_orders(std::size_t limit) = 0;
  // The sequence number of the latest report; without any, one less than the first will get.
  virtual std::int64_t last_report() = 0;
  virtual std::vector<LedgerNews> news(std::int64_t after, std::size_t limit) = 0;
};

class LedgerTransaction : public LedgerReader {
 public:
  // The number that add_order() expects next.
  virtual std::int64_t next_order_number() = 0;
  virtual void add_order(LedgerOrder&& order) = 0;
  virtual void update_order(std::int64_t number, const LedgerOrderState& state) = 0;
  virtual void add_alias(std::int64_t number, const std::string& client_order_id) = 0;
  virtual void add_execution(LedgerExecution execution) = 0;
  virtual void add_report(const LedgerReport& report) = 0;
};

// Called from any thread. Throws Error: one whose next_step() is kCallAgain or kChangeSomething when
// nothing happened, kRecover when the transaction may stand all the same.
class Ledger {
 public:
  virtual ~Ledger() = default;
  virtual void read(const std::function<void(LedgerReader&)>& work) = 0;
  // One all-or-nothing transaction; no other write to the ledger, from any process, runs beside it. The
  // work must do what can throw (fees, look-ups) before its first change: the memory ledger keeps changes
  // already made, only the file takes them back.
  virtual void write(const std::function<void(LedgerTransaction&)>& work) = 0;
};

// `created_at` is the ledger's birth if it has to be made.
[[nodiscard]] std::unique_ptr<Ledger> make_memory_ledger(Timestamp created_at);

// The part of `broker` in a file that several brokers, connectors and processes may share. Throws Error:
// storage_*, foreign_database, schema_too_new. Exists only in builds with SQLite.
[[nodiscard]] std::unique_ptr<Ledger> open_sqlite_ledger(const std::string& path, const std::string& broker,
                                                         Timestamp created_at);

// `name` is "memory:" or a file; see MockBrokerOptions::ledger. Throws Error(unsupported) for a file in a
// build without SQLite.
[[nodiscard]] std::unique_ptr<Ledger> open_ledger(const std::string& name, const std::string& broker,
                                                  Timestamp created_at);

}  // namespace orchestrator::brokers
