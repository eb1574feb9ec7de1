// redis[s]://[[user]:password@]host[:port][/database]
//
// The host may be a name, an IPv4 address or an [IPv6 address]. The user information ends at the last @.

#include "adapters/redis/url.hpp"

#include <algorithm>
#include <charconv>

#include "orchestrator/error.hpp"

namespace orchestrator::redis {
namespace {

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorCode::kConfiguration,
              "the Redis URL must read redis://user:password@host:port/database, "
              "with special characters of user and password as %XX: " +
                  why);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  refuse("a % is not followed by two hexadecimal digits");
}

std::string decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (i + 2 >= text.size()) refuse("a % is not followed by two hexadecimal digits");
    decoded += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
    i += 2;
  }
  return decoded;
}

int parse_number(std::string_view text, int low, int high, const char* what) {
  int number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || number < low || number > high) {
    refuse(std::string(what) + " must be a number from " + std::to_string(low) + " to " +
           std::to_string(high));
  }
  return number;
}

void read_login(std::string_view text, Place& place) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) refuse("before the @ stands user:password or :password");
  place.user = decode(text.substr(0, colon));
  place.password = decode(text.substr(colon + 1));
  if (place.password.empty() && !place.user.empty()) refuse("a user needs a password");
}

void read_host(std::string_view text, Place& place) {
  const bool bracketed = text.starts_with('[');
  const std::size_t end = bracketed ? text.find(']') : text.find(':');
  const std::size_t begin = bracketed ? 1 : 0;
  if (bracketed && end == std::string_view::npos) refuse("a [ has no ]");
  place.host = text.substr(begin, end == std::string_view::npos ? end : end - begin);
  const std::string_view rest =
      end == std::string_view::npos ? std::string_view() : text.substr(end + (bracketed ? 1 : 0));
  const bool lawful = std::ranges::all_of(place.host, [bracketed](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || (bracketed && c == ':');
  });
  if (place.host.empty() || !lawful) refuse("the host is a name or an address");
  if (rest.empty()) return;
  if (rest.front() != ':') refuse("after the host comes :port or /database");
  place.port = parse_number(rest.substr(1), 1, 65535, "the port");
}

}  // namespace

std::string Place::shown() const {
  const bool address6 = host.find(':') != std::string::npos;
  return (address6 ? "[" + host + "]" : host) + ":" + std::to_string(port) + "/" + std::to_string(database);
}

Place parse_url(std::string_view url) {
  Place place;
  place.tls = url.starts_with("rediss://");
  if (!place.tls && !url.starts_with("redis://")) refuse("it begins with redis:// or rediss://");
  std::string_view rest = url.substr(url.find("//") + 2);
  if (rest.find_first_of("?#") != std::string_view::npos) refuse("nothing follows the database");
  const std::size_t at = rest.rfind('@');
  if (at != std::string_view::npos) {
    read_login(rest.substr(0, at), place);
    rest.remove_prefix(at + 1);
  }
  const std::size_t slash = rest.find('/');
  read_host(rest.substr(0, slash), place);
  if (slash != std::string_view::npos && slash + 1 < rest.size()) {
    place.database = parse_number(rest.substr(slash + 1), 0, 1'000'000, "the database");
  }
  return place;
}

}  // namespace orchestrator::redis
