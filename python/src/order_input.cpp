#include "python/src/order_input.hpp"

#include <array>
#include <utility>

#include "python/src/records.hpp"

namespace orchestrator::python {
namespace {

struct FieldWords {
  const char* name;
  const char* code;           // of a value that cannot be read
  const char* code_required;  // nullptr: may be left out
};

// Indexed by OrderField. The codes are published, and the same as for JSON.
constexpr std::array<FieldWords, kOrderFieldCount> kFields{{
    {"instrument_id", "instrument.invalid", "instrument.required"},
    {"qty", "qty.invalid_decimal", "qty.required"},
    {"side", "side.invalid", "side.required"},
    {"price_limit", "price.invalid_decimal", nullptr},
    {"stop_price", "stop_price.invalid_decimal", nullptr},
    {"order_type", "order_type.invalid", nullptr},
    {"time_in_force", "time_in_force.invalid", nullptr},
    {"broker", "broker.invalid", nullptr},
    {"slice", "slice.invalid", nullptr},
}};

// Interned, so that a dict's key is nearly always found by its address.
std::array<PyObject*, kOrderFieldCount> names_{};

const FieldWords& words_of(OrderField field) { return kFields[static_cast<std::size_t>(field)]; }
unsigned bit(OrderField field) { return 1U << static_cast<unsigned>(field); }

std::optional<OrderField> find_field(PyObject* key) {
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (names_[i] == key) return static_cast<OrderField>(i);
  }
  if (!PyUnicode_Check(key)) return std::nullopt;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (PyUnicode_Compare(names_[i], key) == 0) return static_cast<OrderField>(i);
  }
  return std::nullopt;
}

std::string shown_key(py::handle key) {
  std::string text;
  return read_text(key, text) ? kind_of(key) : text.substr(0, 64);
}

template <class Value>
Refusal read_optional(py::handle value, std::optional<Value>& out) {
  if (value.is_none()) {
    out.reset();
    return std::nullopt;
  }
  return read_decimal(value, out.emplace());
}

Refusal read_instrument(py::handle value, std::int64_t& out) {
  if (auto refusal = read_integer(value, out)) return *refusal + "; pass a positive int, such as 738561";
  if (out > 0) return std::nullopt;
  return std::to_string(out) + " is not valid; pass a positive int, such as 738561";
}

Refusal read_broker(py::handle value, std::string& out) {
  out.clear();
  if (value.is_none()) return std::nullopt;
  if (auto refusal = read_text(value, out)) return refusal;
  if (out.empty()) return "empty; name a broker or leave the field out";
  return std::nullopt;
}

Refusal read_flag(py::handle value, bool& out) {
  if (!PyBool_Check(value.ptr())) return kind_of(value) + " is not valid; pass True or False";
  out = value.ptr() == Py_True;
  return std::nullopt;
}

// None in an optional field is the same as leaving it out.
template <class Word>
Refusal read_optional_word(py::handle value, Word& out) {
  return value.is_none() ? std::nullopt : read_word(value, out);
}

}  // namespace

void load_order_fields() {
  for (std::size_t i = 0; i < names_.size(); ++i) names_[i] = PyUnicode_InternFromString(kFields[i].name);
}

const char* name_of(OrderField field) { return words_of(field).name; }

std::string order_field_names() {
  std::string names;
  for (const FieldWords& field : kFields) names.append(names.empty() ? "" : ", ").append(field.name);
  return names;
}

std::optional<OrderField> OrderInput::field_of(const std::string& name) {
  for (std::size_t i = 0; i < kFields.size(); ++i) {
    if (name == kFields[i].name) return static_cast<OrderField>(i);
  }
  return std::nullopt;
}

void OrderInput::check_count(std::size_t count) {
  if (count <= kOrdersMax) return;
  throw Error(ErrorCode::kLimitExceeded, "orders: " + std::to_string(count) + " are more than the limit of " +
                                             std::to_string(kOrdersMax) + "; split the batch");
}

// nullopt: no table.
std::optional<std::vector<OrderInput::Column>> OrderInput::columns_of(const py::object& orders) {
  std::vector<Column> columns;
  const auto take = [&](py::handle name, py::object values) {
    columns.push_back({shown_key(name), std::move(values)});
  };
  if (PyDict_Check(orders.ptr())) {
    for (const auto& [name, values] : py::reinterpret_steal<py::dict>(PyDict_Copy(orders.ptr()))) {
      take(name, py::reinterpret_borrow<py::object>(values));
    }
    return columns;
  }
  if (py::hasattr(orders, "columns") && py::hasattr(orders, "to_numpy")) {
    for (const py::handle name : items_of(orders.attr("columns"), "orders")) {
      take(name, py::object(orders[name]).attr("to_numpy")());
    }
    return columns;
  }
  const py::object names = py::getattr(py::getattr(orders, "dtype", py::none()), "names", py::none());
  if (names.is_none()) return std::nullopt;
  for (const py::handle name : items_of(names, "orders")) take(name, orders[name]);
  return columns;
}

std::vector<OrderRequest> OrderInput::read(const py::object& orders) {
  if (PyList_Check(orders.ptr()) || PyTuple_Check(orders.ptr())) return read_list(orders);
  if (const auto columns = columns_of(orders)) return read_columns(*columns);
  return read_list(orders);
}

std::vector<OrderRequest> OrderInput::read_list(const py::object& orders) {
  if (PyUnicode_Check(orders.ptr()) || PyBytes_Check(orders.ptr()) || orders.is_none()) {
    refuse_argument("orders", kind_of(orders) + " is not a list of orders");
  }
  py::object list = orders;
  if (!PyList_Check(orders.ptr()) && !PyTuple_Check(orders.ptr())) {
    list = items_of(orders, "orders", kOrdersMax);
  }
  const bool is_list = PyList_Check(list.ptr());
  const auto size_now = [&] { return is_list ? PyList_GET_SIZE(list.ptr()) : PyTuple_GET_SIZE(list.ptr()); };
  const auto count = static_cast<std::size_t>(size_now());
  check_count(count);
  OrderInput input;
  input.orders_.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto at = static_cast<Py_ssize_t>(i);
    if (static_cast<std::size_t>(size_now()) != count) {
      refuse_argument("orders", "the list changed while it was read");
    }
    const auto item = py::reinterpret_borrow<py::object>(is_list ? PyList_GET_ITEM(list.ptr(), at)
                                                                 : PyTuple_GET_ITEM(list.ptr(), at));
    input.read_item(item, i);
  }
  input.finish();
  return std::move(input.orders_);
}

OrderRequest OrderInput::read_one(const std::vector<py::object>& values) {
  OrderInput input;
  OrderRequest order;
  input.order_ = &order;
  unsigned seen = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!values[i]) continue;
    seen |= 1U << i;
    input.set(static_cast<OrderField>(i), values[i]);
  }
  input.require(seen);
  input.finish();
  return order;
}

void OrderInput::read_item(py::handle item, std::size_t index) {
  index_ = index;
  if (PyDict_Check(item.ptr())) {
    order_ = &orders_.emplace_back();
    read_dict(item.ptr());
  } else if (holds<OrderRequest>(item)) {
    orders_.push_back(py::cast<const OrderRequest&>(item));
  } else {
    orders_.emplace_back();
    refuse("", "order.invalid", kind_of(item) + " is not an order; pass an OrderRequest or a dict");
  }
}

// PyDict_Next gives what it finds at a position, whatever became of the dict since the last one.
void OrderInput::read_dict(PyObject* dict) {
  unsigned seen = 0;
  Py_ssize_t position = 0;
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  const Py_ssize_t size = PyDict_GET_SIZE(dict);
  while (PyDict_Next(dict, &position, &key, &value) != 0) {
    const auto held_key = py::reinterpret_borrow<py::object>(key);
    const auto held = py::reinterpret_borrow<py::object>(value);
    if (const auto field = find_field(key)) {
      seen |= bit(*field);
      set(*field, held);
    } else {
      refuse(shown_key(held_key), "field.unknown", "not a field of an order; known: " + order_field_names());
    }
    if (PyDict_GET_SIZE(dict) != size) {
      refuse("", "order.invalid", "the dict changed while it was read");
      return;
    }
  }
  require(seen);
}

void OrderInput::set(OrderField field, py::handle value) {
  OrderRequest& order = *order_;
  switch (field) {
    case OrderField::kInstrumentId:
      return take(field, read_instrument(value, order.instrument_id));
    case OrderField::kQty:
      return take(field, read_decimal(value, order.qty));
    case OrderField::kSide:
      return take(field, read_word(value, order.side));
    case OrderField::kPriceLimit:
      return take(field, read_optional(value, order.price_limit));
    case OrderField::kStopPrice:
      return take(field, read_optional(value, order.stop_price));
    case OrderField::kOrderType:
      return take(field, read_optional_word(value, order.order_type));
    case OrderField::kTimeInForce:
      return take(field, read_optional_word(value, order.time_in_force));
    case OrderField::kBroker:
      return take(field, read_broker(value, order.broker));
    case OrderField::kSlice:
      return take(field, read_flag(value, order.slice));
  }
}

void OrderInput::take(OrderField field, const Refusal& refusal) {
  if (refusal) refuse(words_of(field).name, words_of(field).code, *refusal);
}

void OrderInput::refuse(std::string field, std::string code, std::string message) {
  if (violations_.size() >= kViolationsMax) return;
  violations_.push_back({index_, std::move(field), std::move(code), std::move(message), Severity::kError});
}

void OrderInput::require(unsigned seen) {
  constexpr unsigned kRequired = 0b111;
  if ((seen & kRequired) == kRequired) return;
  for (std::size_t i = 0; i < kOrderFieldCount; ++i) {
    if (kFields[i].code_required == nullptr || (seen & (1U << i)) != 0) continue;
    refuse(kFields[i].name, kFields[i].code_required, "missing; every order needs it");
  }
}

void OrderInput::finish() {
  if (!violations_.empty()) throw Error::validation_failed(std::move(violations_));
}

namespace {

py::object order_type(const OrderRequest& order) { return to_python(order.order_type); }

constexpr std::array<Field<OrderRequest>, kOrderFieldCount> kRequest{{
    {"instrument_id", read<&OrderRequest::instrument_id>, "int"},
    {"qty", read<&OrderRequest::qty>, "Decimal: units of the instrument"},
    {"side", read<&OrderRequest::side>, "Side"},
    {"price_limit", read<&OrderRequest::price_limit>, "Decimal | None: per unit"},
    {"stop_price", read<&OrderRequest::stop_price>, "Decimal | None: trigger of stop and stop_limit orders"},
    {"order_type", order_type, "OrderType"},
    {"time_in_force", read<&OrderRequest::time_in_force>, "TimeInForce"},
    {"broker", read_or_none<&OrderRequest::broker>, "str | None: None: the router chooses"},
    {"slice", read<&OrderRequest::slice>, "bool: above the freeze quantity it becomes several orders"},
}};

}  // namespace

void bind_order_request(py::module_& module) {
  auto type = bind_record<OrderRequest>(
      module, "OrderRequest",
      "One order as the caller wants it; immutable. Amounts are given as Decimal, int or str, never as a "
      "float.\n\n"
      "Raises OrchestratorError(validation_failed) naming every field that cannot be read.",
      kRequest);
  allow_new(type);
  type.def(
      py::init([](py::object instrument_id, py::object qty, py::object side, py::object price_limit,
                  py::object stop_price, py::object order_type, py::object time_in_force, py::object broker,
                  py::object slice) {
        return OrderInput::read_one({std::move(instrument_id), std::move(qty), std::move(side),
                                     std::move(price_limit), std::move(stop_price), std::move(order_type),
                                     std::move(time_in_force), std::move(broker), std::move(slice)});
      }),
      py::arg("instrument_id"), py::arg("qty"), py::arg("side"), py::arg("price_limit") = py::none(),
      py::arg("stop_price") = py::none(), py::arg("order_type") = py::none(),
      py::arg("time_in_force") = py::none(), py::arg("broker") = py::none(), py::arg("slice") = false);
}

}  // namespace orchestrator::python
