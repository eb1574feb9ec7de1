// A broker in a process of its own, for tests in which its callers die:
//
//   orchestrator_fake_broker --socket PATH --ledger FILE --truth FILE --class CLASS [--config JSON]
//
// CLASS enforced and windowed are an alpaca-mock, tag_echo and none a zerodha-mock; JSON is the mock's
// config_json, fault script included. Prints "ready" when it listens, and ends by a signal.
//
// The truth is a file of JSON lines, written before the answer leaves and synchronised: every request as it
// was read ("request", or "torn" for one that broke off), and every order that the broker has accepted since
// ("accepted"), read from its ledger past all faults.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "fake_broker/protocol.hpp"
#include "fake_broker/unix_socket.hpp"
#include "orchestrator/backends/mock_brokers.hpp"
#include "orchestrator/error.hpp"

namespace orchestrator::testing {
namespace {

using Arguments = std::map<std::string, std::string>;

constexpr std::chrono::seconds kRequestTimeout{60};

// The mock's request does not hang: the caller's connection does, and others are served meanwhile.
class SleeplessClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override { return system_->now(); }
  [[nodiscard]] Timestamp monotonic() const override { return system_->monotonic(); }
  void sleep_for(std::chrono::microseconds /*duration*/) override {}

 private:
  std::unique_ptr<Clock> system_ = make_system_clock();
};

struct Answer {
  std::optional<std::string> text = {};  // nullopt: the connection closes without one
  bool hangs = false;                    // ... when the caller has had enough
};

class Truth {
 public:
  explicit Truth(const std::string& path)
      : file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {
    if (file_ < 0) throw std::runtime_error("cannot open " + path);
  }
  void write(const Json& line) const {
    const std::string text = line.dump() + "\n";
    if (::write(file_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
      throw std::runtime_error("the truth cannot be written");
    }
  }
  void synchronise() const {
    if (::fdatasync(file_) != 0) throw std::runtime_error("the truth cannot be synchronised");
  }

 private:
  int file_;
};

class FakeBroker {
 public:
  explicit FakeBroker(const Arguments& arguments)
      : faulty_(make(arguments, arguments.count("--config") > 0 ? arguments.at("--config") : "{}")),
        honest_(make(arguments, "{}")),
        truth_(arguments.at("--truth")),
        known_(accepted_in(arguments.at("--truth"))) {
    write_accepted();  // what a broker that was killed had in its ledger and not in the truth yet
    truth_.synchronise();
  }

  Answer answer(const std::optional<std::string>& line) {
    const std::lock_guard lock(mutex_);
    if (!line) {
      truth_.write({{"event", "torn"}});
      truth_.synchronise();
      return {};
    }
    const Json request = Json::parse(*line);
    truth_.write({{"event", "request"}, {"request", request}});
    Answer answer = carry_out(request);
    write_accepted();
    truth_.synchronise();
    return answer;
  }

 private:
  static std::set<std::string> accepted_in(const std::string& truth) {
    std::set<std::string> ids;
    std::ifstream lines(truth);
    for (std::string line; std::getline(lines, line);) {
      const Json event = Json::parse(line);
      if (event.at("event") == "accepted") ids.insert(event.at("ext_order_id"));
    }
    return ids;
  }

  std::unique_ptr<BrokerConnector> make(const Arguments& arguments, const std::string& config) {
    const MockBrokerOptions options{.ledger = arguments.at("--ledger"), .config_json = config};
    const std::string& broker_class = arguments.at("--class");
    const bool refuses_twice = broker_class == "enforced" || broker_class == "windowed";
    return refuses_twice ? make_alpaca_mock(options, clock_) : make_zerodha_mock(options, clock_);
  }

  Answer carry_out(const Json& request) {
    const std::string kind = request.at("kind");
    if (kind == "place") {
      std::vector<Order> orders;
      for (const Json& order : request.at("orders")) orders.push_back(order_of(order));
      return answer_of(faulty_->place(orders));
    }
    if (kind == "cancel") return answer_of({faulty_->cancel(order_of(request.at("order")))});
    if (kind == "replace") {
      return answer_of(
          {faulty_->replace(order_of(request.at("order")),
                            {request.at("client_order_id"), decimal_of<Quantity>(request.at("qty")),
                             decimal_of<Price>(request.at("price_limit"))})});
    }
    try {
      if (kind == "book") return {to_wire(faulty_->book()).dump()};
      if (kind == "poll") return {to_wire(faulty_->poll(request.at("cursor"))).dump()};
    } catch (const Error&) {
      return {};
    }
    const LookUp found = faulty_->look_up(request.at("client_order_id"));
    if (found.kind == LookUp::Kind::kNoAnswer) return {};
    return {to_wire(found).dump()};
  }

  // What the mock's connector half would be in doubt about, this broker brings about on the wire.
  static Answer answer_of(const std::vector<SendResult>& results) {
    for (const SendResult& result : results) {
      if (result.outcome == SendOutcome::kNotSent) return {Json{{"status", 429}}.dump()};
      if (result.outcome != SendOutcome::kInDoubt) continue;
      if (result.reason.find("does not parse") != std::string::npos) return {"{\"results\": [{\"acc"};
      if (result.reason.starts_with("5")) return {Json{{"status", 502}}.dump()};
      return {.hangs = result.reason.starts_with("no answer")};
    }
    return {to_wire(results).dump()};
  }

  void write_accepted() {
    for (const BrokerOrder& order : honest_->book().orders) {
      if (order.status == OrderStatus::kRejected || !known_.insert(order.ext_order_id).second) continue;
      truth_.write({{"event", "accepted"},
                    {"client_order_id", order.client_order_id},
                    {"ext_order_id", order.ext_order_id}});
    }
  }

  SleeplessClock clock_;
  std::unique_ptr<BrokerConnector> faulty_;
  std::unique_ptr<BrokerConnector> honest_;
  Truth truth_;
  std::set<std::string> known_;
  std::mutex mutex_;
};

// A caller may stop in the middle of its request: each has a thread of its own.
void serve(FakeBroker& broker, const UnixSocket& caller) {
  const Answer answer = broker.answer(caller.read_line(kRequestTimeout));
  if (answer.text) static_cast<void>(caller.write(*answer.text + "\n"));  // it may be dead already
  if (answer.hangs) static_cast<void>(caller.read_line(kRequestTimeout));
}

int run(const Arguments& arguments) {
  FakeBroker broker(arguments);
  const UnixSocket socket = UnixSocket::listen(arguments.at("--socket"));
  std::puts("ready");
  std::fflush(stdout);
  while (true) {
    UnixSocket caller = socket.accept();
    if (!caller.valid()) continue;
    std::thread([&broker, own = std::move(caller)] { serve(broker, own); }).detach();
  }
}

}  // namespace
}  // namespace orchestrator::testing

int main(int count, char** values) {
  std::map<std::string, std::string> arguments;
  for (int i = 1; i + 1 < count; i += 2) arguments[values[i]] = values[i + 1];
  try {
    return orchestrator::testing::run(arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fake broker: %s\n", error.what());
    return 1;
  }
}
