// Reads at most one byte more than allowed, whatever the source: a pipe has no size to ask for.
#include "cli/input.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

namespace orchestrator::cli {
namespace {

class File {
 public:
  explicit File(const std::string& path) : path_(path), owned_(path != "-") {
    if (!owned_) return;
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor_ < 0) fail();
  }
  ~File() {
    if (owned_ && descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  // 0 at the end.
  std::size_t read(char* to, std::size_t size) {
    while (true) {
      const auto got = ::read(descriptor_, to, size);
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR) fail();
    }
  }

 private:
  [[noreturn]] void fail() const {
    const int reason = errno;
    const auto name = owned_ ? path_ : std::string("standard input");
    throw Error(ErrorCode::kInvalidArgument, "cannot read " + name + ": " + std::strerror(reason));
  }

  std::string path_;
  bool owned_;
  int descriptor_ = STDIN_FILENO;
};

}  // namespace

std::string read_input(const std::string& path, std::size_t bytes_max) {
  File file(path);
  std::string text;
  char buffer[65'536];
  while (const auto got = file.read(buffer, sizeof buffer)) {
    text.append(buffer, got);
    if (text.size() > bytes_max) {
      throw Error(ErrorCode::kLimitExceeded, (path == "-" ? "standard input" : path) + " is larger than " +
                                                 std::to_string(bytes_max) +
                                                 " bytes, the most that is read (ORCHESTRATOR_MAX_BYTES)");
    }
  }
  return text;
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t number = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, number);
  if (text.empty() || problem != std::errc() || stop != end) return std::nullopt;
  return number;
}

std::int64_t parse_id(std::string_view text, std::string_view what) {
  const auto id = parse_integer(text);
  if (!id || *id <= 0) {
    throw Error(ErrorCode::kInvalidArgument, std::string(what) + " must be a whole number above zero");
  }
  return *id;
}

Date parse_day(std::string_view text, std::string_view what) {
  const auto day = parse_date(text);
  if (!day) {
    throw Error(ErrorCode::kInvalidArgument,
                std::string(what) + " must be a day of the calendar, written like 2026-01-05");
  }
  return *day;
}

}  // namespace orchestrator::cli
