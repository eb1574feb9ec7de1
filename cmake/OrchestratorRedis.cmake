# Finds hiredis (0.14 or 1.x) by pkg-config and defines the target PkgConfig::HIREDIS. Also installed, so that a program
# which links the static library finds it the same way. Sets OrchestratorRedis_FOUND, or OrchestratorRedis_MISSING to a
# sentence.
set(OrchestratorRedis_FOUND FALSE)
set(OrchestratorRedis_MISSING "hiredis was not found by pkg-config (Debian: libhiredis-dev pkg-config)")

find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(HIREDIS QUIET IMPORTED_TARGET GLOBAL "hiredis>=0.14")
  set(OrchestratorRedis_FOUND ${HIREDIS_FOUND})
endif()
