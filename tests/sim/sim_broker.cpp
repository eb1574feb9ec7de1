// A broker that keeps what it accepted, of any class, and answers as badly as the run's choices say. What it
// really did is in the world, where the checks read it.
#include <algorithm>
#include <utility>

#include "sim/world.hpp"

namespace orchestrator::sim {
namespace {

using enum Deviation;

HeldOrder* find(const Venue& venue, const std::string& client_order_id) {
  const auto at = venue.by_client_order_id.find(client_order_id);
  return at == venue.by_client_order_id.end() ? nullptr : at->second;
}

BrokerReport report_of(const World& world, const Venue& venue, const HeldOrder& held,
                       BrokerReport::Kind kind) {
  BrokerReport report;
  report.kind = kind;
  report.broker = venue.capabilities.name;
  report.account = venue.capabilities.account;
  report.ext_order_id = held.order.ext_order_id;
  report.client_order_id = held.order.client_order_id;
  report.at = world.now();
  return report;
}

bool works(const BrokerOrder& order) {
  return order.status == OrderStatus::kAcked || order.status == OrderStatus::kPartiallyFilled;
}

// Enforced and windowed brokers report no acknowledgement: only the answer or a look-up tells.
bool reports_acks(const Venue& venue) {
  return venue.capabilities.broker_class == BrokerClass::kTagEcho ||
         venue.capabilities.broker_class == BrokerClass::kNone;
}

bool refuses_twice(const World& world, const Venue& venue, const HeldOrder& held) {
  if (venue.capabilities.broker_class == BrokerClass::kEnforced) return true;
  return venue.capabilities.broker_class == BrokerClass::kWindowed &&
         world.now() < held.accepted_at + venue.capabilities.duplicate_window;
}

class OnTheWire {
 public:
  OnTheWire(World& world, std::span<const Order> orders) : world_(world), orders_(orders) {
    for (const Order& order : orders_) world_.on_the_wire.insert(order.client_order_id);
  }
  ~OnTheWire() {
    for (const Order& order : orders_)
      world_.on_the_wire.erase(world_.on_the_wire.find(order.client_order_id));
  }
  OnTheWire(const OnTheWire&) = delete;
  OnTheWire& operator=(const OnTheWire&) = delete;

 private:
  World& world_;
  std::span<const Order> orders_;
};

class SimBroker final : public BrokerConnector {
 public:
  SimBroker(World& world, Process& process, Venue& venue) : world_(world), process_(process), venue_(venue) {}

  [[nodiscard]] const BrokerCapabilities& capabilities() const override { return venue_.capabilities; }

  std::vector<SendResult> place(std::span<const Order> orders) override {
    check_claims(orders);
    check_sender();
    const OnTheWire under_way(world_, orders);
    const Deviation chosen = world_.gate(process_, Call::kBrokerPlace);
    world_.coverage.count(Transition::kSend, orders.size());
    if (world_.halted && ++process_.requests_since_halt > 1) {
      world_.violated("I6", "more than the request on the wire left after the stop switch");
    }
    std::vector<SendResult> results;
    for (std::size_t i = 0; i < orders.size(); ++i) {
      // A fault strikes the last order of a request, so that the others have an answer beside it.
      results.push_back(answer(orders[i], i + 1 == orders.size() ? chosen : kNone));
    }
    if (chosen == kThrow) throw std::runtime_error("the connection was reset");
    return results;
  }

  SendResult cancel(const Order& order) override {
    const Deviation chosen = world_.gate(process_, Call::kBrokerCancel);
    if (const auto refusal = refusal_of(chosen)) return *refusal;
    HeldOrder* held = find(venue_, order.client_order_id);
    if (held == nullptr || !works(held->order)) return {SendOutcome::kRejected, "", "nothing to cancel"};
    held->order.status = OrderStatus::kCancelled;
    venue_.news.push_back(report_of(world_, venue_, *held, BrokerReport::Kind::kCancelled));
    return answered(chosen, *held);
  }

  SendResult replace(const Order& order, const ReplaceRequest& request) override {
    const Deviation chosen = world_.gate(process_, Call::kBrokerReplace);
    if (const auto refusal = refusal_of(chosen)) return *refusal;
    HeldOrder* held = find(venue_, order.client_order_id);
    if (held == nullptr || !works(held->order) || (request.qty && *request.qty <= held->order.fill_qty)) {
      return {SendOutcome::kRejected, "", "nothing to change"};
    }
    if (request.qty) held->order.qty = *request.qty;
    if (request.price_limit) held->order.price_limit = request.price_limit;
    BrokerReport report = report_of(world_, venue_, *held, BrokerReport::Kind::kReplaced);
    report.qty = held->order.qty;
    report.price_limit = held->order.price_limit;
    venue_.news.push_back(report);
    return answered(chosen, *held);
  }

  [[nodiscard]] LookUp look_up(const std::string& client_order_id) override {
    const Deviation chosen = world_.gate(process_, Call::kBrokerLookUp);
    world_.coverage.count(Transition::kLookUp);
    if (chosen == kSilence || venue_.capabilities.broker_class == BrokerClass::kNone) {
      return {LookUp::Kind::kNoAnswer, {}, "no answer"};
    }
    const HeldOrder* held = find(venue_, client_order_id);
    const bool of_today = held != nullptr && std::chrono::floor<std::chrono::days>(held->accepted_at) ==
                                                 std::chrono::floor<std::chrono::days>(world_.now());
    const bool listed = venue_.capabilities.broker_class != BrokerClass::kTagEcho || of_today;
    if (held == nullptr || !listed || held->visible_at > world_.now()) {
      return {LookUp::Kind::kNotFound, {}, "not found"};
    }
    return {LookUp::Kind::kFound, held->order, ""};
  }

  [[nodiscard]] Book book() override {
    if (world_.gate(process_, Call::kBrokerBook) == kSilence) {
      throw Error(ErrorCode::kBrokerInDoubt, "no answer");
    }
    Book book;
    for (const HeldOrder& held : venue_.held) {
      book.orders.push_back(held.order);
      for (const Execution& execution : held.executions) {
        book.executions.push_back(execution);
        book.ext_order_ids.push_back(held.order.ext_order_id);
      }
    }
    return book;
  }

  [[nodiscard]] ReportPage poll(const std::string& cursor) override {
    const Deviation chosen = world_.gate(process_, Call::kBrokerPoll);
    if (chosen == kSilence) throw Error(ErrorCode::kBrokerInDoubt, "no answer");
    const std::size_t from = cursor.empty() ? 0 : std::stoul(cursor);
    ReportPage page;
    page.reports.assign(venue_.news.begin() + static_cast<std::ptrdiff_t>(from), venue_.news.end());
    page.cursor = venue_.news.empty() ? cursor : std::to_string(venue_.news.size());
    if (chosen == kReversed) std::ranges::reverse(page.reports);
    if (chosen == kTwice) {
      const auto once = page.reports;
      page.reports.insert(page.reports.end(), once.begin(), once.end());
    }
    return page;
  }

 private:
  // I2, at the moment the call begins: what happens to the sender afterwards, it cannot know.
  void check_claims(std::span<const Order> orders) {
    for (const Order& order : orders) {
      if (!world_.claims.contains({order.client_order_id, order.attempt, order.lease_epoch})) {
        world_.violated("I2", "order " + order.client_order_id + " attempt " + std::to_string(order.attempt) +
                                  " is sent and no durable claim names it");
      }
      if (order.lease_until && world_.true_now > *order.lease_until) {
        world_.violated("I2", "order " + order.client_order_id + " is sent after its claim's lease ended");
      }
      const auto rows = world_.store->orders({.client_order_id = order.client_order_id, .limit = 1});
      if (!rows.empty() && order.qty != rows.front().qty) {
        world_.violated("I7",
                        "order " + order.client_order_id + " is sent with another quantity than stored");
      }
    }
  }

  HeldOrder& take(const Order& order, Deviation chosen) {
    return accept_at_broker(
        world_, venue_, order,
        {.fills_first = chosen == kFillFirst || chosen == kFillFirstLost,
         .shown_after = chosen == kLag ? kQuietPeriod - std::chrono::seconds(1) : std::chrono::seconds(0)});
  }

  void check_sender() {
    if (!world_.setup.one_holder_of_roles || !venue_.capabilities.one_sender) return;
    const auto role = world_.roles.find("send/" + venue_.capabilities.name);
    if (role != world_.roles.end() && role->second.owner == process_.owner) return;
    world_.violated("I24", process_.name + " sends to a broker whose one sender is another process");
  }

  SendResult answer(const Order& order, Deviation chosen) {
    const std::string& id = order.client_order_id;
    if (std::exchange(world_.lose_next_send, false)) chosen = kLostBefore;
    switch (chosen) {
      case kNotSent:
        return {SendOutcome::kNotSent, "", "429 too many requests"};
      case kReject:
        if (const HeldOrder* known = find(venue_, id);
            known != nullptr && refuses_twice(world_, venue_, *known))
          break;
        world_.refused.insert(id);
        return {SendOutcome::kRejected, "", "price too far away"};
      case kLostBefore:
        ++world_.sends_in_doubt[id];
        return {SendOutcome::kInDoubt, "", "timeout"};
      case kLate:
        ++world_.sends_in_doubt[id];
        world_.on_the_wire.insert(id);
        world_.late.push_back({world_.now() + kLateBy, &venue_, order});
        return {SendOutcome::kInDoubt, "", "timeout"};
      case kLostAfter:
      case kLag:
      case kFillFirstLost:
      case kThrow:
        take(order, chosen);
        ++world_.sends_in_doubt[id];
        return {SendOutcome::kInDoubt, "", "timeout"};
      case kGarbage:
        take(order, chosen);
        ++world_.sends_in_doubt[id];
        return {SendOutcome::kAccepted, "", ""};
      default:
        break;
    }
    const HeldOrder& held = take(order, chosen);
    return {SendOutcome::kAccepted, held.order.ext_order_id, ""};
  }

  // A request about an order that never reached it.
  static std::optional<SendResult> refusal_of(Deviation chosen) {
    if (chosen == kLostBefore) return SendResult{SendOutcome::kInDoubt, "", "timeout"};
    if (chosen == kNotSent) return SendResult{SendOutcome::kNotSent, "", "429 too many requests"};
    if (chosen == kReject) return SendResult{SendOutcome::kRejected, "", "too late"};
    return std::nullopt;
  }
  static SendResult answered(Deviation chosen, const HeldOrder& held) {
    if (chosen == kLostAfter) return {SendOutcome::kInDoubt, "", "timeout"};
    return {SendOutcome::kAccepted, held.order.ext_order_id, ""};
  }

  World& world_;
  Process& process_;
  Venue& venue_;
};

}  // namespace

HeldOrder& accept_at_broker(World& world, Venue& venue, const Order& order, const Acceptance& how) {
  world.happened(order.client_order_id);
  HeldOrder* known = find(venue, order.client_order_id);
  if (known != nullptr && refuses_twice(world, venue, *known)) return *known;
  if (known != nullptr) {
    world.violated("I1", "the broker accepted order " + order.client_order_id + " a second time");
  }
  HeldOrder held;
  held.order.ext_order_id = "X" + std::to_string(venue.held.size() + 1);
  held.order.client_order_id = order.client_order_id;
  held.order.symbol = order.symbol;
  held.order.instrument_id = order.instrument_id;
  held.order.side = order.side;
  held.order.qty = order.qty;
  held.order.price_limit = order.price_limit;
  held.accepted_at = world.now();
  held.visible_at = held.accepted_at + how.shown_after;
  HeldOrder& taken = venue.held.emplace_back(std::move(held));
  venue.by_client_order_id.emplace(order.client_order_id, &taken);
  if (how.fills_first) {
    const Price usual = Price::from_string("2500.000000007");
    const bool within = !order.price_limit || (order.side == Side::kSell ? usual >= *order.price_limit
                                                                         : usual <= *order.price_limit);
    execute_at_broker(world, venue, taken, Quantity::from_string("0.500000001"),
                      within ? usual : *order.price_limit);
  }
  if (reports_acks(venue)) venue.news.push_back(report_of(world, venue, taken, BrokerReport::Kind::kAck));
  return taken;
}

void execute_at_broker(World& world, Venue& venue, HeldOrder& held, Quantity qty, Price price) {
  if (!works(held.order)) return;
  qty = std::min(qty, held.order.qty - held.order.fill_qty);
  Execution execution;
  execution.broker = venue.capabilities.name;
  execution.account = venue.capabilities.account;
  execution.execution_id = held.order.ext_order_id + "-" + std::to_string(held.executions.size() + 1);
  execution.qty = qty;
  execution.price = price;
  execution.fees = Money::from_string("0.01");
  execution.executed_at = world.now();
  held.executions.push_back(execution);
  held.order.fill_qty += qty;
  held.order.fill_notional += price * qty;
  held.order.status =
      held.order.fill_qty >= held.order.qty ? OrderStatus::kFilled : OrderStatus::kPartiallyFilled;
  venue.news.push_back(report_of(world, venue, held, BrokerReport::Kind::kExecution));
  venue.news.back().execution = execution;
  world.note("the market executes " + qty.to_string() + " of " + held.order.ext_order_id);
}

void bust_at_broker(World& world, Venue& venue, HeldOrder& held) {
  if (held.executions.empty() || held.executions.back().kind == ExecutionKind::kBust) return;
  if (!works(held.order) && held.order.status != OrderStatus::kFilled) return;
  Execution bust = held.executions.back();
  held.order.fill_qty -= bust.qty;
  held.order.fill_notional -= bust.price * bust.qty;
  held.order.status = held.order.fill_qty.is_zero() ? OrderStatus::kAcked : OrderStatus::kPartiallyFilled;
  bust.kind = ExecutionKind::kBust;
  bust.ref_execution_id = bust.execution_id;
  bust.execution_id += "-bust";
  bust.executed_at = world.now();
  held.executions.push_back(bust);
  venue.news.push_back(report_of(world, venue, held, BrokerReport::Kind::kExecution));
  venue.news.back().execution = bust;
  world.note("the exchange takes back " + bust.ref_execution_id);
}

void expire_at_broker(World& world, Venue& venue, HeldOrder& held) {
  if (!works(held.order)) return;
  held.order.status = OrderStatus::kExpired;
  venue.news.push_back(report_of(world, venue, held, BrokerReport::Kind::kExpired));
  world.note("the broker lets expire " + held.order.ext_order_id);
}

std::unique_ptr<BrokerConnector> make_sim_broker(World& world, Process& process, Venue& venue) {
  return std::make_unique<SimBroker>(world, process, venue);
}

}  // namespace orchestrator::sim
