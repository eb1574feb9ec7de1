#include "orchestrator/backends/sqlite.hpp"
#include "support/commit_listener.hpp"
#include "support/temporary_folder.hpp"

TEST_CASE("every unit that SQLite commits is told to the observer once") {
  const orchestrator::testing::TemporaryFolder folder;
  const auto store = orchestrator::open_sqlite_store({.path = folder.file("book.db")});
  orchestrator::testing::every_committed_unit_is_told_once(*store);
}
