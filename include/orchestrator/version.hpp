// The version of the library, kept here and nowhere else: the build, the package files and the Python module
// read it from this header. Semantic versioning; before 1.0 a minor number may change an interface.
#pragma once

#include <string_view>

#define ORCHESTRATOR_VERSION_MAJOR 0
#define ORCHESTRATOR_VERSION_MINOR 1
#define ORCHESTRATOR_VERSION_PATCH 0
#define ORCHESTRATOR_VERSION "0.1.0"
// One comparable number, for `#if ORCHESTRATOR_VERSION_NUMBER >= 100`: major * 10000 + minor * 100 + patch.
#define ORCHESTRATOR_VERSION_NUMBER \
  (ORCHESTRATOR_VERSION_MAJOR * 10000 + ORCHESTRATOR_VERSION_MINOR * 100 + ORCHESTRATOR_VERSION_PATCH)

namespace orchestrator {

// The version the program was compiled against.
inline constexpr std::string_view kVersion = ORCHESTRATOR_VERSION;

}  // namespace orchestrator
