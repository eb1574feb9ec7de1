#include "sim/client.hpp"

#include <algorithm>

namespace orchestrator::sim {
namespace {

constexpr const char* kKey = "key-1";
constexpr int kAttemptsMax = 4;

// The rival asks for another quantity under the same key.
BatchRequest request_of(const World& world, bool rival) {
  BatchRequest request;
  request.portfolio_id = 1;
  request.idempotency_key = kKey;
  OrderRequest order;
  order.instrument_id = 1;
  order.qty = Quantity::from_string(rival ? "7" : "3.000000007");
  order.price_limit = Price::from_string("2500.123456789");
  order.broker = kBrokerName;
  request.orders.push_back(order);
  if (world.which.scenario.orders == 2) {
    order.instrument_id = 2;
    order.side = Side::kSell;
    order.qty = Quantity::from_string("5.000000001");
    order.price_limit = Price::from_string("100.5");
    request.orders.push_back(order);
  }
  return request;
}

}  // namespace

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
    switch (attempt(process, rival)) {
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
  const Next next = attempt(process, rival);
  if (next == Next::kReopen) world_.bury(process);
  return next == Next::kAnswered;
}

Client::Next Client::attempt(const std::string& name, bool rival) {
  Process& process = world_.process(name);
  try {
    const Receipt receipt = process.oms->place(request_of(world_, rival));
    world_.gate(process, Call::kReturn);
    answered(receipt, rival);
    return Next::kAnswered;
  } catch (const ProcessDied&) {
    world_.note(name + " died");
    return Next::kReopen;
  } catch (const Error& error) {
    if (process.dead) return Next::kReopen;
    world_.note("client: " + std::string(to_string(error.code())) + ": " + error.what());
    return refused(error, rival);
  } catch (const std::exception& error) {
    if (process.dead) return Next::kReopen;
    world_.violated("I8", std::string("place() threw something else than Error: ") + error.what());
    return Next::kAnswered;
  }
}

Client::Next Client::refused(const Error& error, bool rival) {
  if (error.in_doubt()) return Next::kRecover;
  if (error.retryable() || error.code() == ErrorCode::kHalted) return Next::kAgain;
  const auto batches = world_.store->batches({.idempotency_key = kKey});
  const auto orders = world_.store->orders({.limit = 10});
  if (error.code() == ErrorCode::kIdempotencyConflict) {
    const auto fingerprint_differs =
        !batches.empty() &&
        batches.front().orders_json.find(rival ? "\"7\"" : "\"3.000000007\"") == std::string::npos;
    if (!fingerprint_differs) world_.violated("I8", "the key is refused, and it holds this very request");
  } else if (error.code() == ErrorCode::kIdempotencyExpired) {
    if (!world_.day_passed || batches.empty()) world_.violated("I12", "the key has expired within its time");
  } else {
    world_.violated("I8", std::string("place() is refused: ") + error.what());
  }
  return Next::kAnswered;
}

void Client::answered(const Receipt& receipt, bool rival) {
  world_.note(std::string(rival ? "rival" : "client") + " is answered: batch " +
              std::to_string(receipt.batch_id) + (receipt.replayed ? " (replayed)" : ""));
  const BatchRequest request = request_of(world_, rival);
  for (std::size_t i = 0; i < receipt.orders.size(); ++i) {
    if (i < request.orders.size() && receipt.orders[i].qty == request.orders[i].qty) continue;
    world_.violated("I9", "a request is answered with the receipt of another one");
  }
  for (const Answer& earlier : answers_) {
    if (earlier.receipt.json != receipt.json) {
      world_.violated(earlier.rival == rival ? "I8" : "I9", "one key has two different answers");
    }
  }
  answers_.push_back({rival, receipt});
}

void Client::check_answers(Orchestrator& oms) {
  for (const Answer& answer : answers_) {
    for (const Receipt::Leg& leg : answer.receipt.orders) {
      const auto rows = oms.orders({.ids = {leg.id}});
      if (rows.empty() || rows.front().client_order_id != leg.client_order_id) {
        world_.violated("I3", "order " + std::to_string(leg.id) + " was acknowledged and is not there");
      }
    }
  }
  const auto keys = oms.batches({.idempotency_key = kKey});
  if (keys.size() != 1) {
    world_.violated(keys.empty() ? "I31" : "I10", std::to_string(keys.size()) + " batches under one key");
  }
}

}  // namespace orchestrator::sim
