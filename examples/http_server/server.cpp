#include "examples/http_server/server.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <csignal>
#include <exception>
#include <thread>

#include "examples/http_server/connection.hpp"

namespace orchestrator::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::string_view kFull =
    "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n";

tcp::endpoint endpoint(const std::string& address, std::uint16_t port) {
  boost::system::error_code failed;
  const auto parsed = asio::ip::make_address(address, failed);
  if (failed) throw Error(ErrorCode::kConfiguration, "the address to listen on must be an IP address");
  return {parsed, port};
}

[[noreturn]] void refuse_address(const tcp::endpoint& where, const boost::system::system_error& error) {
  throw Error(ErrorCode::kConfiguration, "cannot listen on " + where.address().to_string() + " port " +
                                             std::to_string(where.port()) + ": " + error.code().message());
}

}  // namespace

std::size_t connections_possible() {
  constexpr rlim_t kOthers = 256;  // databases, brokers, logs
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return kOthers;
  rlimit raised = files;
  raised.rlim_cur = raised.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &raised) == 0) files = raised;
  return static_cast<std::size_t>(files.rlim_cur - std::min(kOthers, files.rlim_cur / 2));
}

TakenAddress::TakenAddress(const std::string& address, std::uint16_t port) {
  const auto where = endpoint(address, port);
  try {
    acceptor_.open(where.protocol());
    acceptor_.set_option(tcp::acceptor::reuse_address(true));
    acceptor_.bind(where);
    // Else another one could bind as well for as long as neither listens.
    acceptor_.set_option(tcp::acceptor::reuse_address(false));
  } catch (const boost::system::system_error& error) {
    refuse_address(where, error);
  }
}

Server::Server(Service& service, ServerLimits limits, TakenAddress& address)
    : service_(service),
      limits_(limits),
      acceptor_(control_),
      signals_(control_, SIGTERM, SIGINT),
      timer_(control_) {
  const auto where = address.acceptor_.local_endpoint();
  try {
    acceptor_.assign(where.protocol(), address.acceptor_.release());
    acceptor_.set_option(tcp::acceptor::reuse_address(true));
    acceptor_.listen(asio::socket_base::max_listen_connections);
  } catch (const boost::system::system_error& error) {
    refuse_address(where, error);
  }
}

void Server::run(std::size_t threads) {
  signals_.async_wait([this](const boost::system::error_code& failed, int) {
    if (!failed) stop();
  });
  accept();
  look_at_time();
  const auto until_stopped = asio::make_work_guard(context_);
  pool_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) pool_.emplace_back([this] { run_all_of(context_); });
  run_all_of(control_);
  context_.stop();
}

void Server::join() {
  for (auto& thread : pool_) thread.join();
  pool_.clear();
}

// What is thrown here (for want of memory, in the end) costs the connection whose turn it was, which nobody
// else holds, and nothing more.
void Server::run_all_of(asio::io_context& context) {
  while (true) {
    try {
      context.run();
      return;
    } catch (const std::exception& error) {
      service_.log.error(std::string("a connection was given up: ") + error.what());
    }
  }
}

void Server::accept() {
  acceptor_.async_accept(asio::make_strand(context_),
                         [this](const boost::system::error_code& failed, tcp::socket socket) {
                           if (failed == asio::error::operation_aborted || !acceptor_.is_open()) return;
                           // Out of descriptors: those that are open must go first.
                           if (failed) std::this_thread::sleep_for(std::chrono::milliseconds(10));
                           accept();
                           if (!failed) accepted(std::move(socket));
                         });
}

void Server::accepted(tcp::socket socket) {
  boost::system::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  socket.non_blocking(true, ignored);
  std::unique_lock lock(mutex_);
  const bool full = connections_.size() >= limits_.connections_max || stopping_;
  lock.unlock();
  if (full) {
    socket.write_some(asio::buffer(kFull), ignored);
    return;
  }
  const auto connection = std::make_shared<Connection>(*this, std::move(socket));
  lock.lock();
  connections_.emplace(connection.get(), connection);
  lock.unlock();
  connection->start();
}

bool Server::take_body_bytes(std::size_t bytes) {
  if (bodies_bytes_.fetch_add(bytes) + bytes <= limits_.all_bodies_bytes_max) return true;
  give_body_bytes(bytes);
  return false;
}

void Server::gone(const Connection* connection) {
  const std::lock_guard lock(mutex_);
  connections_.erase(connection);
  if (stopping_ && connections_.empty()) asio::post(control_, [this] { timer_.cancel(); });
}

// Whoever holds one of these may be the last: never under the mutex, which its end takes.
std::vector<std::shared_ptr<Connection>> Server::all_open() {
  std::vector<std::shared_ptr<Connection>> open;
  const std::lock_guard lock(mutex_);
  open.reserve(connections_.size());
  for (const auto& [key, weak] : connections_) open.push_back(weak.lock());
  std::erase(open, nullptr);
  return open;
}

// One timer for all: a limit is kept to the second, and a request pays nothing for it.
void Server::look_at_time() {
  timer_.expires_after(std::chrono::seconds(1));
  timer_.async_wait([this](const boost::system::error_code&) {
    if (has_ended()) return;
    look_at_time();
    expire_overdue();
  });
}

bool Server::has_ended() {
  const std::lock_guard lock(mutex_);
  return stopping_ && (connections_.empty() || std::chrono::steady_clock::now() >= stop_at_);
}

void Server::expire_overdue() {
  const auto now = std::chrono::steady_clock::now();
  for (const auto& connection : all_open()) {
    if (connection->deadline() <= now) connection->expire();
  }
}

void Server::stop() {
  service_.log.info("stopping: requests under way are finished");
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    stop_at_ = std::chrono::steady_clock::now() + limits_.shutdown;
  }
  acceptor_.close();
  timer_.cancel();
  for (const auto& connection : all_open()) connection->end_soon();
  service_.feed.stop_soon();
}

}  // namespace orchestrator::http
