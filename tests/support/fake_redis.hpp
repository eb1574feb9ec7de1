// A server in a thread that gives whatever answers a test wants to have given, in place of Redis.
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace orchestrator::testing {

class FakeRedis {
 public:
  struct Answer {
    std::string bytes = {};
    bool close = false;  // then the connection ends
    bool drip = false;   // then one more byte comes every now and then, without end
  };
  // Called with each request, except for the PING that ends a login: it is answered.
  using Script = std::function<Answer(std::string_view request)>;

  explicit FakeRedis(Script script) : script_(std::move(script)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    if (listener_ < 0 || ::bind(listener_, raw, size) != 0 || ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, raw, &size) != 0) {
      throw std::runtime_error("the fake server cannot listen");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeRedis() {
    stopping_ = true;
    thread_.join();
    for (const Client& client : clients_) ::close(client.socket);
    ::close(listener_);
  }
  FakeRedis(const FakeRedis&) = delete;
  FakeRedis& operator=(const FakeRedis&) = delete;

  [[nodiscard]] std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] int connections() const { return connections_; }
  [[nodiscard]] int requests() const { return requests_; }

 private:
  static constexpr int kTickMs = 5;

  struct Client {
    int socket;
    bool dripping;
  };

  void serve() {
    while (!stopping_) {
      std::vector<pollfd> ready{{listener_, POLLIN, 0}};
      for (const Client& client : clients_) ready.push_back({client.socket, POLLIN, 0});
      ::poll(ready.data(), ready.size(), kTickMs);
      for (std::size_t i = clients_.size(); i-- > 0;) {
        if (ready[i + 1].revents != 0) {
          if (!answer(clients_[i])) drop(i);
        } else if (clients_[i].dripping) {
          put(clients_[i].socket, "x");
        }
      }
      if (ready[0].revents == 0) continue;
      const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) continue;
      ++connections_;
      clients_.push_back({client, false});
    }
  }

  // Requests are short and sent whole.
  bool answer(Client& client) {
    char bytes[65536];
    const ssize_t count = ::recv(client.socket, bytes, sizeof bytes, 0);
    if (count <= 0) return false;
    const std::string_view request(bytes, static_cast<std::size_t>(count));
    if (request.find("PING") != request.npos) {
      put(client.socket, "+PONG\r\n");
      return true;
    }
    ++requests_;
    const Answer reply = script_(request);
    put(client.socket, reply.bytes);
    client.dripping = reply.drip;
    return !reply.close;
  }

  void drop(std::size_t i) {
    ::close(clients_[i].socket);
    clients_.erase(clients_.begin() + static_cast<std::ptrdiff_t>(i));
  }

  static void put(int socket, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  Script script_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> connections_{0};
  std::atomic<int> requests_{0};
  std::vector<Client> clients_;
  std::thread thread_;
};

}  // namespace orchestrator::testing
