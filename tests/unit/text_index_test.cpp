#include "adapters/memory/text_index.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <set>
#include <string>

using orchestrator::memory::TextIndex;

TEST_CASE("a text index finds what was added and not removed, through growth and repeated texts") {
  constexpr std::uint64_t kSeed = 7;
  INFO("seed ", kSeed);
  std::mt19937_64 random(kSeed);
  TextIndex index;
  std::map<std::string, std::set<std::int64_t>> oracle;
  const auto found = [&](const std::string& text) {
    std::set<std::int64_t> ids;
    index.find(text, [&](std::int64_t id) {
      ids.insert(id);
      return false;
    });
    return ids;
  };
  CHECK(found("nothing").empty());
  index.remove("nothing", 1);
  std::int64_t last = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = "text" + std::to_string(random() % 3000);
    std::set<std::int64_t>& ids = oracle[text];
    if (random() % 3 != 0 || ids.empty()) {
      index.add(text, ++last);
      ids.insert(last);
    } else {
      index.remove(text, *ids.begin());
      ids.erase(ids.begin());
    }
    index.remove(text, last + 1);  // was never there
    REQUIRE(found(text) == ids);
  }
  for (const auto& [text, ids] : oracle) REQUIRE(found(text) == ids);
  // A visit that returns true is the last.
  index.add("twice", ++last);
  index.add("twice", ++last);
  int visited = 0;
  const bool ended = index.find("twice", [&](std::int64_t) { return ++visited == 1; });
  CHECK(ended);
  CHECK(visited == 1);
}
