// The operator's page and the OpenAPI document: files of the source tree that are part of the program.
#pragma once

#include <span>
#include <string_view>

namespace orchestrator::http {

struct StaticFile {
  std::string_view path;  // "/page.css"; "/" is the page itself
  std::string_view bytes;
};

// Written by embed.cmake.
[[nodiscard]] std::span<const StaticFile> static_files();

}  // namespace orchestrator::http
