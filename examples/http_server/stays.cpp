#include "examples/http_server/stays.hpp"

#include <mutex>
#include <unordered_map>

#include "examples/http_server/problem.hpp"

namespace orchestrator::http {

struct Stays::Counts {
  explicit Counts(std::size_t most) : all_max(most) {}

  void add(const std::string& key) {
    const std::lock_guard lock(mutex);
    if (all >= all_max) {
      throw Refusal{503, "overloaded", "too many streams and waits are open", {{"Retry-After", "10"}}};
    }
    auto& of_this = of_key[key];
    if (!key.empty() && of_this >= kOfKeyMax) {
      throw Refusal{429,
                    "too_many_streams",
                    "this key has " + std::to_string(kOfKeyMax) + " streams and waits open; end one first",
                    {{"Retry-After", "10"}}};
    }
    ++of_this;
    ++all;
  }

  void remove(const std::string& key) {
    const std::lock_guard lock(mutex);
    --all;
    if (const auto found = of_key.find(key); --found->second == 0) of_key.erase(found);
  }

  const std::size_t all_max;
  std::mutex mutex;
  std::size_t all = 0;
  std::unordered_map<std::string, std::size_t> of_key;
};

struct Stays::Place {
  Place(std::shared_ptr<Counts> counts, std::string key) : counts_(std::move(counts)), key_(std::move(key)) {
    counts_->add(key_);
  }
  ~Place() { counts_->remove(key_); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  const std::shared_ptr<Counts> counts_;
  const std::string key_;
};

Stays::Stays(std::size_t all_max) : counts_(std::make_shared<Counts>(all_max)) {}

std::shared_ptr<void> Stays::take(const std::string& key) { return std::make_shared<Place>(counts_, key); }

}  // namespace orchestrator::http
