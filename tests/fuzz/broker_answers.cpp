// A broker that answers anything: each line of the input is an answer in the fake broker's protocol, given to
// whatever the engine asks next. No answer breaks the engine, stops it from working with the next one, or
// makes a book that does not agree with itself.
//
// "$1" and "$2" in a line stand for the client order ids of the two orders.
#include <deque>

#include "fake_broker/protocol.hpp"
#include "fuzz/target.hpp"
#include "orchestrator/backends/memory.hpp"
#include "orchestrator/json.hpp"
#include "orchestrator/orchestrator.hpp"
#include "support/book_audit.hpp"
#include "support/fake_clock.hpp"

namespace orchestrator::fuzz {
namespace {

using testing::Json;

constexpr std::size_t kAnswersMax = 40;
constexpr int kRoundsMax = 80;

// What an answer is read as. nullopt: it does not read as one.
template <class Read>
auto read_answer(Read&& read) -> std::optional<decltype(read())> {
  try {
    return read();
  } catch (const Json::exception&) {
    return std::nullopt;
  } catch (const Error&) {
    return std::nullopt;
  }
}

class AnsweringBroker final : public BrokerConnector {
 public:
  explicit AnsweringBroker(std::string_view script) : script_(script) {
    capabilities_.name = "fake";
    capabilities_.account = "fake";
    capabilities_.broker_class = BrokerClass::kEnforced;
    capabilities_.replaces = true;
    capabilities_.orders_max = 2;
  }
  const BrokerCapabilities& capabilities() const override { return capabilities_; }

  std::vector<SendResult> place(std::span<const Order> orders) override {
    name(orders);
    return send(orders.size());
  }
  SendResult cancel(const Order&) override { return send(1).front(); }
  SendResult replace(const Order&, const ReplaceRequest&) override { return send(1).front(); }
  LookUp look_up(const std::string&) override {
    const auto answer = next(testing::look_up_of);
    return answer ? *answer : LookUp{};
  }
  Book book() override { return whole(next(testing::book_of)); }
  ReportPage poll(const std::string&) override { return whole(next(testing::page_of)); }

  [[nodiscard]] bool used_up() const { return script_.empty() || given_ >= kAnswersMax; }

 private:
  void name(std::span<const Order> orders) {
    for (const Order& order : orders) {
      const std::string mark = "$" + std::to_string(order.leg + 1);
      for (auto at = script_.find(mark); at != std::string::npos; at = script_.find(mark, at)) {
        script_.replace(at, mark.size(), order.client_order_id);
      }
    }
  }

  template <class Answer>
  std::optional<Answer> next(Answer (*read)(const Json&)) {
    if (used_up()) return std::nullopt;
    ++given_;
    const std::size_t end = std::min(script_.find('\n'), script_.size());
    const Json json = Json::parse(script_.substr(0, end), nullptr, false);
    script_.erase(0, end + 1);
    const auto answer = read_answer([&] { return read(json); });
    if (answer) check_round_trip(*answer, read);
    return answer;
  }

  template <class Answer>
  static void check_round_trip(const Answer& answer, Answer (*read)(const Json&)) {
    const Json wire = testing::to_wire(answer);
    require(testing::to_wire(read(wire)) == wire, "an answer comes back from its JSON");
  }

  template <class Answer>
  static Answer whole(std::optional<Answer> answer) {
    if (!answer) throw Error(ErrorCode::kBrokerInDoubt, "no answer");
    return *std::move(answer);
  }

  std::vector<SendResult> send(std::size_t orders) {
    auto results = next(testing::results_of);
    if (results && results->size() == orders) return *std::move(results);
    return std::vector<SendResult>(orders, {SendOutcome::kInDoubt, "", "no answer"});
  }

  BrokerCapabilities capabilities_;
  std::string script_;
  std::size_t given_ = 0;
};

class Desk {
 public:
  explicit Desk(std::string_view script) {
    auto clock = std::make_unique<testing::FakeClock>();
    auto broker = std::make_unique<AnsweringBroker>(script);
    clock_ = clock.get();
    broker_ = broker.get();
    Parts parts;
    parts.store = make_memory_store();
    store_ = parts.store.get();
    store_->put_broker({0, "fake", "{}", true, clock->now(), clock->now()});
    parts.clock = std::move(clock);
    parts.brokers.push_back(std::move(broker));
    oms_ = std::make_unique<Orchestrator>(EngineOptions{}, std::move(parts));
  }

  void run() {
    const OrderRequest order{.instrument_id = 1,
                             .qty = Quantity::from_int(100),
                             .price_limit = Price::from_int(10),
                             .broker = "fake"};
    const Receipt receipt =
        oms_->place({.portfolio_id = 1, .orders = {order, order}, .idempotency_key = "k"});
    for (int round = 0; !broker_->used_up() && round < kRoundsMax; ++round) {
      clock_->advance(std::chrono::seconds(40));
      call([&] { oms_->step(); });
      if (round == 1) call([&] { oms_->cancel(receipt.orders[0].id); });
      if (round == 2)
        call([&] { oms_->replace(receipt.orders[1].id, Quantity::from_int(50), std::nullopt); });
      if (round % 3 == 2) call([&] { oms_->recover(); });
      if (round % 4 == 3) call([&] { static_cast<void>(oms_->compare_with_broker(receipt.batch_id)); });
    }
    check(receipt);
  }

 private:
  // A broker's answer is never our broken invariant, and never damage.
  template <class Call>
  static void call(Call&& made) {
    accepted({ErrorCode::kBrokerInDoubt, ErrorCode::kBrokerInactive, ErrorCode::kBrokerRefused,
              ErrorCode::kHalted, ErrorCode::kInvalidState, ErrorCode::kValidationFailed},
             [&] {
               made();
               return true;
             });
  }

  void check(const Receipt& receipt) {
    const auto orders = oms_->orders({.batch_id = receipt.batch_id});
    require(orders.size() == 2, "the orders are there");
    for (const Order& order : orders)
      require(!to_json(order, oms_->executions(order.id)).empty(), "it can be shown");
    static_cast<void>(oms_->reconcile(receipt.batch_id));
    const testing::BookAudit audit(*store_);
    require(audit.breaches().empty(), audit.breaches());
    const AuditReport report = oms_->audit();
    for (const AuditFinding& finding : report.findings) {
      require(false, finding.check + " " + finding.subject + ": " + finding.detail);
    }
  }

  testing::FakeClock* clock_ = nullptr;
  AnsweringBroker* broker_ = nullptr;
  Store* store_ = nullptr;
  std::unique_ptr<Orchestrator> oms_;
};

void run(std::string_view bytes) { Desk(bytes).run(); }

const Registration kRegistered({"broker_answers", run});

}  // namespace
}  // namespace orchestrator::fuzz
