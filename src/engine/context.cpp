#include "engine/context.hpp"

namespace orchestrator::engine {

void RequestPace::asked(OrderId id, Timestamp now) {
  constexpr std::size_t kRememberedMax = 100'000;
  const std::scoped_lock lock(mutex_);
  if (asked_.size() >= kRememberedMax) asked_.clear();  // costs each of them one question too many
  asked_[id] = now;
}

bool RequestPace::due(OrderId id, Timestamp now, std::chrono::microseconds pause) {
  const std::scoped_lock lock(mutex_);
  const auto at = asked_.find(id);
  return at == asked_.end() || now >= at->second + pause;
}

bool RequestPace::asked_before(OrderId id, Timestamp now, std::chrono::microseconds pause) {
  const std::scoped_lock lock(mutex_);
  const auto at = asked_.find(id);
  return at != asked_.end() && now >= at->second + pause;
}

bool ResyncPace::due(const std::string& broker, Timestamp now, std::chrono::microseconds interval) {
  const std::scoped_lock lock(mutex_);
  const auto [at, first] = asked_.emplace(broker, now);
  const bool hastened = hastened_.contains(broker);
  if (!hastened && (first || now < at->second + interval)) return false;
  at->second = now;
  return true;
}

void ResyncPace::hasten(const std::string& broker) {
  const std::scoped_lock lock(mutex_);
  hastened_.insert(broker);
}

void ResyncPace::answered(const std::string& broker) {
  const std::scoped_lock lock(mutex_);
  hastened_.erase(broker);
}

OrderId PassPosition::after(const std::string& broker) {
  const std::scoped_lock lock(mutex_);
  return after_[broker];
}

void PassPosition::set(const std::string& broker, OrderId after) {
  const std::scoped_lock lock(mutex_);
  after_[broker] = after;
}

// What a call takes must fit into what is left. Not under the lock while the store is asked: two threads that
// ask both get it.
std::string SenderLeases::why_not(Store& store, const Clock& clock, const std::string& broker,
                                  std::chrono::microseconds lease, std::chrono::microseconds pause,
                                  bool can_send) {
  const Timestamp asked_at = clock.monotonic();
  {
    const std::scoped_lock lock(mutex_);
    const Standing& standing = standings_[broker];
    if (asked_at + lease / 2 < standing.until) return {};
    if (asked_at < standing.refused_until) return standing.refusal;
    const bool had_it = standing.until != Timestamp{};
    if (had_it && !can_send && asked_at < standing.until + 2 * pause) {
      return "it admits one sender, and this process cannot send now: another may be it";
    }
  }
  const RoleClaim claim = store.claim_role("send/" + broker, asked_at + lease);
  Standing standing;
  if (claim.held) {
    standing.until = asked_at + lease;
  } else {
    standing.refused_until = asked_at + pause;
    standing.refusal = "it admits one sender, which another process is" +
                       (claim.holder.empty() ? std::string() : " (that of " + claim.holder + ")");
  }
  const std::scoped_lock lock(mutex_);
  // A refusal may be older than what another thread has won meanwhile.
  if (Standing& known = standings_[broker]; claim.held || known.until <= asked_at) known = standing;
  const bool in_time = !claim.held || clock.monotonic() + lease / 2 < standing.until;
  return in_time ? standing.refusal
                 : "it admits one sender, and the right to be that came too late to be used";
}

BrokerConnector* Context::broker(const std::string& name) const {
  const auto at = brokers.find(name);
  return at == brokers.end() ? nullptr : at->second.get();
}

BrokerConnector& Context::require_broker(const std::string& name) const {
  if (BrokerConnector* found = broker(name)) return *found;
  std::string known;
  for (const auto& [known_name, connector] : brokers) known += (known.empty() ? "" : ", ") + known_name;
  throw Error(ErrorCode::kUnknownBroker, "no broker connector is named '" + name + "'; known: " + known);
}

Order Context::require_order(OrderId id) const {
  auto found = store->orders({.ids = {id}});
  if (found.empty()) throw Error(ErrorCode::kNotFound, "there is no order " + std::to_string(id));
  return std::move(found.front());
}

OrderBatch Context::require_batch(BatchId id) const {
  auto found = store->batches({.ids = {id}});
  if (found.empty()) throw Error(ErrorCode::kNotFound, "there is no batch " + std::to_string(id));
  return std::move(found.front());
}

}  // namespace orchestrator::engine
