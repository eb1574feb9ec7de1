// A broker that lives longer than the orchestrator, as a real one does.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "orchestrator/broker_connector.hpp"

namespace orchestrator::testing {

// Passes everything on to a broker that somebody else owns.
class BorrowedBroker final : public BrokerConnector {
 public:
  explicit BorrowedBroker(BrokerConnector& broker) : broker_(broker) {}
  const BrokerCapabilities& capabilities() const override { return broker_.capabilities(); }
  std::vector<SendResult> place(std::span<const Order> orders) override { return broker_.place(orders); }
  SendResult cancel(const Order& order) override { return broker_.cancel(order); }
  SendResult replace(const Order& order, const ReplaceRequest& request) override {
    return broker_.replace(order, request);
  }
  LookUp look_up(const std::string& client_order_id) override { return broker_.look_up(client_order_id); }
  Book book() override { return broker_.book(); }
  ReportPage poll(const std::string& cursor) override { return broker_.poll(cursor); }

 private:
  BrokerConnector& broker_;
};

}  // namespace orchestrator::testing
