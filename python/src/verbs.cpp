// The facade's verbs: each reads its arguments with the GIL into a piece of work that needs none, and runs
// it.
#include <string>

#include "python/src/order_input.hpp"
#include "python/src/session.hpp"

namespace orchestrator::python {
namespace {

using py::object;

// --- placing ---

BatchRequest read_request(const object& orders, const object& portfolio_id, const object& idempotency_key,
                          const object& user_id, const object& policy, const object& tenant) {
  BatchRequest request;
  request.portfolio_id = to_id(portfolio_id, "portfolio_id");
  if (!idempotency_key.is_none()) request.idempotency_key = to_text(idempotency_key, "idempotency_key");
  if (!user_id.is_none()) request.user_id = to_id(user_id, "user_id");
  request.policy = to_word<BatchPolicy>(policy, "policy");
  request.tenant = to_text(tenant, "tenant");
  request.orders = OrderInput::read(orders);
  return request;
}

auto place(object orders, object portfolio_id, object idempotency_key, object user_id, object policy,
           object tenant) {
  return [request = read_request(orders, portfolio_id, idempotency_key, user_id, policy, tenant)](
             Orchestrator& oms) { return oms.place(request); };
}

auto preview(object orders, object portfolio_id, object idempotency_key, object user_id, object policy,
             object tenant) {
  return [request = read_request(orders, portfolio_id, idempotency_key, user_id, policy, tenant)](
             Orchestrator& oms) { return oms.preview(request); };
}

// --- changing ---

auto simulate_fill(object id, object price, object qty) {
  return [id = to_id(id, "id"), price = to_decimal<Price>(price, "price"),
          qty = to_decimal<Quantity>(qty, "qty")](Orchestrator& oms) {
    return oms.simulate_fill(id, price, qty);
  };
}

auto replace(object id, object qty, object price_limit) {
  return [id = to_id(id, "id"), qty = to_optional(to_decimal<Quantity>, qty, "qty"),
          price = to_optional(to_decimal<Price>, price_limit, "price_limit")](Orchestrator& oms) {
    return oms.replace(id, qty, price);
  };
}

auto cancel(object id) {
  return [id = to_id(id, "id")](Orchestrator& oms) { return oms.cancel(id); };
}

auto cancel_batch(object id) {
  return [id = to_id(id, "id")](Orchestrator& oms) { return oms.cancel_batch(id); };
}

auto settle(object as_of) {
  return [day = to_date(as_of, "as_of")](Orchestrator& oms) { return oms.settle(day); };
}

// --- reading ---

auto get_order(object id) {
  return [id = to_id(id, "id")](Orchestrator& oms) { return oms.get_order(id); };
}

auto get_batch(object id) {
  return [id = to_id(id, "id")](Orchestrator& oms) { return oms.get_batch(id); };
}

auto executions(object id) {
  return [id = to_id(id, "id")](Orchestrator& oms) { return oms.executions(id); };
}

auto reconcile(object id) {
  return [id = to_id(id, "batch_id")](Orchestrator& oms) { return oms.reconcile(id); };
}

// --- driving ---

auto recover(object patience) {
  return [patience = to_duration(patience, "patience")](Orchestrator& oms) { return oms.recover(patience); };
}

auto dispatch(object batch_id) {
  return
      [batch = to_optional(to_id, batch_id, "batch_id")](Orchestrator& oms) { return oms.dispatch(batch); };
}

auto step() {
  return [](Orchestrator& oms) { return oms.step(); };
}

auto poll() {
  return [](Orchestrator& oms) { return oms.poll(); };
}

auto publish() {
  return [](Orchestrator& oms) { return oms.publish(); };
}

auto wait(object batch_id, object timeout) {
  return [id = to_id(batch_id, "batch_id"), timeout = to_duration(timeout, "timeout")](Orchestrator& oms) {
    return oms.wait(id, timeout);
  };
}

// Binds a function from arguments to work.
template <class Work, class... Arguments>
void verb(py::class_<Session>& type, const char* name, Work (*prepare)(Arguments...)) {
  type.def(name, [prepare](Session& session, Arguments... arguments) {
    return session.call(prepare(std::move(arguments)...));
  });
}

}  // namespace

void bind_session(py::module_& module) {
  py::class_<Session> type(module, "Session");
  type.def(py::init([](const object& url, const py::dict& settings) {
    return std::make_unique<Session>(read_settings(url, settings));
  }));
  type.def("close", &Session::close, py::call_guard<py::gil_scoped_release>());
  type.def_property_readonly("closed", &Session::closed);
  verb(type, "place", place);
  verb(type, "preview", preview);
  verb(type, "simulate_fill", simulate_fill);
  verb(type, "replace", replace);
  verb(type, "cancel", cancel);
  verb(type, "cancel_batch", cancel_batch);
  verb(type, "settle", settle);
  verb(type, "get_order", get_order);
  verb(type, "get_batch", get_batch);
  verb(type, "executions", executions);
  verb(type, "reconcile", reconcile);
  verb(type, "recover", recover);
  verb(type, "dispatch", dispatch);
  verb(type, "step", step);
  verb(type, "poll", poll);
  verb(type, "publish", publish);
  verb(type, "wait", wait);
}

}  // namespace orchestrator::python
