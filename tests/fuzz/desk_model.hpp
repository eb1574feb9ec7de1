// Any sequence of operations on an orchestrator, held against a simple model: which requests were accepted
// with which receipts, and what was executed of each order. Whatever the sequence:
//   - a request is accepted once: its key brings back the same bytes, and refuses any other request;
//   - the broker accepts an order at most once, whatever becomes of its answers;
//   - nothing is sent while everything is stopped;
//   - the quantities and amounts of each order are the sums of its executions;
//   - everything accepted is still there after a restart, and the book agrees with itself.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/target.hpp"
#include "orchestrator/orchestrator.hpp"
#include "support/book_audit.hpp"
#include "support/fake_clock.hpp"
#include "support/scripted_broker.hpp"

namespace orchestrator::fuzz {

// Passes everything on to a clock that lives longer than the orchestrator.
class BorrowedClock final : public Clock {
 public:
  explicit BorrowedClock(Clock& clock) : clock_(clock) {}
  Timestamp now() const override { return clock_.now(); }
  Timestamp monotonic() const override { return clock_.monotonic(); }
  void sleep_for(std::chrono::microseconds duration) override { clock_.sleep_for(duration); }

 private:
  Clock& clock_;
};

class DeskModel {
 public:
  // `open_store` opens the same store again and again.
  DeskModel(std::string_view bytes, std::function<std::unique_ptr<Store>()> open_store);
  // Carries out what the bytes say, lets everything come to rest, and checks the book.
  void run();

 private:
  struct Accepted {
    BatchRequest request;
    Receipt receipt;
  };
  // A trade with what has become of it: its corrections and its bust.
  struct Traded {
    std::string standing;  // the execution that counts
    Quantity qty;
    Price price;
    bool busted = false;
  };
  struct OrderModel {
    OrderId id = 0;
    std::string client_order_id;
    Price price_limit;
    std::vector<Traded> trades;
  };

  void start();
  void operate();
  void place();
  void place_again();
  void report_trade();
  void report_change_of_trade(ExecutionKind kind);
  void report_word();
  void repeat_report();
  void cancel();
  void replace();
  void resolve();
  void settle();
  void stop_or_resume();
  void resume_all();
  void set_fates();
  void step();
  void recover();

  BatchRequest request(const std::string& key);
  OrderModel* any_order();
  void deliver(const BrokerReport& report);
  void book_at_broker(const OrderModel& order, const BrokerReport& report);
  void rest();
  void check_sends() const;
  void check_order(const OrderModel& order) const;
  void check_end() const;

  Input input_;
  std::function<std::unique_ptr<Store>()> open_store_;
  testing::FakeClock clock_;
  testing::ScriptedBroker broker_;
  std::unique_ptr<Orchestrator> oms_;
  Store* store_ = nullptr;
  std::map<std::string, Accepted> accepted_;  // by key
  std::vector<OrderModel> orders_;
  std::vector<BrokerReport> reports_;  // all that were made
  bool all_delivered_ = true;
  bool known_ = false;  // the store knows the broker
  bool stopped_ = false;
  int executions_ = 0;
};

}  // namespace orchestrator::fuzz
