// Two idempotency caches, one before the other.

#include <utility>

#include "orchestrator/backends/memory.hpp"

namespace orchestrator {
namespace {

class MemoryInFront final : public IdempotencyStore {
 public:
  MemoryInFront(std::unique_ptr<IdempotencyStore> shared, std::size_t entries_max)
      : own_(make_memory_idempotency_store(entries_max)), shared_(std::move(shared)) {}

  std::optional<IdempotencyRecord> find(const IdempotencyScope& scope, Timestamp now) noexcept override {
    if (auto known = own_->find(scope, now)) return known;
    auto found = shared_->find(scope, now);
    if (found) own_->remember(*found);
    return found;
  }
  void remember(const IdempotencyRecord& record) noexcept override {
    own_->remember(record);
    shared_->remember(record);
  }
  [[nodiscard]] Dependency dependency() const override { return shared_->dependency(); }

 private:
  std::unique_ptr<IdempotencyStore> own_;
  std::unique_ptr<IdempotencyStore> shared_;
};

}  // namespace

std::unique_ptr<IdempotencyStore> make_memory_in_front_of(std::unique_ptr<IdempotencyStore> shared,
                                                          std::size_t entries_max) {
  return std::make_unique<MemoryInFront>(std::move(shared), entries_max);
}

}  // namespace orchestrator
