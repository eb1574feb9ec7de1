// What the broker classes allow when an order is in doubt:
//   enforced; windowed, inside its window
//                        found: adopt. Not found, and the quiet period since the attempt is over: send again
//                        under the same client order id; should the first attempt surface after all, the
//                        broker refuses the second. Refused when sent again: parked, for the first attempt
//                        has no answer still.
//   tag echo; windowed, after its window
//                        found by our own tag: adopt. Not found: nothing refuses a second order, so it is
//                        never sent again; parked for a person once the quiet period is over.
//   none                 parked.
// No answer from the broker is no evidence: the order stays as it is, for as long as it takes.
#include "engine/recover.hpp"

#include <exception>
#include <map>
#include <span>

#include "core/failpoint.hpp"
#include "core/planted_bugs.hpp"
#include "engine/book_index.hpp"
#include "engine/broker_calls.hpp"
#include "engine/dispatch.hpp"
#include "engine/evidence.hpp"
#include "engine/ingest.hpp"
#include "engine/order_change.hpp"

namespace orchestrator::engine {
namespace {

// An order under our id that is not our order: somebody else makes the same ids at this account.
bool is_ours(const Order& order, const BrokerOrder& found) {
  return found.side == order.side && found.qty == order.qty &&
         (found.instrument_id == 0 || found.instrument_id == order.instrument_id);
}

bool still_unknown(const Order& order) { return order.status == OrderStatus::kUnknown; }

// What was found is about the attempts that it was asked about, not about one that was sent since.
bool not_sent_since(const Order& asked, const Order& row) {
  return still_unknown(row) && row.lease_epoch == asked.lease_epoch;
}

void park(Context& context, const Order& order, const std::string& why, RecoveryReport& report) {
  if (order.parked) return;
  const Timestamp now = context.clock->now();
  const auto still = [&](const Order& row) { return not_sent_since(order, row); };
  if (change_order(context, order, {make_signal(OrderSignal::kPark, now, why)}, still)) ++report.parked;
}

// Listed as refused, and another attempt than that one has no answer: the broker may take that one still,
// unless it refuses an id that it has seen.
bool may_be_an_earlier_one(const Context& context, const Order& order, const BrokerOrder& found) {
  if (found.status != OrderStatus::kRejected || !earlier_attempt_in_doubt(order)) return false;
  const BrokerConnector* broker = context.broker(order.broker);
  return broker == nullptr || broker->capabilities().broker_class != BrokerClass::kEnforced;
}

// What it executed before it ended comes with the book, should no report have told.
void hasten_executions(Context& context, const std::string& broker, const BrokerOrder& found) {
  if (is_terminal(found.status) && !found.fill_qty.is_zero()) context.resync_pace.hasten(broker);
}

void adopt(Context& context, const Order& order, const LookUp& answer, RecoveryReport& report) {
  if (!is_ours(order, answer.order)) {
    return park(context, order,
                "the broker has another order under this client order id (" + answer.order.ext_order_id +
                    "); check there and decide",
                report);
  }
  if (may_be_an_earlier_one(context, order, answer.order)) {
    return park(context, order,
                "the broker shows a refused order under this client order id (" + answer.order.ext_order_id +
                    "), which may be an earlier attempt; check there and decide",
                report);
  }
  const Timestamp now = context.clock->now();
  const bool refused = answer.order.status == OrderStatus::kRejected;
  const auto still = [&](const Order& row) {
    return refused ? not_sent_since(order, row) : still_unknown(row);
  };
  if (!change_order(context, order, evidence_of(answer.order, now), still)) return;
  ++report.adopted;
  hasten_executions(context, order.broker, answer.order);
}

// With many orders in doubt at one broker, one list call finds those that it has.
constexpr std::size_t kLookUpsMax = 10;
// A bounded pass reads so many orders, and asks about so many of them one by one.
constexpr std::size_t kReadOfPassMax = 20 * kPageSize;
constexpr std::size_t kAskedOfPassMax = 50;

class Evidence {
 public:
  explicit Evidence(Context& context) : context_(context) {}

  LookUp about(const Order& order, BrokerConnector& broker) {
    const BookIndex* book = book_of(order.broker, broker);
    const BrokerOrder* found = book == nullptr ? nullptr : book->by_client_order_id(order.client_order_id);
    if (found != nullptr) return {LookUp::Kind::kFound, *found, {}};
    return look_up(context_, broker, order.client_order_id);
  }
  bool several(const Order& order, BrokerConnector& broker) {
    const BookIndex* book = book_of(order.broker, broker);
    return book != nullptr && book->several(order.client_order_id);
  }
  // In the book that was fetched for many, and surely the one; nullptr: look it up.
  const BrokerOrder* listed(const Order& order, BrokerConnector& broker) {
    const BookIndex* book = book_of(order.broker, broker);
    const BrokerOrder* found = book == nullptr ? nullptr : book->by_client_order_id(order.client_order_id);
    const bool surely = found != nullptr && found->status != OrderStatus::kRejected && is_ours(order, *found);
    return surely ? found : nullptr;
  }

 private:
  const BookIndex* book_of(const std::string& name, BrokerConnector& broker) {
    auto [at, first] = books_.try_emplace(name);
    if (first) at->second = fetch_for_many(name, broker);
    return at->second.get();
  }

  std::unique_ptr<BookIndex> fetch_for_many(const std::string& name, BrokerConnector& broker) {
    const auto waiting = context_.store->orders(
        {.broker = name, .statuses = {OrderStatus::kUnknown}, .limit = kLookUpsMax + 1});
    if (waiting.size() <= kLookUpsMax) return nullptr;
    auto book = fetch_book(context_, broker);
    return book ? std::make_unique<BookIndex>(std::move(*book)) : nullptr;
  }

  Context& context_;
  std::map<std::string, std::unique_ptr<BookIndex>> books_;  // null: look each up
};

// What is parked waits for a person; that it may still turn up must not use up what the others need.
bool rests(Context& context, const Order& order) {
  return order.parked &&
         !context.look_up_pace.due(order.id, context.clock->monotonic(), context.options.resync_interval);
}

void resolve_one(Context& context, const Order& order, Evidence& evidence, RecoveryReport& report) {
  BrokerConnector* broker = context.broker(order.broker);
  if (broker == nullptr) {
    ++report.waiting;
    return;
  }
  const BrokerCapabilities& capabilities = broker->capabilities();
  if (capabilities.broker_class == BrokerClass::kNone) {
    return park(context, order, "this broker cannot be asked about an order; check there and decide", report);
  }
  if (!is_sender(context, capabilities)) {  // whoever is asks
    ++report.waiting;
    return;
  }
  const Timestamp asked_at = context.clock->now();  // an answer is of then, however long it takes
  if (evidence.several(order, *broker)) {
    return park(context, order,
                "the broker has several orders under this client order id; check there and decide", report);
  }
  if (order.parked) context.look_up_pace.asked(order.id, context.clock->monotonic());
  const LookUp answer = evidence.about(order, *broker);
  if (answer.kind == LookUp::Kind::kFound) return adopt(context, order, answer, report);
  if (ORCHESTRATOR_PLANTED(kNotFoundIsReject) && answer.kind == LookUp::Kind::kNotFound) {
    change_order(context, order, {make_signal(OrderSignal::kReject, order.created_at)}, still_unknown);
  }
  const bool quiet = order.submitted_at && asked_at >= *order.submitted_at + capabilities.quiet_period;
  if (answer.kind == LookUp::Kind::kNoAnswer || !quiet) {
    ++report.waiting;
    return;
  }
  if (order.parked) return;  // for a person, and never sent again before
  if (!would_refuse_twice(capabilities, order, context.clock->now())) {
    return park(context, order,
                "the broker does not show it, and would not refuse it twice; check there and decide", report);
  }
  if (dispatch_one(context, order, OrderStatus::kUnknown)) {
    ++report.resent;
  } else {
    ++report.waiting;
  }
}

// Adopts, in one unit, those of the page that the book fetched for many shows. Returns the others that are to
// be asked about now; all of them, when one cannot be booked and each has to be tried alone.
std::vector<Order> adopt_listed(Context& context, const std::vector<Order>& page, Evidence& evidence,
                                RecoveryReport& report) {
  std::vector<Order> listed;
  std::vector<Order> others;
  std::vector<Order> all;
  std::map<OrderId, const BrokerOrder*> found;
  for (const Order& order : page) {
    if (rests(context, order)) continue;
    all.push_back(order);
    BrokerConnector* broker = context.broker(order.broker);
    const bool tells = broker != nullptr && broker->capabilities().broker_class != BrokerClass::kNone;
    const BrokerOrder* theirs = tells ? evidence.listed(order, *broker) : nullptr;
    (theirs == nullptr ? others : listed).push_back(order);
    if (theirs != nullptr) found.emplace(order.id, theirs);
  }
  if (listed.empty()) return others;
  const Timestamp now = context.clock->now();
  try {
    report.adopted += change_orders(
        context, listed, [&](const Order& row) { return evidence_of(*found.at(row.id), now); },
        still_unknown);
  } catch (const Error& error) {
    if (!about_the_data(error.code())) throw;
    return all;
  }
  for (const Order& order : listed) hasten_executions(context, order.broker, *found.at(order.id));
  ORCHESTRATOR_FAILPOINT("recover.resolved");
  return others;
}

}  // namespace

std::size_t mark_abandoned(Context& context, const std::optional<std::string>& broker) {
  std::size_t marked = 0;
  OrderQuery query{
      .broker = broker, .statuses = {OrderStatus::kSubmitting}, .abandoned_at = context.clock->monotonic()};
  for_each_page(context, query, [&](const std::vector<Order>& page) {
    std::map<OrderId, std::int64_t> epochs;
    for (const Order& order : page) epochs.emplace(order.id, order.lease_epoch);
    const auto same_claim = [&](const Order& row) {
      return row.status == OrderStatus::kSubmitting && row.lease_epoch == epochs.at(row.id);
    };
    Signal doubt =
        make_signal(OrderSignal::kInDoubt, context.clock->now(), "its sender is gone; the broker is asked");
    ORCHESTRATOR_PLANT(kAbandonedIsPlaced, doubt.kind = OrderSignal::kNotAccepted);
    marked += change_orders(
        context, page, [&](const Order&) { return std::span(&doubt, 1); }, same_claim);
    ORCHESTRATOR_FAILPOINT("recover.marked");
  });
  return marked;
}

void resolve_unknown(Context& context, RecoveryReport& report) {
  Evidence evidence(context);
  std::exception_ptr undecided;  // the first that something is wrong with: it keeps no other waiting
  for_each_page(context, {.statuses = {OrderStatus::kUnknown}}, [&](const std::vector<Order>& page) {
    for (const Order& order : adopt_listed(context, page, evidence, report)) {
      try {
        resolve_one(context, order, evidence, report);
      } catch (const Error& error) {
        if (!about_the_data(error.code())) throw;
        if (!undecided) undecided = std::current_exception();
      }
      ORCHESTRATOR_FAILPOINT("recover.resolved");
    }
  });
  if (undecided) std::rethrow_exception(undecided);
}

void resolve_some_unknown(Context& context, const std::string& broker, RecoveryReport& report) {
  Evidence evidence(context);
  OrderQuery query{.broker = broker,
                   .statuses = {OrderStatus::kUnknown},
                   .after_id = context.doubt_position.after(broker),
                   .limit = kPageSize};
  std::size_t asked = 0;
  for (std::size_t read = 0; read < kReadOfPassMax; read += kPageSize) {
    const auto page = context.store->orders(query);
    for (const Order& order : adopt_listed(context, page, evidence, report)) {
      if (asked++ == kAskedOfPassMax) return;
      // Before it is asked about: should that fail, the next pass goes on behind it.
      context.doubt_position.set(broker, order.id);
      resolve_one(context, order, evidence, report);
      ORCHESTRATOR_FAILPOINT("recover.resolved");
    }
    if (page.size() < kPageSize) return context.doubt_position.set(broker, 0);
    query.after_id = page.back().id;
    context.doubt_position.set(broker, query.after_id);
  }
}

}  // namespace orchestrator::engine
