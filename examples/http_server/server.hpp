// Listens, keeps count of the connections and their time limits, and ends gracefully.
//
// One pool of threads runs all connections. A request is handled on the thread that read it, without a
// hand-over; what waits long (an idle connection, a slow client, a stream, a long poll) holds no thread. New
// connections, signals and time limits have a thread of their own, whatever the pool is held up by.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "examples/http_server/service.hpp"

namespace orchestrator::http {

class Connection;

struct ServerLimits {
  std::size_t connections_max = 4096;
  std::size_t header_bytes_max = 8192;
  std::size_t body_bytes_max = 1U << 20U;
  std::size_t all_bodies_bytes_max = 128U << 20U;  // of requests that are being read or handled
  std::chrono::seconds idle{60};
  std::chrono::seconds header{10};
  std::chrono::seconds body{30};
  std::chrono::seconds write{30};
  std::chrono::seconds shutdown{20};
};

// How many connections the process may have open beside what else it needs, once it has raised its limit on
// open files as far as it may.
[[nodiscard]] std::size_t connections_possible();

// The address to listen on, taken before anything else is touched: a server that cannot have it harms
// nothing. Nobody is answered there, and nobody kept waiting, before a Server listens.
class TakenAddress {
 public:
  // Throws Error(configuration) for what is no IP address, and for one that somebody else has.
  TakenAddress(const std::string& address, std::uint16_t port);

 private:
  friend class Server;
  boost::asio::io_context context_;
  boost::asio::ip::tcp::acceptor acceptor_{context_};
};

class Server {
 public:
  Server(Service& service, ServerLimits limits, TakenAddress& address);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  // Serves until SIGTERM or SIGINT, then until the requests under way are answered or the time for it is
  // over. Behind it join(), which may hang with what a request waits for.
  void run(std::size_t threads);
  void join();

  [[nodiscard]] Service& service() { return service_; }
  [[nodiscard]] const ServerLimits& limits() const { return limits_; }
  void gone(const Connection* connection);
  [[nodiscard]] bool take_body_bytes(std::size_t bytes);  // false: others have them all
  void give_body_bytes(std::size_t bytes) { bodies_bytes_.fetch_sub(bytes); }

 private:
  void accept();
  void accepted(boost::asio::ip::tcp::socket socket);
  [[nodiscard]] std::vector<std::shared_ptr<Connection>> all_open();
  void look_at_time();
  void expire_overdue();
  [[nodiscard]] bool has_ended();
  void stop();
  void run_all_of(boost::asio::io_context& context);

  Service& service_;
  const ServerLimits limits_;
  // The pool's context goes first of all: its end destroys connections that still wait for something, and
  // these tell of their end.
  std::atomic<std::size_t> bodies_bytes_{0};
  std::mutex mutex_;
  bool stopping_ = false;
  std::chrono::steady_clock::time_point stop_at_ = {};
  std::unordered_map<const Connection*, std::weak_ptr<Connection>> connections_;
  boost::asio::io_context control_;  // of what follows, on one thread
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::signal_set signals_;
  boost::asio::steady_timer timer_;
  std::vector<std::thread> pool_;
  boost::asio::io_context context_;
};

}  // namespace orchestrator::http
