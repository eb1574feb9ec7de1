#include "sim/client.hpp"

namespace orchestrator::sim {
namespace {

using Next = KeyHistory::Next;

constexpr int kAttemptsMax = 4;

BatchRequest request_of(int orders) {
  BatchRequest request;
  request.portfolio_id = 1;
  request.idempotency_key = "key-1";
  OrderRequest order;
  order.instrument_id = 1;
  order.qty = Quantity::from_string("3.000000007");
  order.price_limit = Price::from_string("2500.123456789");
  order.broker = kBrokerName;
  request.orders.push_back(order);
  if (orders == 2) {
    order.instrument_id = 2;
    order.side = Side::kSell;
    order.qty = Quantity::from_string("5.000000001");
    order.price_limit = Price::from_string("100.5");
    request.orders.push_back(order);
  }
  return request;
}

}  // namespace

Client::Client(World& world, int orders)
    : world_(world), history_(world, request_of(orders), Quantity::from_int(7)) {}

void Client::guarded(const std::string& process, const std::function<void(Orchestrator&)>& call) {
  try {
    call(*world_.process(process).oms);
  } catch (const ProcessDied&) {
  } catch (const std::exception& error) {
    world_.note(process + " fails: " + error.what());
  }
  if (!world_.process(process).dead) return;
  world_.note(process + " is dead");
  world_.bury(process);
  guarded(process, [](Orchestrator& oms) { oms.recover(); });
}

void Client::place(const std::string& process, bool rival) {
  for (int i = 0; i < kAttemptsMax; ++i) {
    switch (history_.attempt(world_.process(process), rival)) {
      case Next::kAnswered:
        return;
      case Next::kAgain:
        break;
      case Next::kReopen:
        world_.bury(process);
        [[fallthrough]];
      case Next::kRecover:
        guarded(process, [](Orchestrator& oms) { oms.recover(); });
        break;
    }
  }
}

bool Client::ask(const std::string& process, bool rival) {
  const Next next = history_.attempt(world_.process(process), rival);
  if (next == Next::kReopen) world_.bury(process);
  return next == Next::kAnswered;
}

}  // namespace orchestrator::sim
