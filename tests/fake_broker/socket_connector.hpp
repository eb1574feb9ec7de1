// The fake broker's connector: a BrokerConnector over its socket.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "fake_broker/protocol.hpp"
#include "orchestrator/broker_connector.hpp"

namespace orchestrator::testing {

struct SocketConnectorOptions {
  std::string socket;
  BrokerClass broker_class = BrokerClass::kEnforced;
  std::size_t orders_max = 1;
  std::chrono::milliseconds quiet_period{50};
  std::chrono::milliseconds timeout{2000};  // of one request
};

// One fresh connection and one attempt for every request. What failed before its first byte left was not
// sent; what has no parsed answer after it is in doubt.
class SocketConnector final : public BrokerConnector {
 public:
  explicit SocketConnector(SocketConnectorOptions options);

  [[nodiscard]] const BrokerCapabilities& capabilities() const override { return capabilities_; }
  std::vector<SendResult> place(std::span<const Order> orders) override;
  SendResult cancel(const Order& order) override;
  SendResult replace(const Order& order, const ReplaceRequest& request) override;
  [[nodiscard]] LookUp look_up(const std::string& client_order_id) override;
  [[nodiscard]] Book book() override;
  [[nodiscard]] ReportPage poll(const std::string& cursor) override;

 private:
  // What came of one request.
  struct Exchange {
    bool sent = false;             // a byte of it left
    std::optional<Json> answer{};  // a whole one
    std::string reason;
  };
  [[nodiscard]] Exchange exchange(const Json& request) const;
  [[nodiscard]] std::vector<SendResult> send(const Json& request, std::size_t orders) const;
  // The answer to a question; throws Error(broker_in_doubt) without one.
  [[nodiscard]] Json ask(const Json& request) const;

  SocketConnectorOptions options_;
  BrokerCapabilities capabilities_;
};

}  // namespace orchestrator::testing
