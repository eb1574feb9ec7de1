#include "examples/http_server/http.hpp"

#include <atomic>
#include <random>

namespace orchestrator::http {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Whether every character is written whole, and in its one lawful form.
bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[i + at]); };
    const std::size_t length = byte(0) < 0x80 ? 1 : byte(0) < 0xE0 ? 2 : byte(0) < 0xF0 ? 3 : 4;
    if (length > 1 && (byte(0) < 0xC2 || byte(0) > 0xF4 || text.size() - i < length)) return false;
    for (std::size_t at = 1; at < length; ++at) {
      if ((byte(at) & 0xC0U) != 0x80) return false;
    }
    // Overlong forms, surrogates, and what is beyond the last character.
    if (byte(0) == 0xE0 && byte(1) < 0xA0) return false;
    if (byte(0) == 0xED && byte(1) > 0x9F) return false;
    if (byte(0) == 0xF0 && byte(1) < 0x90) return false;
    if (byte(0) == 0xF4 && byte(1) > 0x8F) return false;
    i += length;
  }
  return true;
}

// `form`: a plus sign stands for a blank, as forms write it. Elsewhere, in a path, an escaped slash would
// look like the end of a segment once it is decoded; no path of ours has one.
std::optional<std::string> decode(std::string_view text, bool form) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      if (c == '/' && !form) return std::nullopt;
      i += 2;
    } else if (c == '+' && form) {
      c = ' ';
    }
    if (c == '\0') return std::nullopt;
    result += c;
  }
  if (!is_utf8(result)) return std::nullopt;
  return result;
}

bool split_query(std::string_view text, Request& request) {
  while (!text.empty()) {
    const auto end = text.find('&');
    const auto part = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (part.empty()) continue;
    const auto equals = part.find('=');
    auto name = decode(part.substr(0, equals), true);
    auto value = decode(equals == std::string_view::npos ? "" : part.substr(equals + 1), true);
    if (!name || !value) return false;
    request.query.emplace_back(std::move(*name), std::move(*value));
  }
  return true;
}

}  // namespace

std::string_view to_string(Role role) {
  switch (role) {
    case Role::kNone:
      return "none";
    case Role::kRead:
      return "read";
    case Role::kTrade:
      return "trade";
    case Role::kOperate:
      return "operate";
  }
  return "";
}

const std::string* Request::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return "Unknown";
  }
}

bool split_target(Request& request) {
  const std::string_view target = request.target;
  if (target.empty() || target.front() != '/') return false;
  const auto question = target.find('?');
  auto path = decode(target.substr(0, question), false);
  if (!path) return false;
  request.path = std::move(*path);
  return question == std::string_view::npos || split_query(target.substr(question + 1), request);
}

bool is_sane_request_id(std::string_view text) {
  if (text.empty() || text.size() > 64) return false;
  for (const char c : text) {
    const bool letter = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && c != '-' && c != '_' && c != '.' && c != ':') return false;
  }
  return true;
}

std::string fresh_request_id() {
  // Unlike from process to process and, with the count, within one.
  static const std::uint64_t process = std::random_device{}() * 0x1'0000'0001ULL ^ std::random_device{}();
  static std::atomic<std::uint64_t> count{0};
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::uint64_t number = (process + ++count) * 0x9E37'79B9'7F4A'7C15ULL;  // odd: one number, one id
  std::string id(16, '0');
  for (auto& c : id) {
    c = kDigits[number & 15U];
    number >>= 4U;
  }
  return id;
}

std::string fresh_idempotency_key() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::random_device device;  // the system's
  std::string key = "auto-";
  for (int word = 0; word < 4; ++word) {
    for (std::uint32_t bits = device(), digit = 0; digit < 8; ++digit, bits >>= 4U)
      key += kDigits[bits & 15U];
  }
  return key;
}

}  // namespace orchestrator::http
