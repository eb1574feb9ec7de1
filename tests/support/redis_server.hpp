// A Redis for the tests, named by ORCHESTRATOR_TEST_REDIS_URL, and a hand on what it holds.
#pragma once

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/redis/connection.hpp"

namespace orchestrator::testing {

// nullopt: the tests have no server.
inline std::optional<std::string> redis_url() {
  const char* url = std::getenv("ORCHESTRATOR_TEST_REDIS_URL");
  if (url == nullptr || *url == '\0') return std::nullopt;
  return url;
}

// The name of a book that no other test has.
inline std::string new_book() {
  static std::atomic<int> count{0};
  return "test-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
}

// kill, start, pause or resume. False: it is not ours to steer.
inline bool steer_redis(const std::string& verb) {
  const std::string command = ORCHESTRATOR_SOURCE_DIR "/tests/servers/ctl " + verb + " redis >/dev/null 2>&1";
  return std::system(command.c_str()) == 0;
}

class RedisServer {
 public:
  explicit RedisServer(const std::string& url) : connection_(redis::parse_url(url), soon(), kReplyMax) {}

  // "OK", the value, or the first word of what the server refuses it with.
  std::string run(std::initializer_list<std::string_view> command) {
    return connection_.run(command, soon()).text;
  }
  // For commands that are answered with a number.
  std::string number(const std::string& command, const std::string& key) {
    return run({"EVAL", "return tostring(redis.call(" + command + "))", "1", key});
  }

 private:
  static constexpr std::size_t kReplyMax = std::size_t{64} * 1024 * 1024;
  static redis::Deadline soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(20); }

  redis::Connection connection_;
};

}  // namespace orchestrator::testing
