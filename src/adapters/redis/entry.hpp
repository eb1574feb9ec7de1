// What is kept in Redis for one idempotency key, and under which name.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "orchestrator/idempotency_store.hpp"

namespace orchestrator::redis {

[[nodiscard]] std::string entry_key(std::string_view book, const IdempotencyScope& scope);
[[nodiscard]] std::string encode_entry(std::string_view book, const IdempotencyRecord& record);
// nullopt for anything but a whole entry of this book and scope.
[[nodiscard]] std::optional<IdempotencyRecord> decode_entry(std::string_view book,
                                                            const IdempotencyScope& scope,
                                                            std::string_view bytes);

}  // namespace orchestrator::redis
