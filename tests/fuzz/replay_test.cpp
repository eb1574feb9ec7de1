// The corpora replayed: what fuzzing starts from, and what it found once.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "fuzz/target.hpp"

namespace orchestrator::fuzz {
namespace {

std::vector<std::filesystem::path> corpus_of(const Target& target) {
  const auto folder = std::filesystem::path(ORCHESTRATOR_SOURCE_DIR) / "tests/fuzz/corpus" / target.name;
  std::vector<std::filesystem::path> files;
  if (!std::filesystem::is_directory(folder)) return files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

TEST_CASE("the properties of every fuzz target hold on its corpus, on nothing and on cut off inputs") {
  REQUIRE(targets().size() >= 5);
  for (const Target& target : targets()) {
    CAPTURE(std::string(target.name));
    CHECK_NOTHROW(target.run(""));
    const auto files = corpus_of(target);
    CHECK(!files.empty());
    for (const auto& file : files) {
      CAPTURE(file.filename().string());
      const std::string bytes = bytes_of(file);
      CHECK_NOTHROW(target.run(bytes));
      CHECK_NOTHROW(target.run(std::string_view(bytes).substr(0, bytes.size() / 2)));
    }
  }
}

}  // namespace
}  // namespace orchestrator::fuzz
