// One client's connection: reads requests one after the other within the limits, has each answered, writes
// the answers in order. Everything but deadline() and the Stream functions runs on the connection's strand.
//
// What two parsers could read differently is refused before any parser sees it: bare line ends, folded
// headers, two lengths.
#pragma once

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "examples/http_server/http.hpp"
#include "examples/http_server/problem.hpp"

namespace orchestrator::http {

class Server;

class Connection : public Stream, public std::enable_shared_from_this<Connection> {
 public:
  using Time = std::chrono::steady_clock::time_point;

  Connection(Server& server, boost::asio::ip::tcp::socket socket);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start();
  [[nodiscard]] Time deadline() const { return Time(Time::duration(deadline_.load())); }
  void expire();    // any thread: the deadline has passed
  void end_soon();  // any thread: after the request under way

  void send(std::shared_ptr<const std::string> text) override;
  void end() override;
  [[nodiscard]] std::size_t waiting_bytes() const override { return waiting_bytes_.load(); }
  [[nodiscard]] bool is_open() const override { return open_.load(); }

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  enum class State : std::uint8_t { kIdle, kHead, kBody, kHandling, kWriting, kStreaming, kLingering };

  void set_deadline(std::chrono::seconds from_now);
  void no_deadline() { deadline_.store(Time::max().time_since_epoch().count()); }

  void next_request();
  void read_more();
  void on_read(const boost::system::error_code& failed, std::size_t bytes);
  void on_head_bytes();
  void on_head(std::size_t head_bytes);
  void feed_parser();
  void check_framing();    // throws Refusal
  void take_body_bytes();  // throws Refusal
  void give_body_bytes();
  void continue_or_read();
  void take_request();
  void watch();
  void on_watched(const boost::system::error_code& failed);
  void refuse(const Refusal& refusal);
  void respond(Response response);
  void start_stream(Response& response);
  [[nodiscard]] std::string head_of(const Response& response) const;
  void write();
  void on_written();
  void write_stream();
  void linger();
  void close();

  Server& server_;
  boost::asio::ip::tcp::socket socket_;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  Request request_;
  std::size_t body_bytes_ = 0;  // taken of the server's
  State state_ = State::kIdle;
  bool keep_alive_ = false;
  bool ending_ = false;
  bool expired_ = false;
  // Of a request whose answer comes later; see Response::gone.
  std::shared_ptr<std::atomic<bool>> gone_;
  bool watching_ = false;
  std::string out_;
  std::size_t lingered_bytes_ = 0;
  std::deque<std::shared_ptr<const std::string>> stream_out_;
  bool stream_writing_ = false;
  bool stream_ended_ = false;
  std::atomic<std::size_t> waiting_bytes_{0};
  std::atomic<bool> open_{true};
  std::atomic<Time::rep> deadline_{Time::max().time_since_epoch().count()};
};

}  // namespace orchestrator::http
