// A TCP proxy before a PostgreSQL server that can lose a COMMIT, and stop answering.
#pragma once

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

namespace orchestrator::testing {

class PostgresProxy {
 public:
  enum class Loss {
    kNone,
    kRequest,  // it never arrives, and the connection ends
    kAnswer,   // it has happened when the connection ends
    kSilence,  // it has happened, and nobody ever hears of it
    kLate,     // the connection ends, and it arrives after release_commits()
  };

  // `url` names one server by host and port.
  explicit PostgresProxy(const std::string& url) {
    const std::size_t at = url.find('@');
    const std::size_t begin = at == std::string::npos ? url.find("//") + 2 : at + 1;
    const std::string place = url.substr(begin, url.find('/', begin) - begin);
    const std::size_t colon = place.find(':');
    host_ = place.substr(0, colon);
    port_ = colon == std::string::npos ? "5432" : place.substr(colon + 1);
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    if (listener_ < 0 || ::bind(listener_, raw, size) != 0 || ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, raw, &size) != 0) {
      throw std::runtime_error("the proxy cannot listen");
    }
    url_ = url.substr(0, begin) + "127.0.0.1:" + std::to_string(ntohs(address.sin_port)) +
           url.substr(url.find('/', begin));
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~PostgresProxy() {
    stopping_ = true;
    acceptor_.join();
    for (std::thread& link : links_) link.join();
    ::close(listener_);
  }
  PostgresProxy(const PostgresProxy&) = delete;
  PostgresProxy& operator=(const PostgresProxy&) = delete;

  [[nodiscard]] const std::string& url() const { return url_; }
  // The next COMMIT is lost so; the ones after it pass.
  void lose_next_commit(Loss loss) { loss_ = loss; }
  void release_commits() { released_ = true; }
  // Connections stay open, and nothing goes through them; new ones are not greeted.
  void stand_still(bool still) { still_ = still; }
  // New connections are closed at once; those that are open stay.
  void refuse_connections(bool refuse) { refuse_ = refuse; }
  // Like a pooler, it tells each client another process than the session's, from now on.
  void hide_sessions() { hide_sessions_ = true; }

 private:
  static bool readable(int socket, int milliseconds) {
    pollfd one{socket, POLLIN, 0};
    return ::poll(&one, 1, milliseconds) > 0;
  }

  void accept_all() {
    while (!stopping_) {
      if (still_ || !readable(listener_, 20)) {
        if (still_) static_cast<void>(::poll(nullptr, 0, 20));
        continue;
      }
      const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (refuse_) {
        ::close(client);
        continue;
      }
      const int server = connect_server();
      if (client >= 0 && server >= 0) links_.emplace_back([this, client, server] { relay(client, server); });
    }
  }

  [[nodiscard]] int connect_server() const {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(host_.c_str(), port_.c_str(), &hints, &found) != 0) return -1;
    const int server = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool connected = ::connect(server, found->ai_addr, found->ai_addrlen) == 0;
    ::freeaddrinfo(found);
    return connected ? server : -1;
  }

  // Statements are short and sent whole, so one read holds a COMMIT.
  void relay(int client, int server) {
    char bytes[65536];
    bool open = true;
    while (open && !stopping_) {
      pollfd both[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
      if (::poll(still_ ? nullptr : both, still_ ? 0 : 2, 20) <= 0) continue;
      for (int i = 0; i < 2 && open; ++i) {
        if (both[i].revents == 0) continue;
        const ssize_t count = ::recv(both[i].fd, bytes, sizeof bytes, 0);
        open = count > 0;
        const std::string_view text(bytes, open ? static_cast<std::size_t>(count) : 0);
        constexpr std::string_view kBackendKey("K\0\0\0\x0c", 5);
        if (const std::size_t at = text.find(kBackendKey); i == 1 && hide_sessions_ && at != text.npos) {
          bytes[at + kBackendKey.size() + 3] ^= 1;  // the last byte of the number that follows
        }
        Loss loss = Loss::kNone;
        if (i == 0 && text.find(std::string_view("COMMIT\0", 7)) != text.npos) {
          loss = loss_.exchange(Loss::kNone);
        }
        if (loss == Loss::kLate) {
          ::shutdown(client, SHUT_RDWR);
          while (!released_ && !stopping_) static_cast<void>(::poll(nullptr, 0, 5));
        }
        if (loss == Loss::kRequest) open = false;
        if (open) open = ::send(both[1 - i].fd, bytes, text.size(), MSG_NOSIGNAL) == count;
        if (loss >= Loss::kAnswer) {
          static_cast<void>(readable(server, 5000));  // it has committed
          while (loss == Loss::kSilence && !stopping_ && !readable(client, 20)) continue;
          open = false;
        }
      }
    }
    ::close(client);
    ::close(server);
  }

  std::string host_;
  std::string port_;
  std::string url_;
  int listener_ = -1;
  std::atomic<bool> stopping_{false};
  std::atomic<Loss> loss_{Loss::kNone};
  std::atomic<bool> refuse_{false};
  std::atomic<bool> hide_sessions_{false};
  std::atomic<bool> still_{false};
  std::atomic<bool> released_{false};
  std::list<std::thread> links_;
  std::thread acceptor_;
};

}  // namespace orchestrator::testing
