#include <doctest/doctest.h>

#include "orchestrator/backends/memory.hpp"
#include "orchestrator/testing/order_store_contract.hpp"

TEST_CASE("the memory store keeps the order store's contract") {
  orchestrator::testing::order_store_contract([] { return orchestrator::make_memory_store(); });
}
