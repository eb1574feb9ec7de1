// What both mock brokers share. A Personality says in what they differ.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/brokers/ledger.hpp"
#include "adapters/brokers/mock_settings.hpp"
#include "adapters/brokers/request_faults.hpp"
#include "orchestrator/backends/mock_brokers.hpp"
#include "orchestrator/broker_connector.hpp"
#include "orchestrator/clock.hpp"

namespace orchestrator::brokers {

// The broker's own words for how an order stands.
struct StatusWords {
  std::string_view working;
  std::string_view partially_filled;
  std::string_view filled;
  std::string_view cancelled;
  std::string_view rejected;
};

// Called from any thread.
class Personality {
 public:
  virtual ~Personality() = default;
  [[nodiscard]] virtual BrokerCapabilities capabilities() const = 0;  // before the settings
  [[nodiscard]] virtual StatusWords words() const = 0;
  // The broker's word in ours.
  [[nodiscard]] virtual OrderStatus status_of(const LedgerOrder& order) const = 0;
  // Why the broker's field cannot hold this id; empty: it can.
  [[nodiscard]] virtual std::string client_order_id_error(const std::string& client_order_id) const = 0;
  [[nodiscard]] virtual std::string ext_order_id(std::int64_t number, const std::string& client_order_id,
                                                 std::uint64_t seed, Timestamp now) const = 0;
  [[nodiscard]] virtual std::string execution_id(const std::string& ext_order_id, std::int32_t number,
                                                 std::uint64_t seed) const = 0;
  // book() and look_up() show the orders placed since then; nullopt: all.
  [[nodiscard]] virtual std::optional<Timestamp> book_from(Timestamp now) const = 0;
  // Whether an order refused for its instrument shows up there too.
  [[nodiscard]] virtual bool keeps_refused() const = 0;
  // Whether a change carries a client order id of its own.
  [[nodiscard]] virtual bool names_changes() const = 0;
};

// Where a poll goes on: after the report with this sequence number, with those before it that the fault
// script holds back. Its text is SEQUENCE, then "+SEQUENCE*POLLS" for each of them.
struct PollCursor {
  struct Held {
    std::int64_t sequence = 0;
    std::int64_t polls = 0;  // that are still to pass it over
  };
  std::int64_t sequence = 0;
  std::vector<Held> held = {};
};

class MockBroker final : public BrokerConnector, public SimulatedBroker {
 public:
  MockBroker(std::unique_ptr<Personality> personality, const MockBrokerOptions& options, Clock& clock);

  [[nodiscard]] const BrokerCapabilities& capabilities() const override { return capabilities_; }
  std::vector<SendResult> place(std::span<const Order> orders) override;
  SendResult cancel(const Order& order) override;
  SendResult replace(const Order& order, const ReplaceRequest& request) override;
  [[nodiscard]] LookUp look_up(const std::string& client_order_id) override;
  [[nodiscard]] Book book() override;
  [[nodiscard]] ReportPage poll(const std::string& cursor) override;
  [[nodiscard]] SimulatedBroker* simulator() override { return this; }
  Execution simulate_fill(const std::string& ext_order_id, Quantity qty, Price price) override;

 private:
  // The broker's side of a request, inside one ledger transaction.
  SendResult accept(LedgerTransaction& ledger, const Order& order, Timestamp now);
  SendResult refuse_blocked(LedgerTransaction& ledger, LedgerOrder row);
  SendResult end(LedgerTransaction& ledger, const Order& order);
  SendResult change(LedgerTransaction& ledger, const Order& order, const ReplaceRequest& request);

  // Executions: the order as it stands afterwards; record_executions() writes them.
  [[nodiscard]] const Fault* fault_of(FaultKind kind, const LedgerOrder& order) const;
  [[nodiscard]] std::vector<LedgerExecution> apply_fill_model(LedgerOrder& order, Timestamp now) const;
  [[nodiscard]] std::vector<LedgerExecution> execute(LedgerOrder& order, Quantity qty, Price price,
                                                     Timestamp now) const;
  [[nodiscard]] std::vector<LedgerExecution> execute_after_cancel(LedgerOrder& order, Timestamp now) const;
  LedgerExecution next_execution(LedgerOrder& order, Timestamp now) const;
  LedgerExecution trade(LedgerOrder& order, Quantity qty, Price price, Timestamp now) const;
  LedgerExecution take_back(LedgerOrder& order, const LedgerExecution& of, ExecutionKind kind, Quantity qty,
                            Price price, Timestamp now) const;
  void restate(LedgerOrder& order, Timestamp now) const;
  static void record_executions(LedgerTransaction& ledger, const std::vector<LedgerExecution>& executions);
  void execute_due();

  // The connector's side: what it makes of the broker's answers.
  SendResult send(Moment moment, const std::string& symbol, const std::function<SendResult()>& carry_out);
  std::vector<SendResult> accept_all(std::span<const Order> orders);
  void ask(Moment moment);
  [[nodiscard]] SendResult adopt(const LedgerOrder& existing, const Order& order) const;
  [[nodiscard]] std::string input_error(const Order& order) const;
  [[nodiscard]] std::string change_error(const LedgerOrder& order, Quantity qty,
                                         const std::optional<Price>& price_limit) const;
  [[nodiscard]] bool fees_fit(Price price, Quantity qty, std::int64_t multiplier) const;
  [[nodiscard]] bool working(const LedgerOrder& order) const;
  [[nodiscard]] LedgerOrder make_row(std::int64_t number, const Order& order, Timestamp now) const;
  [[nodiscard]] BrokerOrder to_broker_order(const LedgerOrder& order) const;
  [[nodiscard]] Execution to_execution(const LedgerExecution& execution) const;
  [[nodiscard]] Execution to_execution(LedgerReader& ledger, const LedgerOrder& order,
                                       const LedgerExecution& execution) const;
  [[nodiscard]] BrokerReport to_report(const LedgerNews& news) const;
  void fill_book(LedgerReader& ledger, Book& book) const;
  void add_faulty_reports(LedgerReader& ledger, PollCursor& cursor, const std::vector<LedgerNews>& news,
                          bool more, std::vector<BrokerReport>& reports) const;
  [[nodiscard]] bool may_be_held(LedgerReader& ledger, const LedgerNews& item) const;
  [[nodiscard]] bool is_held(LedgerReader& ledger, const LedgerNews& item, std::int64_t polls,
                             const std::vector<LedgerNews>& page, bool more) const;
  void tell_ack(const LedgerOrder& order, std::vector<BrokerReport>& reports) const;
  void tell_trade(LedgerReader& ledger, const LedgerOrder& order, std::vector<BrokerReport>& reports) const;
  void tell(LedgerReader& ledger, const LedgerNews& item, std::vector<BrokerReport>& reports) const;

  const std::unique_ptr<const Personality> personality_;
  BrokerCapabilities capabilities_;
  const MockSettings settings_;
  Clock& clock_;
  RequestFaults request_faults_;
  const std::unique_ptr<Ledger> ledger_;
};

}  // namespace orchestrator::brokers
