// IdempotencyStore: a fast path in front of the durable idempotency row.
//
// The order store's row decides; this cache only saves the look-up. Losing entries, evicting them or
// answering "don't know" is always right; answering with anything but what was remembered for exactly this
// scope never is.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "orchestrator/dependency.hpp"
#include "orchestrator/types.hpp"

namespace orchestrator {

// SHA-256 of the canonical typed request: equal requests in other spellings (100 and 100.0, fields in
// another order) have equal fingerprints.
using Fingerprint = std::array<std::byte, 32>;

struct IdempotencyScope {
  std::string tenant;
  std::string operation;  // "place"
  std::string key;

  friend auto operator<=>(const IdempotencyScope&, const IdempotencyScope&) = default;
};

struct IdempotencyRecord {
  IdempotencyScope scope;
  Fingerprint fingerprint{};
  BatchId batch_id = 0;
  std::string response;  // the stored bytes; empty once the record has expired
  Timestamp created_at;
  Timestamp expires_at;  // from then on the response is gone and only the tombstone remains
};

// Called from any thread, concurrently. Must not throw: a cache that is down knows nothing.
class IdempotencyStore {
 public:
  virtual ~IdempotencyStore() = default;
  // What was remembered for exactly this scope, if it is still here and not expired at `now`.
  [[nodiscard]] virtual std::optional<IdempotencyRecord> find(const IdempotencyScope& scope,
                                                              Timestamp now) noexcept = 0;
  // Called after the record is durable in the order store, never before.
  virtual void remember(const IdempotencyRecord& record) noexcept = 0;
  // How the cache does now. May ask it, within the time that find() takes at most. Unlike the others it may
  // throw; what does counts as down.
  [[nodiscard]] virtual Dependency dependency() const { return {.name = "custom"}; }
};

}  // namespace orchestrator
