// What stays open for long, streams and long polls, counted by key: one key shall not hold all connections.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace orchestrator::http {

class Stays {
 public:
  static constexpr std::size_t kOfKeyMax = 64;

  explicit Stays(std::size_t all_max);

  // One more of that key ("": there are no keys), for as long as what is returned is kept. Throws Refusal:
  // 429 when the key has all it may have, 503 when all together do. Any thread.
  [[nodiscard]] std::shared_ptr<void> take(const std::string& key);

 private:
  struct Counts;
  struct Place;
  std::shared_ptr<Counts> counts_;  // which the places hold too
};

}  // namespace orchestrator::http
