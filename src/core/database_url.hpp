// What a database URL names, by how it begins: asked where backends are chosen, and by the backend itself.
#pragma once

#include <string_view>

namespace orchestrator {

[[nodiscard]] constexpr bool is_postgres_url(std::string_view url) noexcept {
  return url.starts_with("postgresql://") || url.starts_with("postgres://");
}

}  // namespace orchestrator
