#include "examples/http_server/access.hpp"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <span>
#include <sstream>

#include "examples/http_server/problem.hpp"
#include "orchestrator/error.hpp"
#include "orchestrator/order.hpp"

namespace orchestrator::http {
namespace {

constexpr std::size_t kKeysMax = 1000;
constexpr std::size_t kNameMax = 64;
constexpr std::size_t kRandomBytes = 32;
// Makes a key recognisable to people and to scanners for leaked secrets.
constexpr std::string_view kKeyPrefix = "ook_";
constexpr std::size_t kKeyTextMax = 128;
constexpr std::string_view kAllTenants = "*";
constexpr std::string_view kHexDigits = "0123456789abcdef";

using Digest = std::array<unsigned char, 32>;

[[noreturn]] void refuse(const std::string& why) { throw Error(ErrorCode::kConfiguration, why); }

Digest sha256(std::string_view text) {
  Digest digest;
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) {
    throw Error(ErrorCode::kInternal, "the cryptographic library has no SHA-256");
  }
  return digest;
}

std::string to_hex(std::span<const unsigned char> bytes) {
  std::string text;
  for (const unsigned char byte : bytes) {
    text += kHexDigits[byte >> 4U];
    text += kHexDigits[byte & 15U];
  }
  return text;
}

std::optional<Digest> parse_digest(std::string_view hex) {
  Digest digest;
  if (hex.size() != 2 * digest.size()) return std::nullopt;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const auto high = kHexDigits.find(hex[2 * i]);
    const auto low = kHexDigits.find(hex[2 * i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    digest[i] = static_cast<unsigned char>(high << 4U | low);
  }
  return digest;
}

bool is_word(std::string_view text, std::size_t size_max) {
  return !text.empty() && text.size() <= size_max && text.front() != '#' &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

void check_owner(const Caller& owner) {
  if (!is_word(owner.name, kNameMax)) {
    refuse("the name must be 1 to " + std::to_string(kNameMax) +
           " visible ASCII characters, not beginning with #");
  }
  if (owner.role == Role::kOperate) {
    if (owner.tenant) refuse("an operate key is for all tenants: *");
    return;
  }
  if (!owner.tenant || !is_word(*owner.tenant, kTenantMax) || *owner.tenant == kAllTenants) {
    refuse("a " + std::string(to_string(owner.role)) + " key belongs to one tenant: 1 to " +
           std::to_string(kTenantMax) + " visible ASCII characters, not *");
  }
}

ApiKey parse_line(const std::string& line) {
  std::istringstream words(line);
  std::string name, role_word, tenant, hex, more;
  if (!(words >> name >> role_word >> tenant >> hex) || words >> more) {
    refuse("must be: name role tenant sha256");
  }
  const auto role = parse_role(role_word);
  if (!role) refuse("the role must be read, trade or operate");
  const auto digest = parse_digest(hex);
  if (!digest) refuse("the key's SHA-256 must be 64 hexadecimal digits in lower case");
  ApiKey key{.owner = {.name = name, .role = *role, .tenant = tenant}, .sha256 = *digest};
  if (tenant == kAllTenants) key.owner.tenant.reset();
  check_owner(key.owner);
  return key;
}

void check_mode(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0)
    refuse("cannot read the keys file " + path + ": " + std::strerror(errno));
  if (!S_ISREG(status.st_mode)) refuse("the keys file " + path + " is not a file");
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    refuse("others may write the keys file " + path + ", and so give themselves a key: chmod 600 it");
  }
}

std::string new_key() {
  std::array<unsigned char, kRandomBytes> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    throw Error(ErrorCode::kInternal, "the cryptographic library has no random numbers");
  }
  return std::string(kKeyPrefix) + to_hex(bytes);
}

void append_line(const std::string& path, std::string line) {
  const int file = ::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file < 0) refuse("cannot write the keys file " + path + ": " + std::strerror(errno));
  // An editor may have left the last line without its end.
  char last = '\n';
  const off_t size = ::lseek(file, 0, SEEK_END);
  if (size > 0 && ::pread(file, &last, 1, size - 1) == 1 && last != '\n') line.insert(0, 1, '\n');
  const bool written =
      ::write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size()) && ::fsync(file) == 0;
  const int reason = errno;
  ::close(file);
  if (!written) refuse("cannot write the keys file " + path + ": " + std::strerror(reason));
}

bool is_local_authority(std::string_view authority) {
  for (const std::string_view name : {"localhost", "127.0.0.1", "[::1]"}) {
    if (!authority.starts_with(name)) continue;
    const auto port = authority.substr(name.size());
    if (port.empty()) return true;
    return port.size() > 1 && port.front() == ':' &&
           std::all_of(port.begin() + 1, port.end(), [](char c) { return c >= '0' && c <= '9'; });
  }
  return false;
}

}  // namespace

std::optional<Role> parse_role(std::string_view word) {
  for (const Role role : {Role::kRead, Role::kTrade, Role::kOperate}) {
    if (word == to_string(role)) return role;
  }
  return std::nullopt;
}

Access::Access(std::vector<ApiKey> keys, std::int64_t requests_per_second)
    : keys_(std::move(keys)), busy_until_(std::make_unique<std::atomic<std::int64_t>[]>(keys_.size())) {
  if (requests_per_second > 0) interval_ = std::chrono::microseconds(1'000'000 / requests_per_second);
  // Nobody starts with a share used up, whatever the monotonic clock's zero is.
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    busy_until_[i].store(std::numeric_limits<std::int64_t>::min(), std::memory_order_relaxed);
  }
}
Access::~Access() = default;
Access::Access(Access&&) noexcept = default;
Access& Access::operator=(Access&&) noexcept = default;

Caller Access::authenticate(const Request& request) {
  if (!needs_key()) {
    const auto* host = request.header("host");
    const auto* origin = request.header("origin");
    if (host == nullptr || !is_local(*host, "")) {
      throw Refusal{403, "foreign_host", "without API keys only localhost, 127.0.0.1 and [::1] are served"};
    }
    if (origin != nullptr && !is_local(*host, *origin)) {
      throw Refusal{403, "foreign_origin", "without API keys no page of another site may send requests"};
    }
    return {"local", Role::kOperate, std::nullopt};
  }
  const auto* authorization = request.header("authorization");
  if (authorization == nullptr) return {};
  const auto key = find(*authorization);
  if (!key) {
    throw Refusal{401,
                  "not_authenticated",
                  "this is no API key: send Authorization: Bearer KEY",
                  {{"WWW-Authenticate", "Bearer"}}};
  }
  const auto wait = wait_for(*key, std::chrono::duration_cast<std::chrono::microseconds>(
                                       std::chrono::steady_clock::now().time_since_epoch()));
  if (wait.count() > 0) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
    throw Refusal{429,
                  "too_many_requests",
                  "this key has sent all the requests it may for now; nothing happened",
                  {{"Retry-After", std::to_string(seconds)}}};
  }
  return owner(*key);
}

std::optional<std::size_t> Access::find(std::string_view authorization) const {
  constexpr std::string_view kScheme = "bearer ";
  const bool bearer =
      authorization.size() > kScheme.size() && authorization.size() <= kScheme.size() + kKeyTextMax &&
      std::equal(kScheme.begin(), kScheme.end(), authorization.begin(),
                 [](char wanted, char c) { return wanted == (c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c); });
  if (!bearer) return std::nullopt;
  const Digest given = sha256(authorization.substr(kScheme.size()));
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    if (CRYPTO_memcmp(given.data(), keys_[i].sha256.data(), given.size()) == 0) found = i;
  }
  return found;
}

std::chrono::microseconds Access::wait_for(std::size_t key, std::chrono::microseconds now) {
  constexpr std::int64_t kBurst = 1'000'000;
  if (interval_.count() == 0) return {};
  auto busy = busy_until_[key].load(std::memory_order_relaxed);
  for (;;) {
    const auto next = std::max(busy, now.count()) + interval_.count();
    if (next > now.count() + kBurst) return std::chrono::microseconds(next - now.count() - kBurst);
    if (busy_until_[key].compare_exchange_weak(busy, next, std::memory_order_relaxed)) return {};
  }
}

bool is_local(std::string_view host, std::string_view origin) {
  constexpr std::string_view kScheme = "http://";
  if (!is_local_authority(host)) return false;
  return origin.empty() || (origin.starts_with(kScheme) && origin.substr(kScheme.size()) == host);
}

std::vector<ApiKey> read_keys_file(const std::string& path) {
  check_mode(path);
  std::ifstream file(path);
  if (!file) refuse("cannot read the keys file " + path);
  std::vector<ApiKey> keys;
  std::size_t number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    const auto begin = line.find_first_not_of(" \t\r");
    if (begin == std::string::npos || line[begin] == '#') continue;
    try {
      if (keys.size() == kKeysMax) refuse("at most " + std::to_string(kKeysMax) + " keys");
      keys.push_back(parse_line(line));
    } catch (const Error& error) {
      refuse("keys file " + path + ", line " + std::to_string(number) + ": " + error.what());
    }
  }
  if (file.bad()) refuse("cannot read the keys file " + path);
  if (keys.empty()) refuse("the keys file " + path + " has no key: make one with `orchestrator_http key`");
  return keys;
}

std::string add_key(const std::string& path, const Caller& owner) {
  check_owner(owner);
  if (::access(path.c_str(), F_OK) == 0) check_mode(path);
  std::string key = new_key();
  append_line(path, owner.name + ' ' + std::string(to_string(owner.role)) + ' ' +
                        owner.tenant.value_or(std::string(kAllTenants)) + ' ' + to_hex(sha256(key)) + '\n');
  return key;
}

}  // namespace orchestrator::http
