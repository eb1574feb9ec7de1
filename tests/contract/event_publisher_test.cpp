#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "orchestrator/testing/event_publisher_contract.hpp"

using namespace orchestrator;
using testing::PublisherUnderTest;

TEST_CASE("the file publisher keeps the event publisher's contract") {
  const std::filesystem::path path = std::filesystem::temp_directory_path() /
                                     ("orchestrator-contract-" + std::to_string(::getpid()) + ".jsonl");
  testing::event_publisher_contract([&](const std::string& source) {
    std::filesystem::remove(path);
    return PublisherUnderTest{make_file_publisher(path, source), [&] {
                                std::vector<std::string> lines;
                                std::ifstream file(path);
                                for (std::string line; std::getline(file, line);) lines.push_back(line);
                                return lines;
                              }};
  });
  std::filesystem::remove(path);
}

TEST_CASE("the callback publisher keeps the event publisher's contract") {
  testing::event_publisher_contract([](const std::string& source) {
    const auto lines = std::make_shared<std::vector<std::string>>();
    return PublisherUnderTest{make_callback_publisher([lines, source](const Event& event) {
                                lines->push_back(to_cloud_event(event, source));
                              }),
                              [lines] { return *lines; }};
  });
}
