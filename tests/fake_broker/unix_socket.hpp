// Lines over a Unix socket.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace orchestrator::testing {

class UnixSocket {
 public:
  // Invalid when there is nobody at that path.
  [[nodiscard]] static UnixSocket connect(const std::string& path);
  // Makes the path, in place of one that a dead process left. Throws std::runtime_error.
  [[nodiscard]] static UnixSocket listen(const std::string& path);

  explicit UnixSocket(int file = -1) : file_(file) {}
  ~UnixSocket();
  UnixSocket(UnixSocket&& other) noexcept;
  UnixSocket& operator=(UnixSocket&&) = delete;

  [[nodiscard]] bool valid() const { return file_ >= 0; }
  // Waits for a caller.
  [[nodiscard]] UnixSocket accept() const;
  // How many bytes left before it failed; all of them: none failed.
  [[nodiscard]] std::size_t write(std::string_view bytes) const;
  // Up to a line end, which is not part of it; nullopt: it did not come whole within the time.
  [[nodiscard]] std::optional<std::string> read_line(std::chrono::milliseconds timeout) const;

 private:
  int file_;
};

}  // namespace orchestrator::testing
