// The facade's verbs: each reads its arguments with the GIL into a piece of work that needs none, and runs
// it.
#include <algorithm>
#include <iterator>
#include <limits>
#include <memory>
#include <string>

#include "python/src/order_input.hpp"
#include "python/src/order_table.hpp"
#include "python/src/verbs.hpp"

namespace orchestrator::python {
namespace {

using py::object;

// --- placing ---

BatchRequest read_request(const object& orders, const object& portfolio_id, const object& idempotency_key,
                          const object& user_id, const object& policy, const object& tenant) {
  BatchRequest request;
  request.portfolio_id = to_id(portfolio_id, "portfolio_id");
  if (!idempotency_key.is_none()) {
    // The engine makes a fresh key of an empty one, and every retry would place the orders again.
    request.idempotency_key = to_filled_text(idempotency_key, "idempotency_key", "pass None for a fresh key");
  }
  if (!user_id.is_none()) request.user_id = to_id(user_id, "user_id");
  request.policy = to_word<BatchPolicy>(policy, "policy");
  request.tenant = to_filled_text(tenant, "tenant", "leave it out for the default tenant");
  request.orders = OrderInput::read(orders);
  return request;
}

auto place(const object& orders, const object& portfolio_id, const object& idempotency_key,
           const object& user_id, const object& policy, const object& tenant) {
  return [request = read_request(orders, portfolio_id, idempotency_key, user_id, policy, tenant)](
             Orchestrator& oms) { return oms.place(request); };
}

auto preview(const object& orders, const object& portfolio_id, const object& idempotency_key,
             const object& user_id, const object& policy, const object& tenant) {
  return [request = read_request(orders, portfolio_id, idempotency_key, user_id, policy, tenant)](
             Orchestrator& oms) { return oms.preview(request); };
}

// --- changing ---

auto simulate_fill(const object& id, const object& price, const object& qty) {
  return [id = to_id(id, "id"), price = to_decimal<Price>(price, "price"),
          qty = to_decimal<Quantity>(qty, "qty")](Orchestrator& oms) {
    return oms.simulate_fill(id, price, qty);
  };
}

auto replace(const object& id, const object& qty, const object& price_limit) {
  return [id = to_id(id, "id"), qty = to_optional(to_decimal<Quantity>, qty, "qty"),
          price = to_optional(to_decimal<Price>, price_limit, "price_limit")](Orchestrator& oms) {
    return oms.replace(id, qty, price);
  };
}

auto cancel(const object& id) {
  return [id = to_id(id, "id")](Orchestrator& oms) { return oms.cancel(id); };
}

auto cancel_batch(const object& id) {
  return [id = to_id(id, "id")](Orchestrator& oms) { return oms.cancel_batch(id); };
}

auto settle(const object& as_of) {
  return [day = to_date(as_of, "as_of")](Orchestrator& oms) { return oms.settle(day); };
}

// --- reading ---

auto get_order(const object& id) {
  return [id = to_id(id, "id")](Orchestrator& oms) { return oms.get_order(id); };
}

auto get_batch(const object& id) {
  return [id = to_id(id, "id")](Orchestrator& oms) { return oms.get_batch(id); };
}

auto executions(const object& id) {
  return [id = to_id(id, "id")](Orchestrator& oms) { return oms.executions(id); };
}

auto reconcile(const object& id) {
  return [id = to_id(id, "batch_id")](Orchestrator& oms) { return oms.reconcile(id); };
}

// --- driving ---

auto recover(const object& patience) {
  return [patience = to_timeout(patience, "patience")](Orchestrator& oms) {
    return oms.recover(patience, &Session::Call::shall_end);
  };
}

auto dispatch(const object& batch_id) {
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

auto wait(const object& batch_id, const object& timeout) {
  return [id = to_id(batch_id, "batch_id"), timeout = to_timeout(timeout, "timeout")](Orchestrator& oms) {
    return oms.wait(id, timeout, &Session::Call::shall_end);
  };
}

// A query that was read once and is asked page by page.
OrderQuery read_order_query(const object& ids, const object& batch_id, const object& portfolio_id,
                            const object& instrument_id, const object& broker, const object& status,
                            const object& client_order_id, const object& ext_order_id,
                            const object& created_from, const object& tenant, bool newest_first) {
  // To the library an empty list is no condition; to a caller who computed one it is a choice of nothing.
  constexpr OrderId kNoOrder = 0;
  OrderQuery query;
  if (!ids.is_none()) {
    query.ids = to_list<OrderId>(to_id, ids, "ids");
    if (query.ids.empty()) query.ids = {kNoOrder};
  }
  query.batch_id = to_optional(to_id, batch_id, "batch_id");
  query.portfolio_id = to_optional(to_id, portfolio_id, "portfolio_id");
  query.instrument_id = to_optional(to_id, instrument_id, "instrument_id");
  query.broker = to_optional(to_filter, broker, "broker");
  if (PyUnicode_Check(status.ptr())) {
    query.statuses = {to_word<OrderStatus>(status, "status")};
  } else if (!status.is_none()) {
    query.statuses = to_list<OrderStatus>(to_word<OrderStatus>, status, "status");
    if (query.statuses.empty()) query.ids = {kNoOrder};
  }
  query.client_order_id = to_optional(to_filter, client_order_id, "client_order_id");
  query.ext_order_id = to_optional(to_filter, ext_order_id, "ext_order_id");
  query.created_from = to_optional(to_timestamp, created_from, "created_from");
  query.tenant = to_optional(to_filter, tenant, "tenant");
  query.newest_first = newest_first;
  return query;
}

// The page after the order with the id `after`, in the query's direction; 0: the first.
auto orders(const OrderQuery& query, OrderId after, std::size_t limit) {
  OrderQuery page = query;
  (page.newest_first ? page.before_id : page.after_id) = after;
  page.limit = limit;
  return [page = std::move(page)](Orchestrator& oms) { return oms.orders(page); };
}

// Every order of the query, up to `limit`, as columns.
py::dict order_columns(Session& session, const OrderQuery& query, const object& limit) {
  const auto limit_or_all =
      to_optional(to_count, limit, "limit").value_or(std::numeric_limits<std::size_t>::max());
  return columns_of(session.run([query, limit_or_all](Orchestrator& oms) {
    constexpr std::size_t kPage = 10'000;
    std::vector<Order> all;
    OrderQuery page = query;
    for (;;) {
      page.limit = std::min(kPage, limit_or_all - all.size());
      if (page.limit == 0) return all;
      std::vector<Order> read = oms.orders(page);
      const bool last = read.size() < page.limit;
      if (!read.empty()) (page.newest_first ? page.before_id : page.after_id) = read.back().id;
      if (all.empty()) {
        all = std::move(read);
      } else {
        all.insert(all.end(), std::make_move_iterator(read.begin()), std::make_move_iterator(read.end()));
      }
      if (last || InterruptibleCall::interrupted()) return all;
    }
  }));
}

auto events(const object& batch_id, const object& order_id, const object& after, const object& limit) {
  EventQuery query;
  query.batch_id = to_optional(to_id, batch_id, "batch_id");
  query.order_id = to_optional(to_id, order_id, "order_id");
  query.after_id = static_cast<std::int64_t>(to_count(after, "after"));
  query.limit = to_count(limit, "limit");
  query.without_gaps = true;
  return [query](Orchestrator& oms) { return oms.events(query); };
}

}  // namespace

void bind_order_query(py::module_& module) {
  py::class_<OrderQuery>(module, "OrderQuery").def(py::init(&read_order_query));
}

void add_order_verbs(Verbs& verbs) {
  verbs.session.def("order_columns", order_columns);
  verbs.add("place", place);
  verbs.add("preview", preview);
  verbs.add("simulate_fill", simulate_fill);
  verbs.add("replace", replace);
  verbs.add("cancel", cancel);
  verbs.add("cancel_batch", cancel_batch);
  verbs.add("settle", settle);
  verbs.add("get_order", get_order);
  verbs.add("get_batch", get_batch);
  verbs.add("orders", orders);
  verbs.add("executions", executions);
  verbs.add("events", events);
  verbs.add("reconcile", reconcile);
  verbs.add("recover", recover);
  verbs.add("dispatch", dispatch);
  verbs.add("step", step);
  verbs.add("poll", poll);
  verbs.add("publish", publish);
  verbs.add("wait", wait);
}

}  // namespace orchestrator::python
