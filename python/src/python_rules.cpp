// Validation rules and a router written in Python: both decide before anything is written, so whatever they
// raise refuses the request and changes nothing.
#include <algorithm>

#include "python/src/extend.hpp"
#include "python/src/records.hpp"

namespace orchestrator::python {
namespace {

// Beside the library's own rules, which come first.
class PythonRules final : public Validator, public PythonObject {
 public:
  explicit PythonRules(py::tuple rules) : PythonObject(std::move(rules), "rules") {}

  void stand_beside(std::unique_ptr<Validator> own) { own_ = std::move(own); }

  [[nodiscard]] ValidationResult validate(const BatchRequest& request,
                                          const ValidationSnapshot& snapshot) const override {
    ValidationResult result = own_->validate(request, snapshot);
    const auto is_whole = [](const Violation& violation) {
      return violation.order_index == Violation::kWholeBatch && violation.severity == Severity::kError;
    };
    // Then its orders were not looked at, and need not make sense.
    if (std::ranges::any_of(result.violations, is_whole)) return result;
    const auto failure = attempt("check", [&] { apply_all(request, result); });
    if (failure) result.violations.push_back(undecided(failure->words));
    // The whole batch first, and what the library found before what the rules did.
    std::ranges::stable_sort(result.violations, {},
                             [](const Violation& violation) { return violation.order_index + 1; });
    return result;
  }

 private:
  static Violation undecided(const std::string& words) {
    return {Violation::kWholeBatch, "orders", "rule.failed", "a rule could not decide: " + words,
            Severity::kError};
  }

  void apply_all(const BatchRequest& request, ValidationResult& result) const {
    const py::object given = py::cast(request);
    for (const py::handle rule : object()) {
      const py::object answer = rule.attr("check")(given);
      if (!answer.is_none()) take(answer, request.orders.size(), result);
    }
  }

  static void take(const py::object& answer, std::size_t orders, ValidationResult& result) {
    for (const py::handle item : answer) {
      if (!holds<Violation>(item)) {
        refuse_argument("check()", "gave " + kind_of(item) + " and not a Violation");
      }
      const auto& violation = py::cast<const Violation&>(item);
      const bool is_whole = violation.order_index == Violation::kWholeBatch;
      if (!is_whole && violation.order_index >= orders) {
        refuse_argument("check()", "gave a violation of order " + std::to_string(violation.order_index) +
                                       ", and the request has " + std::to_string(orders));
      }
      if (!is_whole && violation.severity == Severity::kError) {
        result.margins[violation.order_index] = {};
        result.notionals[violation.order_index] = {};
      }
      result.violations.push_back(violation);
    }
  }

  std::unique_ptr<Validator> own_;
};

// For orders that name no broker themselves.
class PythonRouter final : public Router, public PythonObject {
 public:
  explicit PythonRouter(py::object router) : PythonObject(std::move(router), "router") {
    require_method("route");
  }

  [[nodiscard]] RoutingDecision route(const OrderRequest& order, PortfolioId portfolio_id,
                                      const Instrument& instrument, std::span<const RoutingRule> rules,
                                      std::span<const BrokerState> brokers,
                                      std::uint64_t spread) const override {
    const auto by_the_library = [&] {
      return own_->route(order, portfolio_id, instrument, rules, brokers, spread);
    };
    if (!order.broker.empty()) return by_the_library();
    std::optional<std::string> chosen;
    const auto failure = attempt("route", [&] {
      py::list states;
      for (const BrokerState& broker : brokers) states.append(py::cast(broker));
      const py::object answer = object().attr("route")(py::cast(order), to_python(portfolio_id), states);
      chosen = to_optional(to_text, answer, "route()");
    });
    if (failure) return {"", "the router could not decide: " + failure->words};
    if (!chosen) return by_the_library();
    const auto named = std::ranges::find(brokers, *chosen, &BrokerState::name);
    if (named == brokers.end())
      return {"", "the router chose '" + *chosen + "', and no broker has that name"};
    if (!named->available) return {"", "the router chose '" + *chosen + "': " + named->why_not};
    return {*chosen, "router"};
  }

 private:
  const std::unique_ptr<Router> own_ = make_router();
};

constexpr std::array<Field<BatchRequest>, 5> kBatchRequest{{
    {"portfolio_id", read<&BatchRequest::portfolio_id>, "int"},
    {"orders", read<&BatchRequest::orders>, "list[OrderRequest]: as they were asked for"},
    {"idempotency_key", read_or_none<&BatchRequest::idempotency_key>, "str | None: None: none was given"},
    {"user_id", read_or_none<&BatchRequest::user_id>, "int | None"},
    {"tenant", read<&BatchRequest::tenant>, "str"},
}};

constexpr std::array<Field<BrokerState>, 4> kBrokerState{{
    {"name", read<&BrokerState::name>, "str"},
    {"broker_class", read<&BrokerState::broker_class>, "BrokerClass"},
    {"available", read<&BrokerState::available>, "bool: active and not halted"},
    {"why_not", read_or_none<&BrokerState::why_not>, "str | None: when it is not available"},
}};

}  // namespace

std::unique_ptr<Validator> to_validator(py::handle rules, const char* name) {
  auto items = py::reinterpret_steal<py::object>(PySequence_Tuple(rules.ptr()));
  if (!items) {
    PyErr_Clear();
    refuse_argument(name, kind_of(rules) + " is not a list of rules");
  }
  auto tuple = py::reinterpret_borrow<py::tuple>(items);
  for (std::size_t i = 0; i < tuple.size(); ++i) {
    require_method(tuple[i], "check", std::string(name) + "[" + std::to_string(i) + "]");
  }
  return std::make_unique<PythonRules>(std::move(tuple));
}

std::unique_ptr<Router> to_router(py::handle value, const char*) {
  return std::make_unique<PythonRouter>(py::reinterpret_borrow<py::object>(value));
}

void own_extensions(OpenOptions& options, const Session& session) {
  const auto own = [&](auto& part) {
    if (auto* object = dynamic_cast<PythonObject*>(part.get())) object->belong_to(session);
  };
  for (auto& broker : options.brokers) own(broker);
  own(options.publisher);
  own(options.validator);
  own(options.router);
  if (auto* rules = dynamic_cast<PythonRules*>(options.validator.get())) {
    rules->stand_beside(make_validator(options.engine.validation));
  }
}

void bind_extensions(py::module_& module) {
  bind_record<BatchRequest>(module, "BatchRequest", "What a validation rule looks at; immutable.",
                            kBatchRequest);
  bind_record<BrokerState>(module, "BrokerState", "A broker as a router sees it.", kBrokerState);
}

}  // namespace orchestrator::python
