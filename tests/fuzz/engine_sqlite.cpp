// Operations on an orchestrator over a SQLite file, against the model. `./dev fuzz` puts the file in memory.
#include <filesystem>

#include "fuzz/desk_model.hpp"
#include "orchestrator/backends/sqlite.hpp"
#include "support/temporary_folder.hpp"

namespace orchestrator::fuzz {
namespace {

// Migrations take longer than all the rest: each run begins with a copy of an empty database.
void run(std::string_view bytes) {
  static const testing::TemporaryFolder folder;
  static const bool made = open_sqlite_store({.path = folder.file("empty.db")}) != nullptr;
  require(made, "an empty database");
  const std::string path = folder.file("run.db");
  for (const char* suffix : {"", "-wal", "-shm", ".lock"}) std::filesystem::remove(path + suffix);
  std::filesystem::copy_file(folder.file("empty.db"), path);
  DeskModel(bytes, [&] { return open_sqlite_store({.path = path, .create = false}); }).run();
}

const Registration kRegistered({"engine_sqlite", run});

}  // namespace
}  // namespace orchestrator::fuzz
