// The idempotency cache in memory: the most recently used records, under one mutex.
//
// Invariant: bounded in records and in bytes, because the receipt of a large batch is a thousand times that
// of a small one.

#include <functional>
#include <list>
#include <mutex>
#include <unordered_map>

#include "orchestrator/backends/memory.hpp"
#include "orchestrator/version.hpp"

namespace orchestrator {
namespace {

constexpr std::size_t kBytesMax = std::size_t{64} * 1024 * 1024;

class MemoryIdempotencyStore final : public IdempotencyStore {
 public:
  explicit MemoryIdempotencyStore(std::size_t entries_max) : entries_max_(entries_max) {}

  std::optional<IdempotencyRecord> find(const IdempotencyScope& scope, Timestamp now) noexcept override {
    try {
      const std::lock_guard lock(mutex_);
      const auto found = index_.find(&scope);
      if (found == index_.end()) return std::nullopt;
      const Position at = found->second;
      if (at->expires_at <= now) {
        forget(at);
        return std::nullopt;
      }
      records_.splice(records_.begin(), records_, at);
      return *at;
    } catch (...) {  // no memory for the copy: the cache does not know
      return std::nullopt;
    }
  }

  void remember(const IdempotencyRecord& record) noexcept override {
    try {
      const std::lock_guard lock(mutex_);
      if (entries_max_ == 0 || size_of(record) > kBytesMax) return;
      const auto found = index_.find(&record.scope);
      if (found != index_.end()) forget(found->second);
      while (records_.size() >= entries_max_ || (!records_.empty() && bytes_ + size_of(record) > kBytesMax)) {
        forget(std::prev(records_.end()));
      }
      records_.push_front(record);
      try {
        index_.emplace(&records_.front().scope, records_.begin());
        bytes_ += size_of(record);
      } catch (...) {
        records_.pop_front();
        throw;
      }
    } catch (...) {  // no memory: the cache forgets
    }
  }

  [[nodiscard]] Dependency dependency() const override {
    return {.name = "memory", .version = std::string(kVersion)};
  }

 private:
  using Position = std::list<IdempotencyRecord>::iterator;

  struct Hash {
    std::size_t operator()(const IdempotencyScope* scope) const {
      const std::hash<std::string> hash;
      return hash(scope->key) ^ (hash(scope->tenant) * 3) ^ (hash(scope->operation) * 5);
    }
  };
  struct Equal {
    bool operator()(const IdempotencyScope* a, const IdempotencyScope* b) const { return *a == *b; }
  };

  static std::size_t size_of(const IdempotencyRecord& record) {
    return sizeof record + record.response.size() + record.scope.key.size();
  }

  void forget(Position at) {
    bytes_ -= size_of(*at);
    index_.erase(&at->scope);
    records_.erase(at);
  }

  const std::size_t entries_max_;
  std::mutex mutex_;
  std::size_t bytes_ = 0;                                                     // of records_
  std::list<IdempotencyRecord> records_;                                      // most recently used first
  std::unordered_map<const IdempotencyScope*, Position, Hash, Equal> index_;  // keys lie in records_
};

}  // namespace

std::unique_ptr<IdempotencyStore> make_memory_idempotency_store(std::size_t entries_max) {
  return std::make_unique<MemoryIdempotencyStore>(entries_max);
}

}  // namespace orchestrator
