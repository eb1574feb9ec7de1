#include "fake_broker/socket_connector.hpp"

#include <utility>

#include "core/failpoint.hpp"
#include "fake_broker/unix_socket.hpp"
#include "orchestrator/error.hpp"

namespace orchestrator::testing {

SocketConnector::SocketConnector(SocketConnectorOptions options) : options_(std::move(options)) {
  capabilities_.name = "fake";
  capabilities_.account = "fake";
  capabilities_.broker_class = options_.broker_class;
  capabilities_.orders_max = options_.orders_max;
  capabilities_.replaces = true;
  capabilities_.quiet_period = options_.quiet_period;
  if (options_.broker_class == BrokerClass::kWindowed) capabilities_.duplicate_window = std::chrono::hours(1);
}

SocketConnector::Exchange SocketConnector::exchange(const Json& request) const {
  const UnixSocket socket = UnixSocket::connect(options_.socket);
  if (!socket.valid()) return {.reason = "connection refused"};
  const std::string line = request.dump() + "\n";
  const std::string_view text = line;
  const std::size_t half = text.size() / 2;
  const std::size_t first = socket.write(text.substr(0, half));
  ORCHESTRATOR_FAILPOINT("wire.half_written");
  const bool whole = first == half && socket.write(text.substr(half)) == text.size() - half;
  if (!whole) return {.sent = first > 0, .reason = "the connection broke while the request was written"};
  ORCHESTRATOR_FAILPOINT("wire.written");
  const auto answer = socket.read_line(options_.timeout);
  ORCHESTRATOR_FAILPOINT("wire.read");
  if (!answer) return {.sent = true, .reason = "no answer"};
  Json parsed = Json::parse(*answer, nullptr, false);
  if (parsed.is_discarded()) return {.sent = true, .reason = "the answer does not parse"};
  return {.sent = true, .answer = std::move(parsed), .reason = {}};
}

std::vector<SendResult> SocketConnector::send(const Json& request, std::size_t orders) const {
  const Exchange done = exchange(request);
  const auto all = [&](SendOutcome outcome, const std::string& reason) {
    return std::vector<SendResult>(orders, {outcome, {}, reason});
  };
  if (!done.sent) return all(SendOutcome::kNotSent, done.reason);
  if (!done.answer) return all(SendOutcome::kInDoubt, done.reason);
  if (done.answer->is_object() && done.answer->contains("status")) {
    const bool throttled = done.answer->at("status") == 429;
    return all(throttled ? SendOutcome::kNotSent : SendOutcome::kInDoubt, done.answer->dump());
  }
  try {
    auto results = results_of(*done.answer);
    if (results.size() == orders) return results;
  } catch (const std::exception&) {
  }
  return all(SendOutcome::kInDoubt, "the answer is no answer to this request");
}

Json SocketConnector::ask(const Json& request) const {
  Exchange done = exchange(request);
  if (!done.answer) throw Error(ErrorCode::kBrokerInDoubt, "fake did not answer: " + done.reason);
  if (done.answer->is_object() && done.answer->contains("status")) {
    throw Error(ErrorCode::kBrokerInDoubt, "fake did not answer: " + done.answer->dump());
  }
  return *std::move(done.answer);
}

std::vector<SendResult> SocketConnector::place(std::span<const Order> orders) {
  Json list = Json::array();
  for (const Order& order : orders) list.push_back(to_wire(order));
  return send({{"kind", "place"}, {"orders", list}}, orders.size());
}

SendResult SocketConnector::cancel(const Order& order) {
  return send({{"kind", "cancel"}, {"order", to_wire(order)}}, 1).front();
}

SendResult SocketConnector::replace(const Order& order, const ReplaceRequest& request) {
  return send({{"kind", "replace"},
               {"order", to_wire(order)},
               {"client_order_id", request.client_order_id},
               {"qty", to_wire(request.qty)},
               {"price_limit", to_wire(request.price_limit)}},
              1)
      .front();
}

LookUp SocketConnector::look_up(const std::string& client_order_id) {
  return look_up_of(ask({{"kind", "look_up"}, {"client_order_id", client_order_id}}));
}

BrokerConnector::Book SocketConnector::book() { return book_of(ask({{"kind", "book"}})); }

ReportPage SocketConnector::poll(const std::string& cursor) {
  ReportPage page = page_of(ask({{"kind", "poll"}, {"cursor", cursor}}));
  for (BrokerReport& report : page.reports) {
    report.broker = capabilities_.name;
    report.account = capabilities_.account;
  }
  return page;
}

}  // namespace orchestrator::testing
