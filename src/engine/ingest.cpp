// T4. An execution counts once per (broker, account, execution id): the key decides, not the report. An
// order is found by the broker's id or by our own, never by what it looks like. Everything else that a
// report says is idempotent by the lifecycle table, so a page may be applied twice.
#include "engine/ingest.hpp"

#include <algorithm>
#include <tuple>

#include "core/failpoint.hpp"
#include "core/planted_bugs.hpp"
#include "core/request_identity.hpp"
#include "engine/broker_calls.hpp"
#include "engine/broker_texts.hpp"
#include "engine/change_set.hpp"
#include "engine/evidence.hpp"
#include "engine/incident.hpp"
#include "engine/order_change.hpp"

namespace orchestrator::engine {
namespace {

// One unit's worth of reports being applied.
class Application {
 public:
  Application(Context& context, Timestamp now, Search search)
      : context_(context), now_(now), search_(search), changes_(*context.store, now) {}

  // False: no order of ours matches. Throws Error(invalid_argument) for a report that cannot be true.
  bool apply(const BrokerReport& given) {
    const BrokerReport report = checked(given);
    Order* order = find(report);
    if (order == nullptr) return false;
    const std::int32_t events_before = order->event_seq;
    const std::size_t executions_before = changes_.unit().executions.size();
    // The acknowledgement of a change may bring an id of its own, although the connector should map it back.
    const bool of_change = order->replace_count > 0 && report.client_order_id != order->client_order_id;
    if (report.kind == BrokerReport::Kind::kAck && !of_change) {
      check_acknowledgement(changes_, *order, report.ext_order_id, now_);
    }
    if (report.kind == BrokerReport::Kind::kExecution) {
      apply_execution(*order, report);
    } else {
      apply_word(*order, signal_of(report));
    }
    const bool booked = changes_.unit().executions.size() != executions_before;
    if (booked || order->event_seq != events_before) ++changed_;
    return true;
  }

  // How many of the reports changed anything.
  [[nodiscard]] std::size_t changed() const { return changed_; }
  ChangeSet& changes() { return changes_; }

 private:
  [[nodiscard]] BrokerReport checked(BrokerReport report) const {
    const auto refuse = [&](const std::string& what) {
      throw Error(ErrorCode::kInvalidArgument, "report of " + report.broker + " about order '" +
                                                   shortened(report.ext_order_id + report.client_order_id) +
                                                   "' " + what);
    };
    if (const std::string* id = unkept_id(report)) refuse("has an id or account " + why_not_kept(*id));
    report.reason = bounded_reason(report.reason);
    if (const BrokerConnector* broker = context_.broker(report.broker)) {
      const std::string& account = broker->capabilities().account;
      if (report.account.empty()) report.account = account;
      if (report.account != account)
        refuse("names account '" + shortened(report.account) + "', not '" + account + "'");
    }
    if (report.qty && !report.qty->is_positive()) refuse("has a quantity that is not above zero");
    // An order with such a time could not be shown any more.
    if (!has_text(report.at)) refuse("has a time outside the years 0000 to 9999");
    if (report.kind != BrokerReport::Kind::kExecution) return report;
    if (report.execution.execution_id.empty()) refuse("has an execution without an id");
    if (report.execution.kind != ExecutionKind::kBust && !report.execution.qty.is_positive()) {
      refuse("has an execution of " + report.execution.qty.to_string());
    }
    return report;
  }

  Order* find(const BrokerReport& report) {
    // Some brokers start their ids again every day: the newest order is meant.
    OrderQuery by_ext{
        .broker = report.broker, .ext_order_id = report.ext_order_id, .newest_first = true, .limit = 1};
    OrderQuery by_client{
        .broker = report.broker, .client_order_id = placed_as(report.client_order_id), .limit = 1};
    std::vector<Order> rows;
    if (!report.client_order_id.empty()) rows = context_.store->orders(by_client);
    if (rows.empty() && by_ext_order_id(report)) rows = context_.store->orders(by_ext);
    return rows.empty() ? nullptr : &changes_.take(std::move(rows.front()));
  }

  // At a broker that names our id the look-up would go through the whole book: only for a report without it,
  // which somebody handed in or which is not about an order of ours.
  [[nodiscard]] bool by_ext_order_id(const BrokerReport& report) const {
    if (report.ext_order_id.empty()) return false;
    const BrokerConnector* broker = context_.broker(report.broker);
    if (broker == nullptr || !broker->capabilities().reports_name_our_id) return true;
    return report.client_order_id.empty() && search_ == Search::kThorough;
  }

  // An ending is about the attempt that the broker heard of, which need not be the one without an answer, nor
  // the one it works on: then its book decides.
  void apply_word(Order& order, const Signal& signal) {
    const bool ends = signal.kind == OrderSignal::kReject || signal.kind == OrderSignal::kCancel ||
                      signal.kind == OrderSignal::kExpire;
    const bool under_way = signal.kind == OrderSignal::kReject && order.status == OrderStatus::kSubmitting &&
                           earlier_attempt_in_doubt(order);
    if (under_way || (ends && of_another_attempt(order, signal))) {
      return context_.resync_pace.hasten(order.broker);
    }
    if (signal.kind != OrderSignal::kReject || !earlier_attempt_in_doubt(order)) {
      changes_.apply(order, signal);
      return;
    }
    changes_.apply(order, make_signal(OrderSignal::kInDoubt, signal.at, signal.reason));
    changes_.apply(order, refused_again(signal.at, signal.reason));
  }

  static Signal signal_of(const BrokerReport& report) {
    Signal signal;
    signal.at = report.at;
    signal.ext_order_id = report.ext_order_id;
    signal.reason = report.reason;
    signal.qty = report.qty;
    signal.price_limit = report.price_limit;
    switch (report.kind) {
      case BrokerReport::Kind::kAck:
        signal.kind = OrderSignal::kAck;
        break;
      case BrokerReport::Kind::kReject:
        signal.kind = OrderSignal::kReject;
        break;
      case BrokerReport::Kind::kCancelled:
        signal.kind = OrderSignal::kCancel;
        break;
      case BrokerReport::Kind::kCancelRefused:
        signal.kind = OrderSignal::kCancelRefused;
        break;
      case BrokerReport::Kind::kExpired:
        signal.kind = OrderSignal::kExpire;
        break;
      case BrokerReport::Kind::kReplaced:
        signal.kind = OrderSignal::kReplace;
        break;
      case BrokerReport::Kind::kReplaceRefused:
        signal.kind = OrderSignal::kReplaceRefused;
        break;
      case BrokerReport::Kind::kExecution:
        break;
    }
    return signal;
  }

  [[nodiscard]] bool known(const Execution& execution) {
    const auto same = [&](const Execution& other) {
      return other.execution_id == execution.execution_id && other.account == execution.account &&
             other.broker == execution.broker;
    };
    const auto added = std::ranges::find_if(changes_.unit().executions, same);
    std::optional<Execution> booked;
    if (added != changes_.unit().executions.end()) {
      booked = *added;
    } else {
      booked = context_.store->execution(execution.broker, execution.account, execution.execution_id);
    }
    if (booked && booked->order_id != execution.order_id) {
      throw Error(ErrorCode::kInvalidArgument,
                  "execution " + execution.execution_id + " of order " + std::to_string(execution.order_id) +
                      " is booked to order " + std::to_string(booked->order_id) + " already");
    }
    return booked.has_value();
  }

  // All executions of the order, those of this unit included.
  std::vector<Execution> executions_of(const Order& order) {
    auto all = context_.store->executions(std::span(&order.id, 1));
    for (const Execution& execution : changes_.unit().executions) {
      if (execution.order_id == order.id) all.push_back(execution);
    }
    return all;
  }

  void apply_execution(Order& order, const BrokerReport& report) {
    Execution execution = report.execution;
    execution.broker = report.broker;
    execution.account = report.account;
    execution.order_id = order.id;
    execution.recorded_at = now_;
    if (known(execution)) return;
    // So may what a changed order executes.
    if (order.replace_count == 0) check_second_id(changes_, order, report.ext_order_id, now_);
    Signal signal;
    signal.at = report.at;
    signal.ext_order_id = report.ext_order_id;
    signal.execution = &execution;
    switch (execution.kind) {
      case ExecutionKind::kTrade:
        signal.kind = OrderSignal::kTrade;
        break;
      case ExecutionKind::kBust:
        signal.kind = OrderSignal::kBust;
        break;
      case ExecutionKind::kCorrect:
        signal.kind = OrderSignal::kCorrect;
        break;
    }
    auto all = executions_of(order);
    all.push_back(execution);
    signal.totals = fold(all);
    const bool overfilled_before = order.overfilled;
    changes_.apply(order, signal);
    if (order.overfilled && !overfilled_before) {
      stop_account(changes_, order, "it executed more than was ordered", now_);
    }
    if (execution.kind != ExecutionKind::kBust) check_execution_price(changes_, order, execution.price, now_);
    changes_.unit().executions.push_back(execution);
  }

  Context& context_;
  Timestamp now_;
  Search search_;
  ChangeSet changes_;
  std::size_t changed_ = 0;
};

// A report that can never become ours: it names a client order id that this deployment does not make.
bool foreign(const Context& context, const BrokerReport& report) {
  return !report.client_order_id.empty() && !report.client_order_id.starts_with(context.options.deployment);
}

// The same news, whenever it is said.
bool says_the_same(const BrokerReport& a, const BrokerReport& b) {
  const auto words = [](const BrokerReport& report) {
    const Execution& execution = report.execution;
    return std::tie(report.kind, report.broker, report.account, report.ext_order_id, report.client_order_id,
                    report.qty, report.price_limit, report.reason, execution.execution_id, execution.kind,
                    execution.ref_execution_id, execution.qty, execution.price, execution.fees);
  };
  return words(a) == words(b);
}

// Keeps what cannot be booked in the inbox for a person; once, because a broker says it again, and its book
// says it at every comparison.
class Quarantine {
 public:
  explicit Quarantine(Context& context) : context_(context) {}

  void add(const BrokerReport& given) {
    const BrokerReport report = bounded(given);
    if (!waiting_) waiting_ = context_.store->inbox(report.broker);
    const auto same = [&](const InboxReport& other) { return says_the_same(other.report, report); };
    if (std::ranges::any_of(*waiting_, same)) return;
    ChangeUnit unit;
    unit.inbox_add.push_back({0, report, context_.clock->now()});
    context_.store->commit(unit);
    waiting_->push_back(unit.inbox_add.back());
  }

 private:
  Context& context_;
  std::optional<std::vector<InboxReport>> waiting_;  // of the one broker that the reports are from
};

// Applies each report in a unit of its own. One that cannot be booked is put aside, and those behind it are
// applied all the same.
std::size_t apply_one_by_one(Context& context, std::span<const BrokerReport> reports,
                             const std::optional<BrokerCursor>& cursor) {
  std::size_t changed = 0;
  Quarantine quarantine(context);
  for (const BrokerReport& report : reports) {
    try {
      changed += apply_reports(context, std::span(&report, 1));
    } catch (const Error& error) {
      if (!about_the_data(error.code())) throw;
      context.latch.observe(error);
      quarantine.add(report);
    }
  }
  if (!cursor) return changed;
  ChangeUnit unit;
  unit.cursor = cursor;
  context.store->commit(unit);
  return changed;
}

// Applies those of the waiting reports that have found their order.
std::size_t apply_waiting(Context& context, std::span<const InboxReport> waiting, Search search) {
  std::size_t applied = 0;
  until_committed([&] {
    applied = 0;
    Application application(context, context.clock->now(), search);
    for (const InboxReport& report : waiting) {
      if (!application.apply(report.report)) continue;
      application.changes().unit().inbox_remove.push_back(report.id);
      ++applied;
    }
    if (application.changes().empty()) return CommitStatus::kCommitted;
    return application.changes().commit(context);
  });
  return applied;
}

}  // namespace

bool about_the_data(ErrorCode code) {
  return code == ErrorCode::kInvalidArgument || code == ErrorCode::kNumberOverflow ||
         code == ErrorCode::kInternal;
}

std::size_t apply_reports(Context& context, std::span<const BrokerReport> reports,
                          const std::optional<BrokerCursor>& cursor) {
  std::size_t changed = 0;
  until_committed([&] {
    const Timestamp now = context.clock->now();
    Application application(context, now, Search::kThorough);
    for (const BrokerReport& report : reports) {
      if (application.apply(report) || foreign(context, report)) continue;
      application.changes().unit().inbox_add.push_back({0, bounded(report), now});
    }
    application.changes().unit().cursor = cursor;
    changed = application.changed();
    if (application.changes().empty()) return CommitStatus::kCommitted;
    ORCHESTRATOR_FAILPOINT("ingest.before_commit");
    return application.changes().commit(context);
  });
  ORCHESTRATOR_FAILPOINT("ingest.committed");
  return changed;
}

std::size_t apply_or_quarantine(Context& context, std::span<const BrokerReport> reports,
                                const std::optional<BrokerCursor>& cursor) {
  try {
    return apply_reports(context, reports, cursor);
  } catch (const Error& error) {
    if (!about_the_data(error.code()) && error.code() != ErrorCode::kConflict) throw;
    return apply_one_by_one(context, reports, cursor);
  }
}

std::size_t drain_inbox(Context& context, const std::string& broker, Search search) {
  const auto waiting = context.store->inbox(broker);
  if (waiting.empty()) return 0;
  try {
    return apply_waiting(context, waiting, search);
  } catch (const Error& error) {
    if (!about_the_data(error.code())) throw;
  }
  std::size_t applied = 0;
  for (const InboxReport& report : waiting) {
    try {
      applied += apply_waiting(context, std::span(&report, 1), search);
    } catch (const Error& error) {  // it stays for a person
      if (!about_the_data(error.code())) throw;
      context.latch.observe(error);
    }
  }
  return applied;
}

std::size_t poll(Context& context, BrokerConnector& broker) {
  const BrokerCapabilities& capabilities = broker.capabilities();
  std::size_t reports = 0;
  for (bool more = true; more;) {
    const std::string cursor = context.store->cursor(capabilities.name, capabilities.account);
    std::optional<ReportPage> answer = fetch_news(context, broker, cursor);
    if (!answer) return reports;  // the next round asks again
    ReportPage& page = *answer;
    for (BrokerReport& report : page.reports) report.broker = capabilities.name;
    if (page.reports.empty() && page.cursor == cursor) return reports;
    ORCHESTRATOR_PLANT(
        kCursorFirst,
        apply_or_quarantine(context, {}, BrokerCursor{capabilities.name, capabilities.account, page.cursor}));
    apply_or_quarantine(context, page.reports,
                        BrokerCursor{capabilities.name, capabilities.account, page.cursor});
    reports += page.reports.size();
    more = page.more && page.cursor != cursor;
  }
  return reports;
}

}  // namespace orchestrator::engine
