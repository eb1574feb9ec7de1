# Finds hiredis (0.14 or 1.x) by pkg-config and defines the target PkgConfig::HIREDIS; with hiredis_ssl and OpenSSL, also
# PkgConfig::HIREDIS_SSL, and sets OrchestratorRedis_TLS. Also installed, so that a program which links the static library
# finds them the same way. Sets OrchestratorRedis_FOUND, or OrchestratorRedis_MISSING to a sentence.
set(OrchestratorRedis_FOUND FALSE)
set(OrchestratorRedis_TLS FALSE)
set(OrchestratorRedis_MISSING "hiredis was not found by pkg-config (Debian: libhiredis-dev pkg-config)")

find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(HIREDIS QUIET IMPORTED_TARGET GLOBAL "hiredis>=0.14")
  set(OrchestratorRedis_FOUND ${HIREDIS_FOUND})
  pkg_check_modules(HIREDIS_SSL QUIET IMPORTED_TARGET GLOBAL hiredis_ssl openssl)
  set(OrchestratorRedis_TLS ${HIREDIS_SSL_FOUND})
endif()
