# Script: writes OUTPUT, a C++ source with the migrations of FOLDER in the order of their versions.
# Versions count from 1 without a hole, and each has an up and a down file; anything else stops the build.
cmake_minimum_required(VERSION 3.22)
set(delimiter "migration")

function(read_sql file out)
  file(READ "${file}" text)
  string(FIND "${text}" ")${delimiter}\"" clash)
  if(NOT clash EQUAL -1)
    message(FATAL_ERROR "${file}: may not contain )${delimiter}\"")
  endif()
  set(${out} "${text}" PARENT_SCOPE)
endfunction()

file(GLOB all RELATIVE "${FOLDER}" "${FOLDER}/*.sql")
file(GLOB ups RELATIVE "${FOLDER}" "${FOLDER}/*.up.sql")
list(SORT ups)

set(rows "")
set(expected 0)
foreach(up IN LISTS ups)
  math(EXPR expected "${expected} + 1")
  if(NOT up MATCHES "^([0-9][0-9][0-9][0-9])_([a-z0-9_]+)\\.up\\.sql$")
    message(FATAL_ERROR "${FOLDER}/${up}: name it NNNN_name.up.sql, lower case")
  endif()
  set(name "${CMAKE_MATCH_2}")
  set(stem "${CMAKE_MATCH_1}_${CMAKE_MATCH_2}")
  string(REGEX REPLACE "^0+" "" version "${CMAKE_MATCH_1}")
  if(NOT version STREQUAL "${expected}")
    message(FATAL_ERROR "${FOLDER}/${up}: version ${expected} comes next")
  endif()
  if(NOT EXISTS "${FOLDER}/${stem}.down.sql")
    message(FATAL_ERROR "${FOLDER}/${up}: ${stem}.down.sql is missing")
  endif()
  list(REMOVE_ITEM all "${up}" "${stem}.down.sql")
  read_sql("${FOLDER}/${up}" up_sql)
  read_sql("${FOLDER}/${stem}.down.sql" down_sql)
  string(APPEND rows "    {${version}, \"${name}\",\n"
    "     R\"${delimiter}(${up_sql})${delimiter}\",\n"
    "     R\"${delimiter}(${down_sql})${delimiter}\"},\n")
endforeach()
if(all)
  message(FATAL_ERROR "${FOLDER}: ${all} belongs to no NNNN_name.up.sql")
endif()

set(text "// Generated from migrations/${BACKEND}; do not edit.\n"
  "#include \"adapters/${BACKEND}/embedded_migrations.hpp\"\n\n"
  "#include <array>\n\n"
  "namespace orchestrator::${BACKEND} {\n\n"
  "std::span<const EmbeddedMigration> embedded_migrations() {\n"
  "  static constexpr std::array<EmbeddedMigration, ${expected}> kMigrations{{\n")
string(CONCAT text ${text} "${rows}" "  }};\n  return kMigrations;\n}\n\n}  // namespace orchestrator::${BACKEND}\n")
file(WRITE "${OUTPUT}" "${text}")
