# Finds libpqxx (6.4 or 7) and libpq by pkg-config and defines the targets PkgConfig::LIBPQXX and PkgConfig::LIBPQ. Also
# installed, so that a program which links the static library finds them the same way. Sets
# OrchestratorPostgres_FOUND, or OrchestratorPostgres_MISSING to a sentence.
set(OrchestratorPostgres_FOUND FALSE)
set(OrchestratorPostgres_MISSING "libpqxx or libpq was not found by pkg-config (Debian: libpqxx-dev libpq-dev pkg-config)")

find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(LIBPQXX QUIET IMPORTED_TARGET GLOBAL "libpqxx>=6.4")
  pkg_check_modules(LIBPQ QUIET IMPORTED_TARGET GLOBAL libpq)
  if(LIBPQXX_FOUND AND LIBPQ_FOUND)
    set(OrchestratorPostgres_FOUND TRUE)
  endif()
endif()
