// The schema's history, compiled into the program. migrations/postgres/NNNN_name.{up,down}.sql are the
// source; the build turns them into the definition of embedded_migrations() (cmake/embed_migrations.cmake)
// and refuses a hole in the numbers or an up without its down. An installed program needs no SQL files beside
// it.
#pragma once

#include <span>
#include <string_view>

namespace orchestrator::postgres {

struct EmbeddedMigration {
  int version;            // 1, 2, 3, ... without holes
  std::string_view name;  // the file's name between the number and .up.sql
  std::string_view up;    // the files' bytes, unchanged: checksums are taken over these
  std::string_view down;
};

// In the order of their versions. The storage is static.
std::span<const EmbeddedMigration> embedded_migrations();

}  // namespace orchestrator::postgres
