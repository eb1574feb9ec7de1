// The file and callback publishers: what is confirmed is delivered, and a torn line never stays.
#include <doctest/doctest.h>

#include <unistd.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "orchestrator/error.hpp"
#include "orchestrator/event_publisher.hpp"

using namespace orchestrator;

namespace {

struct Folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("orchestrator-publishers-" + std::to_string(::getpid()));
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
};

std::vector<Event> events(int count) {
  std::vector<Event> made;
  for (int i = 1; i <= count; ++i) {
    Event event;
    event.log_id = 7;
    event.order_id = 3;
    event.batch_id = 1;
    event.seq = i;
    event.data = "{}";
    made.push_back(event);
  }
  return made;
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  return (std::ostringstream() << file.rdbuf()).str();
}

}  // namespace

TEST_CASE("the file publisher appends one line per event and confirms each") {
  const Folder folder;
  const std::string path = folder.path / "events.jsonl";
  const auto publisher = make_file_publisher(path, "/desk");
  const auto batch = events(2);
  CHECK(publisher->send(batch) == 2);
  CHECK(publisher->collect(std::chrono::milliseconds(0)) ==
        std::vector<DeliveryReport>{{7, 3, 1}, {7, 3, 2}});
  CHECK(publisher->collect(std::chrono::milliseconds(0)).empty());
  CHECK(read(path) == to_cloud_event(batch[0], "/desk") + "\n" + to_cloud_event(batch[1], "/desk") + "\n");
}

TEST_CASE("a line torn by a crash is cut off when the file is opened again") {
  const Folder folder;
  const std::string path = folder.path / "events.jsonl";
  const std::string line = to_cloud_event(events(1).front(), "/desk") + "\n";
  for (const std::string& before : {std::string(), line, line + line}) {
    std::ofstream(path) << before << line.substr(0, line.size() / 2);
    const auto publisher = make_file_publisher(path, "/desk");
    CHECK(read(path) == before);
  }
}

TEST_CASE("a file that is not an events file is refused and left as it was") {
  const Folder folder;
  const std::string path = folder.path / "theirs";
  using namespace std::string_literals;
  for (const std::string& content :
       {"a letter to my aunt"s, "one line\nand a torn one"s, "{\"whole\":1}\n"s, "{"s, "\n"s,
        "{\"specversion\"\n"s, "{\"specversion\":\"0.3\",\"id\":1}\n{"s, "SQLite format 3\0and so on"s}) {
    INFO(content);
    std::ofstream(path, std::ios::binary) << content;
    CHECK_THROWS_AS(static_cast<void>(make_file_publisher(path, "/desk")), Error);
    CHECK(read(path) == content);
  }
  CHECK_THROWS_AS(static_cast<void>(make_file_publisher("/dev/full", "/desk")), Error);
  CHECK_THROWS_AS(static_cast<void>(make_file_publisher(folder.path, "/desk")), Error);
}

TEST_CASE("an events file that cannot be opened is a configuration error that names it") {
  try {
    static_cast<void>(make_file_publisher("/nonexistent/folder/events.jsonl", "/desk"));
    FAIL("opened");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::kConfiguration);
    CHECK(std::string(error.what()).find("/nonexistent/folder/events.jsonl") != std::string::npos);
  }
}

TEST_CASE("a callback that throws stops the page there: later events do not overtake") {
  std::vector<std::int32_t> seen;
  bool down = true;
  const auto publisher = make_callback_publisher([&](const Event& event) {
    if (event.seq == 2 && std::exchange(down, false)) throw std::runtime_error("down");
    seen.push_back(event.seq);
  });
  const auto batch = events(3);
  CHECK(publisher->send(batch) == 1);
  CHECK(publisher->collect(std::chrono::milliseconds(0)).size() == 1);
  CHECK(publisher->send(batch) == 3);
  CHECK(seen == std::vector<std::int32_t>{1, 1, 2, 3});
}
