// A broker connector of one's own, with owned threads driving it (background mode).
#include <orchestrator/open.hpp>

#include <iostream>
#include <map>
#include <mutex>

using namespace orchestrator;

// Accepts everything and forgets nothing: refuses a client order id that it has seen (class enforced).
class PaperBroker final : public BrokerConnector {
 public:
  const BrokerCapabilities& capabilities() const override { return capabilities_; }
  std::vector<SendResult> place(std::span<const Order> orders) override {
    const std::scoped_lock lock(mutex_);
    std::vector<SendResult> results;
    for (const Order& order : orders) {
      BrokerOrder& held = held_[order.client_order_id];
      held.client_order_id = order.client_order_id;
      held.ext_order_id = "paper-" + order.client_order_id;
      held.side = order.side;
      held.qty = order.qty;
      results.push_back({SendOutcome::kAccepted, held.ext_order_id, ""});
    }
    return results;
  }
  SendResult cancel(const Order&) override { return {SendOutcome::kRejected, "", "too late"}; }
  SendResult replace(const Order&, const ReplaceRequest&) override {
    return {SendOutcome::kRejected, "", "no"};
  }
  LookUp look_up(const std::string& client_order_id) override {
    const std::scoped_lock lock(mutex_);
    const auto at = held_.find(client_order_id);
    if (at == held_.end()) return {LookUp::Kind::kNotFound, {}, ""};
    return {LookUp::Kind::kFound, at->second, ""};
  }
  Book book() override { return {}; }
  ReportPage poll(const std::string& cursor) override { return {{}, cursor, false}; }

 private:
  BrokerCapabilities capabilities_{.name = "paper", .account = "A1", .broker_class = BrokerClass::kEnforced};
  std::mutex mutex_;
  std::map<std::string, BrokerOrder> held_;
};

int main() {
  OpenOptions options{
      .database_url = "memory:", .mock_ledger = "memory:", .engine = {.mode = Mode::kBackground}};
  options.brokers.push_back(std::make_unique<PaperBroker>());
  const auto oms = open(std::move(options));
  OrderRequest order{.instrument_id = 7, .qty = Quantity::from_int(10), .price_limit = Price::from_int(99)};
  order.broker = "paper";
  const Receipt receipt = oms->place({.portfolio_id = 1, .orders = {order}});
  const bool settled_down = oms->wait(receipt.batch_id, std::chrono::seconds(10));
  const Order placed = oms->get_order(receipt.orders[0].id);
  std::cout << placed.client_order_id << " is " << to_string(placed.status) << " as " << placed.ext_order_id
            << '\n';
  return settled_down && placed.status == OrderStatus::kAcked ? 0 : 1;
}
