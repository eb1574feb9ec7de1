# Finds SQLiteCpp and sqlite3 and defines the target SQLiteCpp. Also installed, so that a program which links the
# static library finds them the same way. Sets OrchestratorSQLite_FOUND, or OrchestratorSQLite_MISSING to a sentence.
set(OrchestratorSQLite_FOUND TRUE)
set(OrchestratorSQLite_MISSING "SQLiteCpp or sqlite3 was not found (Debian: libsqlitecpp-dev libsqlite3-dev)")

if(NOT TARGET SQLiteCpp)
  find_package(SQLite3 QUIET)
  find_package(Threads QUIET)
  if(NOT SQLite3_FOUND)
    set(OrchestratorSQLite_FOUND FALSE)
  else()
    find_package(SQLiteCpp QUIET CONFIG)
  endif()
endif()

# Some distributions ship the library without its package file.
if(OrchestratorSQLite_FOUND AND NOT TARGET SQLiteCpp)
  find_path(SQLITECPP_INCLUDE_DIR SQLiteCpp/SQLiteCpp.h)
  find_library(SQLITECPP_LIBRARY SQLiteCpp)
  mark_as_advanced(SQLITECPP_INCLUDE_DIR SQLITECPP_LIBRARY)
  if(SQLITECPP_INCLUDE_DIR AND SQLITECPP_LIBRARY)
    add_library(SQLiteCpp UNKNOWN IMPORTED)
    set_target_properties(SQLiteCpp PROPERTIES
      IMPORTED_LOCATION "${SQLITECPP_LIBRARY}"
      INTERFACE_INCLUDE_DIRECTORIES "${SQLITECPP_INCLUDE_DIR}"
      INTERFACE_LINK_LIBRARIES "SQLite::SQLite3;Threads::Threads;${CMAKE_DL_LIBS}")
  else()
    set(OrchestratorSQLite_FOUND FALSE)
  endif()
endif()
