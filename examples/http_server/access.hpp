// Who may ask for what: API keys, their roles and tenants, and how often each may ask.
//
// A key is 256 random bits, shown once when it is made; its SHA-256 alone is kept, which is enough for a
// secret that nobody can guess. Comparing takes the same time whichever key is given, and whether it exists.
//
// The keys file has one line per key:
//
//   # name          role     tenant  sha256 of the key, in hex
//   desk-7          trade    acme    9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
//   night-operator  operate  *       2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "examples/http_server/http.hpp"

namespace orchestrator::http {

// read, trade or operate; nullopt for any other word.
[[nodiscard]] std::optional<Role> parse_role(std::string_view word);

struct ApiKey {
  Caller owner;
  std::array<unsigned char, 32> sha256{};
};

class Access {
 public:
  // No keys: everybody who reaches the server is an operator, so it may listen on loopback only.
  // `requests_per_second`: of each key, with bursts of one second's worth; 0: no limit.
  explicit Access(std::vector<ApiKey> keys, std::int64_t requests_per_second = 0);
  ~Access();
  Access(Access&&) noexcept;
  Access& operator=(Access&&) noexcept;

  [[nodiscard]] bool needs_key() const { return !keys_.empty(); }

  // Who sent this; role kNone when it does not say. Throws Refusal: 401 for a key that is wrong, 429 for one
  // that has had its share, 403 for a request without keys that may come from a page of somebody else.
  [[nodiscard]] Caller authenticate(const Request& request);

  // Position of the key in an Authorization header ("Bearer KEY"), for owner() and wait_for(); nullopt: no
  // such key. Only where needs_key().
  [[nodiscard]] std::optional<std::size_t> find(std::string_view authorization) const;
  [[nodiscard]] const Caller& owner(std::size_t key) const { return keys_[key].owner; }
  // Counts one request of the key. Returns how long it must wait instead, when it has had its share; zero:
  // go on. `now` is a monotonic time. Any thread.
  [[nodiscard]] std::chrono::microseconds wait_for(std::size_t key, std::chrono::microseconds now);

 private:
  std::vector<ApiKey> keys_;
  std::chrono::microseconds interval_{0};  // between two requests at the full rate; 0: no limit
  // When each key will have used up its share, if it asks no more (the generic cell rate algorithm).
  std::unique_ptr<std::atomic<std::int64_t>[]> busy_until_;
};

// Whether a request without keys comes from this machine's own programs and pages: a web page of elsewhere
// can make a browser send requests to loopback, but not under our host name and origin. `origin` is empty
// when there was none.
[[nodiscard]] bool is_local(std::string_view host, std::string_view origin);

// Throws Error(configuration) that names the line; also for a file that others may write.
[[nodiscard]] std::vector<ApiKey> read_keys_file(const std::string& path);
// Makes a key, appends its line to the file (created for its owner alone) and returns the key. Throws
// Error(configuration) for a name, tenant or file that will not do.
[[nodiscard]] std::string add_key(const std::string& path, const Caller& owner);

}  // namespace orchestrator::http
