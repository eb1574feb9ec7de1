#include "fake_broker/unix_socket.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace orchestrator::testing {

namespace {

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw std::runtime_error("socket path too long: " + path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

int make_socket() {
  const int file = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (file < 0) throw std::runtime_error("no socket: " + std::string(std::strerror(errno)));
  return file;
}

}  // namespace

UnixSocket UnixSocket::connect(const std::string& path) {
  const sockaddr_un address = address_of(path);
  UnixSocket socket(make_socket());
  if (::connect(socket.file_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return socket;
  return UnixSocket();
}

UnixSocket UnixSocket::listen(const std::string& path) {
  const sockaddr_un address = address_of(path);
  ::unlink(path.c_str());
  UnixSocket socket(make_socket());
  if (::bind(socket.file_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(socket.file_, 64) != 0) {
    throw std::runtime_error("cannot listen at " + path + ": " + std::strerror(errno));
  }
  return socket;
}

UnixSocket::~UnixSocket() {
  if (file_ >= 0) ::close(file_);
}

UnixSocket::UnixSocket(UnixSocket&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

UnixSocket UnixSocket::accept() const { return UnixSocket(::accept4(file_, nullptr, nullptr, SOCK_CLOEXEC)); }

std::size_t UnixSocket::write(std::string_view bytes) const {
  std::size_t written = 0;
  while (written < bytes.size()) {
    const auto sent = ::send(file_, bytes.data() + written, bytes.size() - written, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) break;
    written += static_cast<std::size_t>(sent);
  }
  return written;
}

std::optional<std::string> UnixSocket::read_line(std::chrono::milliseconds timeout) const {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::string line;
  char buffer[65'536];
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd waiting{file_, POLLIN, 0};
    const int ready = left.count() < 0 ? 0 : ::poll(&waiting, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return std::nullopt;
    const auto got = ::recv(file_, buffer, sizeof buffer, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    line.append(buffer, static_cast<std::size_t>(got));
    if (line.ends_with('\n')) {
      line.pop_back();
      return line;
    }
  }
}

}  // namespace orchestrator::testing
