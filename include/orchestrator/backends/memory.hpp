// In-process backends: nothing survives the process. For tests, simulation, and as the cache in front of a
// durable store.
#pragma once

#include <memory>

#include "orchestrator/idempotency_store.hpp"
#include "orchestrator/order_store.hpp"

namespace orchestrator {

[[nodiscard]] std::unique_ptr<Store> make_memory_store();

// Keeps the most recently used `entries_max` records, and of them at most 64 MiB.
[[nodiscard]] std::unique_ptr<IdempotencyStore> make_memory_idempotency_store(
    std::size_t entries_max = 10'000);

// `shared`, with such a cache in front of it: what this process has remembered or found lately costs no round
// trip. Rows never change once they are durable, so the two cannot come to differ.
[[nodiscard]] std::unique_ptr<IdempotencyStore> make_memory_in_front_of(
    std::unique_ptr<IdempotencyStore> shared, std::size_t entries_max = 10'000);

}  // namespace orchestrator
