// Every call of a connector: exceptions become outcomes, the circuit breaker learns from each answer, and
// requests are counted against the credential's rate limit before they leave.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/context.hpp"

namespace orchestrator::engine {

// Whether orders may be sent to this broker now.
[[nodiscard]] bool may_send(const Context& context, const std::string& broker);
// Whether this process may call the broker at all: always, unless it admits one sender and another is that.
[[nodiscard]] bool is_sender(const Context& context, const BrokerCapabilities& capabilities);
// Why not; "" when it may.
[[nodiscard]] std::string why_not_sender(const Context& context, const BrokerCapabilities& capabilities);
// What a claim has to ask the store for; nullopt: the broker has no rate limit.
[[nodiscard]] std::optional<RateRequest> rate_of_orders(const Context& context,
                                                        const BrokerCapabilities& capabilities);

// One attempt on the wire, counted by the claim; one result per order, and one that calls itself an
// acceptance without an order id is none.
std::vector<SendResult> send_orders(Context& context, BrokerConnector& broker, std::span<const Order> orders);

// The request that `pending` waits for (a cancel or a change). nullopt: not sent, the rate limit is used up
// or another process is the sender.
std::optional<SendResult> send_change(Context& context, BrokerConnector& broker, const Order& pending);

// kNoAnswer as well when the circuit is open or the rate limit is used up.
[[nodiscard]] LookUp look_up(Context& context, BrokerConnector& broker, const std::string& client_order_id);
// nullopt: no answer, or not asked for the same reasons.
[[nodiscard]] std::optional<BrokerConnector::Book> fetch_book(const Context& context,
                                                              BrokerConnector& broker);
// The same for a caller who asked for it by name. Throws Error: broker_in_doubt without an answer, a
// retryable broker_inactive when it was not asked.
[[nodiscard]] BrokerConnector::Book require_book(const Context& context, BrokerConnector& broker);
[[nodiscard]] std::optional<ReportPage> fetch_news(Context& context, BrokerConnector& broker,
                                                   const std::string& cursor);

}  // namespace orchestrator::engine
