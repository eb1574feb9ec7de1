#include "sim/key_history.hpp"

namespace orchestrator::sim {

KeyHistory::KeyHistory(World& world, BatchRequest request, Quantity rival_qty)
    : world_(world), request_(std::move(request)), rival_(request_) {
  rival_.orders.front().qty = rival_qty;
}

KeyHistory::Next KeyHistory::attempt(Process& process, bool rival) {
  try {
    const Receipt receipt = process.oms->place(request(rival));
    world_.gate(process, Call::kReturn);
    answered(receipt, rival);
    return Next::kAnswered;
  } catch (const ProcessDied&) {
    world_.note(process.name + " died");
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

KeyHistory::Next KeyHistory::refused(const Error& error, bool rival) {
  if (error.in_doubt()) return Next::kRecover;
  if (error.retryable() || error.code() == ErrorCode::kHalted) return Next::kAgain;
  // An incident has stopped a broker.
  if (error.code() == ErrorCode::kValidationFailed && !world_.store->halts().empty()) return Next::kAgain;
  const auto batches = world_.store->batches({.idempotency_key = key()});
  if (error.code() == ErrorCode::kIdempotencyConflict) {
    const std::string own_qty = '"' + request(rival).orders.front().qty.to_string() + '"';
    const bool differs = !batches.empty() && batches.front().orders_json.find(own_qty) == std::string::npos;
    if (!differs) world_.violated("I8", "the key is refused, and it holds this very request");
  } else if (error.code() == ErrorCode::kIdempotencyExpired) {
    if (!world_.day_passed || batches.empty()) world_.violated("I12", "the key has expired within its time");
  } else {
    world_.violated("I8", std::string("place() is refused: ") + error.what());
  }
  return Next::kAnswered;
}

void KeyHistory::answered(const Receipt& receipt, bool rival) {
  world_.note(std::string(rival ? "rival" : "client") + " is answered: batch " +
              std::to_string(receipt.batch_id) + (receipt.replayed ? " (replayed)" : ""));
  world_.happened(receipt.json);
  const auto& asked = request(rival).orders;
  for (std::size_t i = 0; i < receipt.orders.size(); ++i) {
    if (i < asked.size() && receipt.orders[i].qty == asked[i].qty) continue;
    world_.violated("I9", "a request is answered with the receipt of another one");
  }
  for (const Answer& earlier : answers_) {
    if (earlier.receipt.json != receipt.json) {
      world_.violated(earlier.rival == rival ? "I8" : "I9", "one key has two different answers");
    }
  }
  answers_.push_back({rival, receipt});
}

std::vector<OrderId> KeyHistory::known_orders() const {
  std::vector<OrderId> ids;
  if (answers_.empty()) return ids;
  for (const Receipt::Leg& leg : answers_.front().receipt.orders) ids.push_back(leg.id);
  return ids;
}

void KeyHistory::check_answers(Orchestrator& oms) {
  if (!answers_.empty()) {
    for (const Receipt::Leg& leg : answers_.front().receipt.orders) {
      const auto rows = oms.orders({.ids = {leg.id}});
      if (rows.empty() || rows.front().client_order_id != leg.client_order_id) {
        world_.violated("I3", "order " + std::to_string(leg.id) + " was acknowledged and is not there");
      }
    }
  }
  const auto keys = oms.batches({.idempotency_key = key()});
  if (keys.size() != 1) {
    world_.violated(keys.empty() ? "I31" : "I10",
                    std::to_string(keys.size()) + " batches under key " + key());
  }
}

}  // namespace orchestrator::sim
