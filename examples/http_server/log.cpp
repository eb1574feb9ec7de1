#include "examples/http_server/log.hpp"

#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ostream_sink.h>

#include <array>
#include <cctype>
#include <cstdint>
#include <iostream>

#include "orchestrator/error.hpp"

namespace orchestrator::http {
namespace {

using Level = spdlog::level::level_enum;

constexpr std::size_t kQueueMax = 8192;
constexpr std::size_t kTextMax = 1024;  // bytes of one value

Level level_of(std::string_view word) {
  if (word == "debug") return Level::debug;
  if (word == "info") return Level::info;
  if (word == "warning") return Level::warn;
  if (word == "error") return Level::err;
  throw Error(ErrorCode::kConfiguration,
              "log level '" + std::string(word) + "' is none: use debug, info, warning or error");
}

bool is_json(std::string_view format) {
  if (format == "json" || format == "text") return format == "json";
  throw Error(ErrorCode::kConfiguration,
              "log format '" + std::string(format) + "' is none: use text or json");
}

// The code point that begins the text, and its bytes; U+FFFD and one byte for what is no UTF-8.
std::pair<std::uint32_t, std::size_t> first_code_point(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i]));
  };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return {0xFFFD, 1};
  std::uint32_t point = lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return {0xFFFD, 1};
    point = (point << 6) | (byte(i) & 0x3FU);
  }
  constexpr std::array<std::uint32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  const bool lawful = point >= kLeast[length] && point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
  if (!lawful) return {0xFFFD, 1};
  return {point, length};
}

void append_unit(std::string& out, std::uint32_t unit) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kDigits[(unit >> shift) & 0xFU];
}

// As inside a JSON string, in printable ASCII.
void append_escaped(std::string& out, std::string_view text) {
  const bool cut = text.size() > kTextMax;
  text = text.substr(0, kTextMax);
  while (!text.empty()) {
    const auto [point, length] = first_code_point(text);
    text.remove_prefix(length);
    if (point == '"' || point == '\\') {
      out += '\\';
      out += static_cast<char>(point);
    } else if (point >= 0x20 && point < 0x7F) {
      out += static_cast<char>(point);
    } else if (point < 0x10000) {
      append_unit(out, point);
    } else {
      append_unit(out, 0xD800 + ((point - 0x10000) >> 10));
      append_unit(out, 0xDC00 + ((point - 0x10000) & 0x3FFU));
    }
  }
  if (cut) out += "...";
}

// name=value, the value in quotes unless it is a plain word.
void append_text_member(std::string& out, std::string_view name, std::string_view value) {
  bool plain = !value.empty() && value.size() <= kTextMax;
  for (const char c : value) {
    const bool harmless = std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                          std::string_view("-_./{}:").find(c) != std::string_view::npos;
    plain = plain && harmless;
  }
  out.append(" ").append(name).append("=");
  if (plain) {
    out += value;
    return;
  }
  out += '"';
  append_escaped(out, value);
  out += '"';
}

void append_json_member(std::string& out, std::string_view name, std::string_view value) {
  out.append(",\"").append(name).append("\":\"");
  append_escaped(out, value);
  out += '"';
}

// One entry without its time and level, which the pattern puts in front.
class Entry {
 public:
  Entry(bool json, std::string_view message) : json_(json) {
    if (json_) line_ = "\"message\":\"";
    append_escaped(line_, without_passwords(message));
    if (json_) line_ += '"';
  }
  Entry& text(std::string_view name, std::string_view value) {
    json_ ? append_json_member(line_, name, value) : append_text_member(line_, name, value);
    return *this;
  }
  Entry& number(std::string_view name, std::int64_t value) {
    if (json_) {
      line_.append(",\"").append(name).append("\":").append(std::to_string(value));
    } else {
      line_.append(" ").append(name).append("=").append(std::to_string(value));
    }
    return *this;
  }
  [[nodiscard]] std::string_view line() const { return line_; }

 private:
  bool json_;
  std::string line_;
};

}  // namespace

// Up to the @ that ends what stands before the host: the last before a character that ends a URL.
std::string without_passwords(std::string_view text) {
  std::string out;
  for (;;) {
    const std::size_t begin = text.find("://");
    if (begin == std::string_view::npos) return out.append(text);
    const std::size_t user = begin + 3;
    const std::size_t end = text.find_first_of(" \t\r\n'\"<>,;", user);
    const std::string_view rest = text.substr(user, end == std::string_view::npos ? end : end - user);
    const std::size_t at = rest.rfind('@');
    const std::size_t colon = rest.find(':');
    if (at == std::string_view::npos || colon == std::string_view::npos || colon > at) {
      out.append(text.substr(0, user));
      text.remove_prefix(user);
      continue;
    }
    out.append(text.substr(0, user + colon + 1)).append("***");
    text.remove_prefix(user + at);
  }
}

class Log::Writer {
 public:
  Writer(std::string_view format, std::string_view level, std::ostream& out)
      : json_(is_json(format)),
        pool_(std::make_shared<spdlog::details::thread_pool>(kQueueMax, 1)),
        logger_(std::make_shared<spdlog::async_logger>(
            "http", std::make_shared<spdlog::sinks::ostream_sink_mt>(out, true), pool_,
            spdlog::async_overflow_policy::overrun_oldest)) {
    const char* pattern =
        json_ ? R"({"time":"%Y-%m-%dT%H:%M:%S.%fZ","level":"%l",%v})" : "%Y-%m-%dT%H:%M:%S.%fZ %l %v";
    logger_->set_level(level_of(level));
    logger_->set_formatter(
        std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc, "\n"));
    logger_->set_error_handler([](const std::string&) {});  // there is nowhere to say it
  }

  [[nodiscard]] bool takes(Level level) const { return logger_->should_log(level); }
  [[nodiscard]] Entry entry(std::string_view message) const { return {json_, message}; }
  // As it is: braces in a text are no placeholders.
  void write(Level level, const Entry& entry) {
    logger_->log(level, spdlog::string_view_t(entry.line().data(), entry.line().size()));
  }
  void say(Level level, std::string_view sentence) noexcept {
    try {
      if (takes(level)) write(level, entry(sentence));
    } catch (...) {  // no memory for a line
    }
  }

 private:
  bool json_;
  std::shared_ptr<spdlog::details::thread_pool> pool_;
  std::shared_ptr<spdlog::async_logger> logger_;  // goes before the pool, which writes what waits
};

Log::Log(std::string_view format, std::string_view level) : Log(format, level, std::cerr) {}
Log::Log(std::string_view format, std::string_view level, std::ostream& out)
    : writer_(std::make_unique<Writer>(format, level, out)) {}
Log::~Log() = default;

void Log::answered(const AnsweredRequest& request) noexcept {
  const Level level = request.status >= 500 ? Level::err : Level::info;
  try {
    if (!writer_->takes(level)) return;
    Entry entry = writer_->entry("request");
    entry.text("request_id", request.id)
        .text("method", request.method)
        .text("route", request.route.empty() ? "other" : request.route)
        .number("status", request.status)
        .number("duration_us", request.duration.count())
        .text("caller", request.caller)
        .number("bytes", static_cast<std::int64_t>(request.bytes));
    if (!request.subject.empty()) entry.text("subject", request.subject);
    writer_->write(level, entry);
  } catch (...) {  // no memory for a line
  }
}

void Log::debug(std::string_view sentence) noexcept { writer_->say(Level::debug, sentence); }
void Log::info(std::string_view sentence) noexcept { writer_->say(Level::info, sentence); }
void Log::warn(std::string_view sentence) noexcept { writer_->say(Level::warn, sentence); }
void Log::error(std::string_view sentence) noexcept { writer_->say(Level::err, sentence); }

}  // namespace orchestrator::http
