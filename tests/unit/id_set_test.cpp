#include "adapters/memory/id_set.hpp"

#include <doctest/doctest.h>

#include <random>
#include <set>

using orchestrator::memory::IdSet;

TEST_CASE("an id set answers like an ordered set, in both directions") {
  constexpr std::uint64_t kSeed = 42;
  INFO("seed ", kSeed);
  std::mt19937_64 random(kSeed);
  for (const std::int64_t spread : {70, 5000, 300'000}) {
    IdSet ids;
    std::set<std::int64_t> oracle;
    const auto any = [&] {
      return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(spread)) + 1;
    };
    for (int i = 0; i < 4000; ++i) {
      const std::int64_t id = any();
      if (random() % 2 == 0) {
        ids.insert(id);
        oracle.insert(id);
      } else {
        // Half of the time the smallest, so that whole stretches become empty.
        const std::int64_t gone = oracle.empty() || random() % 2 == 0 ? id : *oracle.begin();
        ids.erase(gone);
        oracle.erase(gone);
      }
      const std::int64_t from = any() - 1;
      const auto above = oracle.upper_bound(from);
      const auto below = oracle.lower_bound(from);
      REQUIRE(ids.above(from) == (above == oracle.end() ? 0 : *above));
      REQUIRE(ids.below(from) == (below == oracle.begin() ? 0 : *std::prev(below)));
      REQUIRE(ids.size() == static_cast<std::int64_t>(oracle.size()));
    }
    CHECK(ids.above(spread * 10) == 0);
    CHECK(ids.below(spread * 10) == (oracle.empty() ? 0 : *oracle.rbegin()));
  }
}
