# Finds librdkafka (2.0 or later) by pkg-config and defines the target PkgConfig::RDKAFKA. Also installed, so that a
# program which links the static library finds it the same way. Sets OrchestratorKafka_FOUND, or
# OrchestratorKafka_MISSING to a sentence.
set(OrchestratorKafka_FOUND FALSE)
set(OrchestratorKafka_MISSING "librdkafka was not found by pkg-config (Debian: librdkafka-dev pkg-config)")

find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(RDKAFKA QUIET IMPORTED_TARGET GLOBAL "rdkafka>=2.0")
  if(RDKAFKA_FOUND)
    set(OrchestratorKafka_FOUND TRUE)
  endif()
endif()
