// A broker connector written in Python. Its answers are read as strictly as a broker's: what cannot be read
// says nothing, so that an order is never taken for refused, or for not sent, by a slip.
#include <string_view>

#include "python/src/broker_values.hpp"
#include "python/src/extend.hpp"

namespace orchestrator::python {
namespace {

BrokerClass to_broker_class(py::handle value, const char* name) {
  const std::string word = to_text(value, name);
  for (const auto each :
       {BrokerClass::kEnforced, BrokerClass::kWindowed, BrokerClass::kTagEcho, BrokerClass::kNone}) {
    if (word == to_string(each)) return each;
  }
  refuse_argument(name, "'" + word + "' is not valid; pass a member of BrokerClass or its word");
}

std::chrono::minutes to_minutes(py::handle value, const char* name) {
  const std::int64_t minutes = to_integer(value, name);
  if (minutes < -1440 || minutes > 1440) refuse_argument(name, "must be -1440 to 1440");
  return std::chrono::minutes(minutes);
}

std::int32_t to_settlement_days(py::handle value, const char* name) {
  const std::size_t days = to_count(value, name);
  if (days > 30) refuse_argument(name, "must be 0 to 30");
  return static_cast<std::int32_t>(days);
}

BrokerCapabilities read_capabilities(const py::object& broker, std::string name) {
  const Attributes of(broker, "brokers['" + name + "']");
  BrokerCapabilities capabilities;
  capabilities.account = of.text("account");
  capabilities.broker_class = of.get("broker_class", to_broker_class);
  capabilities.orders_max = of.get("orders_max", to_count);
  if (capabilities.orders_max == 0) refuse_argument(of.name_of("orders_max"), "must be above zero");
  capabilities.rate_limit.requests_max = of.get("requests_max", to_count);
  capabilities.rate_limit.per = of.get("requests_per", to_duration);
  capabilities.rate_limit.reserved_for_cancels = of.get("reserved_for_cancels", to_count);
  capabilities.replaces = of.get("replaces", to_bool);
  capabilities.reports_name_our_id = of.get("reports_name_our_id", to_bool);
  capabilities.ids_restart_daily = of.get("ids_restart_daily", to_bool);
  capabilities.one_sender = of.get("one_sender", to_bool);
  capabilities.quiet_period = of.get("quiet_period", to_duration);
  capabilities.duplicate_window = of.get("duplicate_window", to_duration);
  capabilities.settlement_days = of.get("settlement_days", to_settlement_days);
  capabilities.utc_offset = of.get("utc_offset_minutes", to_minutes);
  capabilities.calendar = of.text("calendar");
  capabilities.name = std::move(name);
  return capabilities;
}

// What the class must have written itself.
void require_own_methods(const py::object& broker, const py::object& base, BrokerClass broker_class,
                         const std::string& path) {
  const auto has_own = [&](const char* method) {
    return !py::type::of(broker).attr(method).is(base.attr(method));
  };
  if (!has_own("place") && !has_own("place_many")) {
    refuse_argument(path, kind_of(broker) + " has neither place() nor place_many()");
  }
  if (broker_class != BrokerClass::kNone && !has_own("look_up")) {
    refuse_argument(path, "a broker of class " + std::string(to_string(broker_class)) + " needs look_up()");
  }
}

// --- the connector ---

class PythonBroker final : public BrokerConnector, public PythonObject {
 public:
  PythonBroker(py::object broker, const std::string& name)
      : PythonObject(std::move(broker), "brokers['" + name + "']"),
        capabilities_(read_capabilities(object(), name)) {
    for (const char* method : {"place", "place_many", "cancel", "replace", "look_up", "book", "poll"}) {
      require_method(method);
    }
  }

  [[nodiscard]] const BrokerCapabilities& capabilities() const override { return capabilities_; }

  std::vector<SendResult> place(std::span<const Order> orders) override {
    std::vector<SendResult> results;
    const auto failure = attempt("place_many", [&] {
      const auto answers = object().attr("place_many")(list_of(orders));
      results = read_answers(answers, orders.size());
    });
    if (!failure) return results;
    // Of several orders some may have been sent before it raised: a loop that lets a NotSent of its second
    // order pass must not have the first one sent again.
    const auto outcome = orders.size() == 1 ? failure->outcome : SendOutcome::kInDoubt;
    results.assign(orders.size(), {outcome, {}, failure->words});
    return results;
  }

  SendResult cancel(const Order& order) override {
    return ask("cancel", [&] { return object().attr("cancel")(py::cast(order)); });
  }

  SendResult replace(const Order& order, const ReplaceRequest& request) override {
    return ask("replace", [&] {
      return object().attr("replace")(py::cast(order), to_python(request.client_order_id),
                                      to_python(request.qty), to_python(request.price_limit));
    });
  }

  [[nodiscard]] LookUp look_up(const std::string& client_order_id) override {
    LookUp answer;
    const auto failure = attempt("look_up", [&] {
      const py::object found = object().attr("look_up")(to_python(client_order_id));
      answer.kind = LookUp::Kind::kNotFound;
      if (found.is_none()) return;
      answer = {LookUp::Kind::kFound, read_broker_order(found, "look_up()"), {}};
    });
    if (failure) return {LookUp::Kind::kNoAnswer, {}, failure->words};
    return answer;
  }

  [[nodiscard]] Book book() override {
    Book book;
    require_answer("book", [&] {
      const py::object answer = object().attr("book")();
      const Attributes of(answer, "book()");
      std::size_t i = 0;
      for (const py::handle order : of.items("orders")) {
        book.orders.push_back(read_broker_order(order, numbered("book().orders", i++)));
      }
      i = 0;
      for (const py::handle row : of.items("executions")) {
        const std::string path = numbered("book().executions", i++);
        book.executions.push_back(read_execution(row, path));
        book.executions.back().broker = capabilities_.name;
        book.executions.back().account = capabilities_.account;
        book.ext_order_ids.push_back(Attributes(row, path).text("ext_order_id"));
      }
      book.from = of.get_optional("since", to_timestamp);
    });
    return book;
  }

  [[nodiscard]] ReportPage poll(const std::string& cursor) override {
    ReportPage page;
    require_answer("poll", [&] {
      const py::object answer = object().attr("poll")(to_python(cursor));
      const Attributes of(answer, "poll()");
      std::size_t i = 0;
      for (const py::handle report : of.items("reports")) {
        page.reports.push_back(
            read_report(report, numbered("poll().reports", i++), capabilities_.name, capabilities_.account));
      }
      page.cursor = of.text("cursor");
      page.more = of.get("more", to_bool);
    });
    return page;
  }

 private:
  static py::list list_of(std::span<const Order> orders) {
    py::list list;
    for (const Order& order : orders) list.append(py::cast(order));
    return list;
  }

  // One answer for each order. With more or fewer it cannot be told which belongs to which.
  std::vector<SendResult> read_answers(const py::object& answers, std::size_t orders) const {
    const auto list = py::reinterpret_steal<py::object>(PySequence_Tuple(answers.ptr()));
    if (!list) throw py::error_already_set();
    const auto count = static_cast<std::size_t>(PyTuple_GET_SIZE(list.ptr()));
    if (count != orders) {
      refuse_argument(name(), "place_many() gave " + std::to_string(count) + " answers for " +
                                  std::to_string(orders) + " orders");
    }
    std::vector<SendResult> results;
    for (const py::handle answer : list) results.push_back(read_answer(answer));
    return results;
  }

  [[nodiscard]] SendResult read_answer(py::handle answer) const {
    if (PyExceptionInstance_Check(answer.ptr())) {
      const auto failure = failure_of(name() + ", place()", py::reinterpret_borrow<py::object>(answer));
      return {failure.outcome, {}, failure.words};
    }
    SendResult accepted{SendOutcome::kAccepted, {}, {}};
    const auto refusal = read_text(answer, accepted.ext_order_id);
    if (!refusal) return accepted;
    const Error unreadable(ErrorCode::kInvalidArgument,
                           "place() gave no order id of the broker: " + *refusal);
    return {SendOutcome::kInDoubt, {}, failure_of(name() + ", place()", unreadable).words};
  }

  // Anything but None may be meant as a refusal (False) or not.
  template <class Call>
  SendResult ask(const char* method, Call&& call) const {
    const auto failure = attempt(method, [&] {
      const py::object answer = call();
      if (answer.is_none()) return;
      refuse_argument(std::string(method) + "()", "gave " + kind_of(answer) + "; it returns None or raises");
    });
    if (failure) return {failure->outcome, {}, failure->words};
    return {SendOutcome::kAccepted, {}, {}};
  }

  template <class Call>
  void require_answer(const char* method, Call&& call) const {
    const auto failure = attempt(method, call);
    if (failure) throw Error(ErrorCode::kBrokerInDoubt, name() + ", " + method + "(): " + failure->words);
  }

  const BrokerCapabilities capabilities_;
};

}  // namespace

std::vector<std::unique_ptr<BrokerConnector>> to_brokers(py::handle value, const char* name) {
  if (!PyDict_Check(value.ptr())) {
    refuse_argument(name, kind_of(value) + " is not a dict of brokers by their names");
  }
  const py::object base = py::module_::import("orchestrator._extend").attr("BrokerConnector");
  std::vector<std::unique_ptr<BrokerConnector>> brokers;
  const auto rows = py::reinterpret_steal<py::list>(PyDict_Items(value.ptr()));
  for (const py::handle row : rows) {
    const auto [key, broker] = py::cast<std::pair<py::object, py::object>>(row);
    const std::string of = to_text(key, name);
    const std::string path = std::string(name) + "['" + of + "']";
    if (of.empty()) refuse_argument(path, "a broker needs a name");
    if (!py::isinstance(broker, base)) {
      refuse_argument(path, kind_of(broker) +
                                " is not a BrokerConnector; derive its class from "
                                "orchestrator.BrokerConnector");
    }
    auto connector = std::make_unique<PythonBroker>(broker, of);
    require_own_methods(broker, base, connector->capabilities().broker_class, path);
    brokers.push_back(std::move(connector));
  }
  return brokers;
}

}  // namespace orchestrator::python
