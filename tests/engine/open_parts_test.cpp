// open() builds an orchestrator out of the caller's own parts where they are given.
#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "orchestrator/open.hpp"

using namespace orchestrator;

namespace {

OpenOptions in_memory() {
  OpenOptions options;
  options.database_url = "memory:";
  options.mock_ledger = "memory:";
  return options;
}

BatchRequest one_order(int qty) {
  return {
      .portfolio_id = 1,
      .orders = {{.instrument_id = 1, .qty = Quantity::from_int(qty), .price_limit = Price::from_int(10)}}};
}

// Refuses every order, for a reason of its own.
class RefusesAll final : public Validator {
 public:
  [[nodiscard]] ValidationResult validate(const BatchRequest& request,
                                          const ValidationSnapshot&) const override {
    ValidationResult result;
    result.margins.resize(request.orders.size());
    result.notionals.resize(request.orders.size());
    for (std::size_t i = 0; i < request.orders.size(); ++i) {
      result.violations.push_back({i, "qty", "desk.closed", "the desk is closed", Severity::kError});
    }
    return result;
  }
};

// Accepts whatever it is given, and reserves nothing.
class AcceptsAll final : public Validator {
 public:
  [[nodiscard]] ValidationResult validate(const BatchRequest& request,
                                          const ValidationSnapshot&) const override {
    ValidationResult result;
    result.margins.resize(request.orders.size());
    result.notionals.resize(request.orders.size());
    return result;
  }
};

class AlwaysTo final : public Router {
 public:
  explicit AlwaysTo(std::string broker) : broker_(std::move(broker)) {}
  [[nodiscard]] RoutingDecision route(const OrderRequest&, PortfolioId, const Instrument&,
                                      std::span<const RoutingRule>, std::span<const BrokerState>,
                                      std::uint64_t) const override {
    return {broker_, "the desk's choice"};
  }

 private:
  const std::string broker_;
};

// The one violation that one order of five units meets.
Violation refusal_of(Orchestrator& oms) {
  try {
    oms.place(one_order(5));
  } catch (const Error& error) {
    REQUIRE(error.violations().size() == 1);
    return error.violations().front();
  }
  return {};
}

}  // namespace

TEST_CASE("open() validates with the validator that it is given, and writes nothing that it refuses") {
  auto options = in_memory();
  options.validator = std::make_unique<RefusesAll>();
  const auto oms = open(std::move(options));
  CHECK(refusal_of(*oms).code == "desk.closed");
  CHECK(oms->orders({}).empty());
}

TEST_CASE("the validator that open() is given stands instead of the one of the engine's options") {
  for (const bool own : {false, true}) {
    CAPTURE(own);
    auto options = in_memory();
    options.engine.validation.max_quantity = Quantity::from_int(10);
    if (own) options.validator = std::make_unique<AcceptsAll>();
    const auto oms = open(std::move(options));
    if (own) {
      CHECK(oms->place(one_order(11)).orders.front().id > 0);
    } else {
      CHECK_THROWS_AS(oms->place(one_order(11)), Error);
    }
  }
}

TEST_CASE("open() routes with the router that it is given, for its reasons") {
  for (const std::string broker : {"alpaca-mock", "zerodha-mock"}) {
    auto options = in_memory();
    options.router = std::make_unique<AlwaysTo>(broker);
    const auto oms = open(std::move(options));
    const Receipt::Leg leg = oms->place(one_order(5)).orders.front();
    CHECK(leg.broker == broker);
    CHECK(leg.routing_reason == "the desk's choice");
    CHECK(oms->get_order(leg.id).broker == broker);
  }
}

TEST_CASE("an order that the router has no broker for is refused with the router's reason") {
  auto options = in_memory();
  options.router = std::make_unique<AlwaysTo>("");
  const auto oms = open(std::move(options));
  CHECK(refusal_of(*oms).code == "broker.unavailable");
  CHECK(refusal_of(*oms).message == "the desk's choice");
}
