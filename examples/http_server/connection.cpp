#include "examples/http_server/connection.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <ctime>
#include <utility>

#include "examples/http_server/framing.hpp"
#include "examples/http_server/server.hpp"

namespace orchestrator::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using Field = beast::http::field;

constexpr std::size_t kReadBytes = 16'384;
constexpr std::size_t kLingerBytesMax = 4U << 20U;
constexpr std::chrono::seconds kLinger{2};

std::string_view view(const beast::flat_buffer& buffer) {
  return {static_cast<const char*>(buffer.data().data()), buffer.size()};
}

std::string text_of(beast::string_view text) { return {text.data(), text.size()}; }

const std::string& http_date() {
  thread_local std::time_t written = 0;
  thread_local std::string text;
  const std::time_t now = std::time(nullptr);
  if (now != written) {
    std::tm parts{};
    gmtime_r(&now, &parts);
    char buffer[40];
    text.assign(buffer, std::strftime(buffer, sizeof buffer, "%a, %d %b %Y %H:%M:%S GMT", &parts));
    written = now;
  }
  return text;
}

Refusal refusal_of(const boost::system::error_code& failed) {
  using beast::http::error;
  if (failed == error::body_limit) return {413, "too_large", "the body is larger than this server takes"};
  if (failed == error::header_limit)
    return {431, "header_too_large", "the header is larger than this server takes"};
  return {400, "invalid_request", "not a request of HTTP/1.1: " + failed.message()};
}

void copy_head(const beast::http::request_header<>& head, Request& request) {
  request = {};
  request.method = text_of(head.method_string());
  request.target = text_of(head.target());
  for (const auto& field : head) {
    std::string name = text_of(field.name_string());
    for (auto& c : name) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    request.headers.emplace_back(std::move(name), text_of(field.value()));
  }
  const auto* id = request.header("x-request-id");
  request.id = id != nullptr && is_sane_request_id(*id) ? *id : fresh_request_id();
}

}  // namespace

Connection::Connection(Server& server, asio::ip::tcp::socket socket)
    : server_(server), socket_(std::move(socket)) {}

Connection::~Connection() {
  give_body_bytes();
  server_.gone(this);
}

void Connection::start() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] { self->next_request(); });
}

void Connection::set_deadline(std::chrono::seconds from_now) {
  deadline_.store((std::chrono::steady_clock::now() + from_now).time_since_epoch().count());
}

// --- reading ---

void Connection::next_request() {
  if (ending_) return linger();
  state_ = State::kIdle;
  set_deadline(server_.limits().idle);
  if (buffer_.size() > 0) return on_head_bytes();
  read_more();
}

void Connection::read_more() {
  socket_.async_read_some(buffer_.prepare(kReadBytes),
                          [self = shared_from_this()](const boost::system::error_code& failed,
                                                      std::size_t bytes) { self->on_read(failed, bytes); });
}

void Connection::on_read(const boost::system::error_code& failed, std::size_t bytes) {
  if (expired_ && (state_ == State::kHead || state_ == State::kBody)) {
    return refuse({408, "too_slow", "the request did not arrive in time"});
  }
  if (failed) return close();  // half a request that ends here was none
  if (state_ == State::kLingering) {
    lingered_bytes_ += bytes;
    return lingered_bytes_ > kLingerBytesMax ? close() : read_more();
  }
  buffer_.commit(bytes);
  if (state_ == State::kBody) return feed_parser();
  on_head_bytes();
}

void Connection::on_head_bytes() {
  if (state_ == State::kIdle) {
    state_ = State::kHead;
    set_deadline(server_.limits().header);
  }
  while (view(buffer_).starts_with("\r\n")) buffer_.consume(2);  // some send one after a body
  const auto size = head_size(view(buffer_));
  const auto limit = server_.limits().header_bytes_max;
  if (size ? *size > limit : buffer_.size() > limit) {
    return refuse({431, "header_too_large", "the header is larger than " + std::to_string(limit) + " bytes"});
  }
  if (!size) return read_more();
  on_head(*size);
}

void Connection::on_head(std::size_t head_bytes) {
  const auto fault = head_fault(view(buffer_).substr(0, head_bytes));
  if (!fault.empty()) return refuse({400, "invalid_request", "the request has " + std::string(fault)});
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(server_.limits().header_bytes_max));
  parser_->body_limit(server_.limits().body_bytes_max);
  boost::system::error_code failed;
  buffer_.consume(parser_->put(asio::buffer(buffer_.data(), head_bytes), failed));
  if (failed) return refuse(refusal_of(failed));
  copy_head(parser_->get(), request_);
  try {
    check_framing();
  } catch (const Refusal& refusal) {
    return refuse(refusal);
  }
  if (auto refused = refuse_head(server_.service(), request_)) {
    // Who may not send a body has it thrown away unread, and the connection with it.
    keep_alive_ = parser_->is_done() && parser_->keep_alive();
    return respond(std::move(*refused));
  }
  try {
    take_body_bytes();
  } catch (const Refusal& refusal) {
    return refuse(refusal);
  }
  parser_->eager(true);
  state_ = State::kBody;
  set_deadline(server_.limits().body);
  if (parser_->is_done()) return take_request();
  if (buffer_.size() > 0) return feed_parser();
  continue_or_read();
}

// Beast refuses Content-Length beside Transfer-Encoding; this is what it lets pass.
void Connection::check_framing() {
  const auto& head = parser_->get();
  if (head.version() != 11 && head.version() != 10) {
    throw Refusal{505, "invalid_request", "only HTTP/1.1 and HTTP/1.0 are spoken here"};
  }
  if (head.count(Field::content_length) > 1)
    throw Refusal{400, "invalid_request", "two Content-Length headers"};
  if (head.count(Field::host) > 1 || (head.version() == 11 && head.count(Field::host) == 0)) {
    throw Refusal{400, "invalid_request", "send exactly one Host header"};
  }
  if (head.count(Field::transfer_encoding) > 0) {
    if (head.version() == 10 || head.count(Field::transfer_encoding) > 1 ||
        head.count(Field::content_length) > 0) {
      throw Refusal{400, "invalid_request", "the length of the body is ambiguous"};
    }
    if (!beast::iequals(head[Field::transfer_encoding], "chunked")) {
      throw Refusal{501, "unsupported", "the only Transfer-Encoding spoken here is chunked"};
    }
  }
  if (head.count(Field::expect) > 0 && !beast::iequals(head[Field::expect], "100-continue")) {
    throw Refusal{417, "unsupported", "the only expectation met here is 100-continue"};
  }
}

// Who does not say how long his body will be may send the longest.
void Connection::take_body_bytes() {
  if (parser_->is_done()) return;
  const auto said = parser_->content_length();
  const auto bytes = said ? static_cast<std::size_t>(*said) : server_.limits().body_bytes_max;
  if (!server_.take_body_bytes(bytes)) {
    throw Refusal{503,
                  "overloaded",
                  "too many bodies are on their way; nothing happened, send it again",
                  {{"Retry-After", "1"}}};
  }
  body_bytes_ = bytes;
}

void Connection::give_body_bytes() { server_.give_body_bytes(std::exchange(body_bytes_, 0)); }

// Who expects "100 Continue" sends no body before it, or before his patience ends.
void Connection::continue_or_read() {
  if (parser_->get().version() == 11 && parser_->get().count(Field::expect) > 0) {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    boost::system::error_code ignored;  // an empty socket takes 25 bytes; a broken one fails at the next read
    socket_.write_some(asio::buffer(kContinue), ignored);
  }
  read_more();
}

void Connection::feed_parser() {
  boost::system::error_code failed;
  while (buffer_.size() > 0 && !parser_->is_done()) {
    const auto used = parser_->put(buffer_.data(), failed);
    buffer_.consume(used);
    if (failed && failed != beast::http::error::need_more) return refuse(refusal_of(failed));
    if (failed || used == 0) break;
  }
  if (parser_->is_done()) return take_request();
  if (buffer_.size() > server_.limits().header_bytes_max * 2) {
    return refuse({400, "invalid_request", "a chunk's head is too long"});
  }
  read_more();
}

// --- answering ---

void Connection::take_request() {
  state_ = State::kHandling;
  no_deadline();
  keep_alive_ = parser_->keep_alive() && !ending_;
  request_.body = std::move(parser_->get().body());
  auto response = answer(server_.service(), request_);
  request_.body = {};
  give_body_bytes();
  if (response.stream) return start_stream(response);
  if (!response.later) return respond(std::move(response));
  gone_ = response.gone;
  watch();
  response.later([self = shared_from_this()](Response answer) {
    asio::post(self->socket_.get_executor(),
               [self, answer = std::move(answer)]() mutable { self->respond(std::move(answer)); });
  });
}

// Whoever waits for his answer may hang up; what he sends meanwhile is his next request.
void Connection::watch() {
  if (watching_ || !gone_ || buffer_.size() > server_.limits().header_bytes_max) return;
  watching_ = true;
  socket_.async_wait(asio::ip::tcp::socket::wait_read,
                     [self = shared_from_this()](const boost::system::error_code& failed) {
                       self->watching_ = false;
                       self->on_watched(failed);
                     });
}

void Connection::on_watched(const boost::system::error_code& failed) {
  if (failed || state_ != State::kHandling || !gone_) return;  // answered: what came is for read_more()
  boost::system::error_code lost;
  buffer_.commit(socket_.read_some(buffer_.prepare(kReadBytes), lost));
  if (!lost || lost == asio::error::would_block || lost == asio::error::try_again) return watch();
  gone_->store(true);
}

// What could not be read as a request: nobody knows where the next one would begin.
void Connection::refuse(const Refusal& refusal) {
  keep_alive_ = false;
  if (request_.id.empty()) request_.id = fresh_request_id();
  auto response = problem(refusal, request_.id);
  server_.service().metrics.answered(request_.method, "", response.status, {});
  server_.service().log.answered({.id = request_.id,
                                  .method = request_.method,
                                  .status = response.status,
                                  .bytes = response.body.size()});
  respond(std::move(response));
}

std::string Connection::head_of(const Response& response) const {
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + " ";
  head.append(reason_of(response.status));
  head += "\r\nDate: " + http_date() + "\r\nContent-Type: " + response.content_type;
  if (!response.stream) head += "\r\nContent-Length: " + std::to_string(response.body.size());
  head += "\r\nX-Request-Id: " + request_.id;
  bool stored = false;
  for (const auto& [name, value] : response.headers) {
    head += "\r\n" + name + ": " + value;
    stored |= name == "Cache-Control";
  }
  if (!stored) head += "\r\nCache-Control: no-store";
  head += "\r\nX-Content-Type-Options: nosniff";
  head += keep_alive_ ? "\r\nConnection: keep-alive\r\n\r\n" : "\r\nConnection: close\r\n\r\n";
  return head;
}

void Connection::respond(Response response) {
  gone_.reset();
  if (ending_) keep_alive_ = false;
  out_ = head_of(response);
  if (request_.method != "HEAD") out_ += response.body;
  state_ = State::kWriting;
  write();
}

// Nearly every answer fits into the socket at once, which costs no turn through the threads.
void Connection::write() {
  boost::system::error_code failed;
  const auto written = socket_.write_some(asio::buffer(out_), failed);
  if (!failed && written == out_.size()) return on_written();
  if (failed && failed != asio::error::would_block && failed != asio::error::try_again) return close();
  set_deadline(server_.limits().write);
  asio::async_write(socket_, asio::buffer(out_) + (failed ? 0 : written),
                    [self = shared_from_this()](const boost::system::error_code& lost, std::size_t) {
                      return lost ? self->close() : self->on_written();
                    });
}

void Connection::on_written() {
  parser_.reset();
  request_ = {};
  if (!keep_alive_) return linger();
  if (buffer_.size() == 0) return next_request();
  // Behind others: who sends many requests at once takes turns with everybody else.
  asio::post(socket_.get_executor(), [self = shared_from_this()] { self->next_request(); });
}

// Closing at once would reset the connection under what the client still sends, and take our answer with it.
void Connection::linger() {
  boost::system::error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  state_ = State::kLingering;
  set_deadline(kLinger);
  buffer_.consume(buffer_.size());
  read_more();
}

void Connection::close() {
  open_.store(false);
  no_deadline();
  boost::system::error_code ignored;
  socket_.close(ignored);
}

// --- time and the end ---

void Connection::expire() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    if (self->deadline() > std::chrono::steady_clock::now()) return;
    if (self->state_ != State::kHead && self->state_ != State::kBody) return self->close();
    self->expired_ = true;
    self->no_deadline();
    boost::system::error_code ignored;
    self->socket_.cancel(ignored);
  });
}

void Connection::end_soon() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->ending_ = true;
    if (self->state_ == State::kIdle) self->close();
  });
}

// --- streams ---

void Connection::start_stream(Response& response) {
  keep_alive_ = false;
  state_ = State::kStreaming;
  stream_out_.push_back(std::make_shared<const std::string>(head_of(response)));
  waiting_bytes_.fetch_add(stream_out_.back()->size());
  stream_ended_ = request_.method == "HEAD";
  write_stream();
  if (!stream_ended_) response.stream(shared_from_this());
}

void Connection::send(std::shared_ptr<const std::string> text) {
  waiting_bytes_.fetch_add(text->size());
  asio::post(socket_.get_executor(), [self = shared_from_this(), text = std::move(text)]() mutable {
    self->stream_out_.push_back(std::move(text));
    self->write_stream();
  });
}

void Connection::end() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->stream_ended_ = true;
    self->write_stream();
  });
}

void Connection::write_stream() {
  if (stream_writing_ || !open_.load()) return;
  if (stream_out_.empty()) {
    if (stream_ended_) linger();
    return;
  }
  stream_writing_ = true;
  set_deadline(server_.limits().write);
  asio::async_write(socket_, asio::buffer(*stream_out_.front()),
                    [self = shared_from_this()](const boost::system::error_code& failed, std::size_t) {
                      self->stream_writing_ = false;
                      if (failed) return self->close();
                      self->no_deadline();
                      self->waiting_bytes_.fetch_sub(self->stream_out_.front()->size());
                      self->stream_out_.pop_front();
                      self->write_stream();
                    });
}

}  // namespace orchestrator::http
