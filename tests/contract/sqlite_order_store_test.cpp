#include <doctest/doctest.h>

#include <string>

#include "orchestrator/backends/sqlite.hpp"
#include "orchestrator/testing/order_store_contract.hpp"
#include "support/temporary_folder.hpp"

TEST_CASE("the SQLite store keeps the order store's contract") {
  const orchestrator::testing::TemporaryFolder folder;
  int count = 0;
  orchestrator::testing::order_store_contract([&] {
    return orchestrator::open_sqlite_store({.path = folder.file("book" + std::to_string(++count) + ".db")});
  });
}
