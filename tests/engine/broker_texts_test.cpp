// Texts of a broker's that are too long to be kept, or no text at all.

#include <doctest/doctest.h>

#include "support/broker_text_cases.hpp"

namespace orchestrator::testing {
namespace {

TEST_CASE("a text of a broker's that cannot be kept loses no fill, sends nothing twice and stops nothing") {
  check_broker_texts([] { return make_memory_store(); });
}

}  // namespace
}  // namespace orchestrator::testing
