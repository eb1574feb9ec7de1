// The server's words, on standard error: a line for each answered request, and sentences about the server
// itself.
//
// Invariants
//   * one entry is one line of printable ASCII, whatever a client, a broker or a database put into it:
//     what is not printable is written as in a JSON string, what is too long is cut
//   * no body, header, query or key is ever part of a line: a request is its method, the pattern of its
//     route, its id, and the name of the caller's key. A password in a URL is blanked out wherever it stands
//   * logging never holds up a request: lines that standard error does not take wait in a bounded queue, and
//     the oldest of them are dropped when it is full
#pragma once

#include <chrono>
#include <cstddef>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>

namespace orchestrator::http {

// What is told of a request that was answered. The views last as long as the call.
struct AnsweredRequest {
  std::string_view id = {};
  std::string_view method = {};
  std::string_view route = {};  // the pattern that matched; "" when none did
  int status = 0;
  std::chrono::microseconds duration{0};
  std::string_view caller = {};   // the name of the key; "" without one
  std::size_t bytes = 0;          // of the answer's body
  std::string_view subject = {};  // "order/17", "batch/4"; "" when it is about neither
};

// A password in a URL, as in scheme://user:password@host, becomes "***".
[[nodiscard]] std::string without_passwords(std::string_view text);

// Called from any thread.
class Log {
 public:
  // `format`: text or json; `level`: debug, info, warning, error. Throws Error(configuration). `out` outlives
  // the log and is written to by a thread of its own.
  Log(std::string_view format, std::string_view level);
  Log(std::string_view format, std::string_view level, std::ostream& out);
  ~Log();  // writes what waits
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // At level info; answers of 500 and above at level error.
  void answered(const AnsweredRequest& request) noexcept;
  void debug(std::string_view sentence) noexcept;
  void info(std::string_view sentence) noexcept;
  void warn(std::string_view sentence) noexcept;
  void error(std::string_view sentence) noexcept;

 private:
  class Writer;
  std::unique_ptr<Writer> writer_;
};

}  // namespace orchestrator::http
