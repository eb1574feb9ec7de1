// T1: a batch, its orders, its key, its margin and its events in one commit.
//
// Everything that can refuse the batch is asked before the first write, with one exception: a client order
// id that exists shows when its order is inserted. The commit queue then takes back what was written.

#include "adapters/sqlite/rows.hpp"
#include "adapters/sqlite/sqlite_store.hpp"
#include "core/failpoint.hpp"
#include "core/store_rules.hpp"

namespace orchestrator::sqlite {
namespace {

class Accept {
 public:
  explicit Accept(AcceptUnit& unit) : unit_(unit) {}

  bool run(WriteTransaction& transaction, std::int64_t reference_version) {
    result_ = {};
    if (!may_write(transaction, reference_version)) return false;
    compose_once(transaction);
    ORCHESTRATOR_FAILPOINT("accept.before_commit");
    if (!insert(transaction)) return false;
    ORCHESTRATOR_FAILPOINT("accept.in_commit");
    return true;
  }

  AcceptResult take_result() { return std::move(result_); }

 private:
  bool refuse(AcceptResult::Status status, std::string detail) {
    result_.status = status;
    result_.detail = std::move(detail);
    return false;
  }

  bool may_write(WriteTransaction& transaction, std::int64_t reference_version) {
    result_.existing = read_idempotency(transaction.connection(), unit_.idempotency.scope);
    if (result_.existing) return refuse(AcceptResult::Status::kKeyExists, {});
    if (unit_.reference_version != 0 && unit_.reference_version != reference_version) {
      return refuse(AcceptResult::Status::kReferenceChanged, {});
    }
    if (const Halt* halt = covering_halt(transaction.halts(), unit_.orders)) {
      return refuse(AcceptResult::Status::kHalted, describe(*halt));
    }
    const PortfolioId portfolio_id = unit_.batch.portfolio_id;
    const PortfolioUsage usage = read_usage(transaction.connection(), portfolio_id)
                                     .value_or(PortfolioUsage{.portfolio_id = portfolio_id});
    result_.usage = usage_with(usage, unit_);
    if (auto limit = broken_limit(unit_.limits, result_.usage)) {
      result_.usage = usage;
      return refuse(AcceptResult::Status::kLimit, std::move(*limit));
    }
    return true;
  }

  // Once, though the unit may run twice: the receipt that compose() wrote holds these numbers.
  void compose_once(WriteTransaction& transaction) {
    if (!composed_) {
      composed_ = true;
      try {
        compose(transaction);
      } catch (...) {
        refusal_ = std::current_exception();
      }
    }
    if (refusal_) std::rethrow_exception(refusal_);
  }

  void compose(WriteTransaction& transaction) {
    Sequences& last = transaction.sequences();
    unit_.batch.id = ++last.batch;
    unit_.idempotency.batch_id = unit_.batch.id;
    for (Order& order : unit_.orders) {
      order.id = ++last.order;
      order.batch_id = unit_.batch.id;
    }
    if (unit_.compose) unit_.compose(unit_);
    check_composed(unit_);
    for (EventRow& event : unit_.events) event.id = ++last.event;
  }

  bool insert(WriteTransaction& transaction) {
    Connection& connection = transaction.connection();
    insert_batch(connection, unit_.batch, unit_.orders.front().id, unit_.orders.back().id);
    for (const Order& order : unit_.orders) {
      if (!insert_order(connection, order)) {
        return refuse(AcceptResult::Status::kDuplicateOrderId,
                      "client order id " + order.client_order_id + " exists already");
      }
    }
    insert_idempotency(connection, unit_.idempotency);
    put_usage(connection, result_.usage);
    for (const EventRow& event : unit_.events) insert_event(connection, event);
    return true;
  }

  AcceptUnit& unit_;
  AcceptResult result_;
  bool composed_ = false;
  std::exception_ptr refusal_;
};

}  // namespace

AcceptResult SqliteStore::accept(AcceptUnit& unit) {
  check_consistent(unit);
  Accept accept(unit);
  write([&accept, this](WriteTransaction& transaction) {
    // Nobody else can change it during this turn, and a unit before this one in the same commit has.
    return accept.run(transaction, transaction.reference_changed() ? 0 : reference_version());
  });
  AcceptResult result = accept.take_result();
  if (result.status == AcceptResult::Status::kAccepted) ORCHESTRATOR_FAILPOINT("accept.committed");
  return result;
}

}  // namespace orchestrator::sqlite
