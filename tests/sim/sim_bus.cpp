// The cache and the event bus as a process sees them. The bus keeps what consumers saw.
#include <utility>

#include "sim/world.hpp"

namespace orchestrator::sim {
namespace {

using enum Deviation;

class SimCache final : public IdempotencyStore {
 public:
  SimCache(World& world, Process& process) : world_(world), process_(process) {}

  [[nodiscard]] std::optional<IdempotencyRecord> find(const IdempotencyScope& scope,
                                                      Timestamp now) noexcept override {
    const auto chosen = world_.gate_noexcept(process_, Call::kCacheFind);
    if (chosen == kFlush) world_.cache = make_memory_idempotency_store();
    return chosen ? world_.cache->find(scope, now) : std::nullopt;
  }
  void remember(const IdempotencyRecord& record) noexcept override {
    const auto chosen = world_.gate_noexcept(process_, Call::kCacheRemember);
    if (!chosen || chosen == kFlush) return;
    check_durable(record);
    world_.cache->remember(record);
  }

 private:
  void check_durable(const IdempotencyRecord& record) {
    const auto stored = world_.store->idempotency(record.scope);
    if (stored && stored->fingerprint == record.fingerprint && stored->batch_id == record.batch_id) return;
    world_.violated("I8", "the cache is told of key " + record.scope.key + " before it is durable");
  }

  World& world_;
  Process& process_;
};

class SimBus final : public EventPublisher {
 public:
  SimBus(World& world, Process& process) : world_(world), process_(process) {}

  std::size_t send(std::span<const Event> events) override {
    const Deviation chosen = world_.gate(process_, Call::kBusSend);
    if (chosen == kThrow) throw std::runtime_error("the bus is down");
    if (chosen == kRefused) return 0;
    for (int i = 0; i < (chosen == kTwice ? 2 : 1); ++i) {
      for (const Event& event : events) {
        // One partition is not there; the others take what is theirs.
        if (chosen == kPartly && event.subject() == events.front().subject()) continue;
        world_.happened(event.data);
        world_.delivered.push_back(event);
        if (i == 0 && chosen != kUnconfirmed) confirmed_.push_back({event.log_id, event.order_id, event.seq});
      }
    }
    return events.size();
  }

  std::vector<DeliveryReport> collect(std::chrono::milliseconds /*timeout*/) override {
    return std::exchange(confirmed_, {});
  }

 private:
  World& world_;
  Process& process_;
  std::vector<DeliveryReport> confirmed_;
};

}  // namespace

std::unique_ptr<IdempotencyStore> make_sim_cache(World& world, Process& process) {
  return std::make_unique<SimCache>(world, process);
}
std::unique_ptr<EventPublisher> make_sim_bus(World& world, Process& process) {
  return std::make_unique<SimBus>(world, process);
}

}  // namespace orchestrator::sim
