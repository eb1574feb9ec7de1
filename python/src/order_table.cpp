#include "python/src/order_table.hpp"

#include <array>
#include <cstring>
#include <limits>

#include "python/src/values.hpp"

namespace orchestrator::python {
namespace {

using Orders = std::vector<Order>;

// Bytes of an array with one item for each order.
template <class Item, class Get>
py::tuple array_of(const Orders& orders, const char* kind, Get get) {
  py::bytearray bytes("", 0);
  if (PyByteArray_Resize(bytes.ptr(), static_cast<Py_ssize_t>(orders.size() * sizeof(Item))) != 0) {
    throw py::error_already_set();
  }
  char* to = PyByteArray_AS_STRING(bytes.ptr());
  for (const Order& order : orders) {
    const Item item = get(order);
    std::memcpy(to, &item, sizeof item);
    to += sizeof item;
  }
  return py::make_tuple(kind, bytes);
}

template <class Get>
py::tuple list_of(const Orders& orders, Get get) {
  py::list list(orders.size());
  for (std::size_t i = 0; i < orders.size(); ++i) {
    PyList_SET_ITEM(list.ptr(), static_cast<Py_ssize_t>(i), get(orders[i]).release().ptr());
  }
  return py::make_tuple("O", list);
}

// Equal amounts are frequent in a column, and one immutable Decimal serves them all.
template <class Fixed>
class Amounts {
 public:
  py::object operator()(Fixed value) {
    const auto units = value.units();
    Slot& slot =
        slots_[static_cast<std::size_t>(static_cast<std::uint64_t>(units) * 0x9e3779b97f4a7c15U >> 54)];
    if (!slot.object || slot.units != units) slot = {units, to_python(value)};
    return slot.object;
  }
  py::object operator()(const std::optional<Fixed>& value) { return value ? (*this)(*value) : py::none(); }

 private:
  struct Slot {
    decltype(Fixed().units()) units = 0;
    py::object object;
  };
  std::array<Slot, 1024> slots_;
};

// So are equal words in a row.
class Texts {
 public:
  py::object operator()(const std::string& text, bool none_if_empty) {
    if (none_if_empty && text.empty()) return py::none();
    if (!last_ || text != text_) {
      text_ = text;
      last_ = to_python(text);
    }
    return last_;
  }

 private:
  std::string text_;
  py::object last_;
};

// NumPy's NaT, also for a time outside the years 1677 to 2262, which are what 64 bits of nanoseconds hold.
constexpr std::int64_t kNotATime = std::numeric_limits<std::int64_t>::min();
std::int64_t nanoseconds(Timestamp at) {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max() / 1000;
  const std::int64_t microseconds = at.time_since_epoch().count();
  return microseconds > kMax || microseconds < -kMax ? kNotATime : microseconds * 1000;
}

class Table {
 public:
  explicit Table(const Orders& orders) : orders_(orders) {}

  template <class Integer>
  void integers(const char* name, Integer Order::*member) {
    columns_[name] = array_of<std::int64_t>(
        orders_, "i8", [member](const Order& order) { return static_cast<std::int64_t>(order.*member); });
  }
  void flags(const char* name, bool Order::*member) {
    columns_[name] = array_of<std::uint8_t>(
        orders_, "?", [member](const Order& order) { return static_cast<std::uint8_t>(order.*member); });
  }
  template <class Get>
  void amounts(const char* name, Get get) {
    using Value = std::remove_cvref_t<std::invoke_result_t<Get, const Order&>>;
    auto amounts = std::make_unique<Amounts<decltype(fixed_of(Value()))>>();
    columns_[name] =
        list_of(orders_, [&](const Order& order) { return (*amounts)(std::invoke(get, order)); });
  }
  void texts(const char* name, std::string Order::*member, bool none_if_empty) {
    Texts texts;
    columns_[name] =
        list_of(orders_, [&](const Order& order) { return texts(order.*member, none_if_empty); });
  }
  template <class Word>
  void words(const char* name, Word Order::*member, std::size_t count) {
    auto column = array_of<std::int8_t>(orders_, "category", [member](const Order& order) {
      return static_cast<std::int8_t>(order.*member);
    });
    py::list all;
    for (std::size_t i = 0; i < count; ++i)
      all.append(to_python(std::string(to_string(static_cast<Word>(i)))));
    columns_[name] = py::make_tuple(column[0], column[1], all);
  }
  void times(const char* name, Timestamp Order::*member) {
    columns_[name] = array_of<std::int64_t>(
        orders_, "M8[ns]", [member](const Order& order) { return nanoseconds(order.*member); });
  }
  void times(const char* name, std::optional<Timestamp> Order::*member) {
    columns_[name] = array_of<std::int64_t>(orders_, "M8[ns]", [member](const Order& order) {
      return order.*member ? nanoseconds(*(order.*member)) : kNotATime;
    });
  }
  [[nodiscard]] py::dict take() { return std::move(columns_); }

 private:
  template <class Fixed>
  static Fixed fixed_of(Fixed);
  template <class Fixed>
  static Fixed fixed_of(std::optional<Fixed>);

  const Orders& orders_;
  py::dict columns_;
};

void add_terms(Table& table) {
  table.integers("id", &Order::id);
  table.integers("batch_id", &Order::batch_id);
  table.integers("portfolio_id", &Order::portfolio_id);
  table.texts("broker", &Order::broker, false);
  table.integers("instrument_id", &Order::instrument_id);
  table.texts("symbol", &Order::symbol, false);
  table.amounts("qty", &Order::qty);
  table.amounts("price_limit", &Order::price_limit);
  table.amounts("stop_price", &Order::stop_price);
  table.words("side", &Order::side, 2);
  table.words("order_type", &Order::order_type, 4);
  table.words("time_in_force", &Order::time_in_force, 4);
  table.words("status", &Order::status, kOrderStatusCount);
}

void add_progress(Table& table) {
  table.texts("client_order_id", &Order::client_order_id, true);
  table.texts("ext_order_id", &Order::ext_order_id, true);
  table.amounts("fill_price", &Order::fill_price);
  table.amounts("fill_qty", &Order::fill_qty);
  table.amounts("fill_notional", &Order::fill_notional);
  table.amounts("remaining_qty", &Order::remaining_qty);
  table.amounts("fees", &Order::fees);
  table.texts("reason", &Order::reason, true);
  table.amounts("pending_qty", &Order::pending_qty);
  table.amounts("pending_price_limit", &Order::pending_price_limit);
  table.flags("overfilled", &Order::overfilled);
  table.flags("late_fill", &Order::late_fill);
  table.flags("busted", &Order::busted);
  table.flags("parked", &Order::parked);
  table.flags("incident", &Order::incident);
}

void add_bookkeeping(Table& table) {
  table.integers("leg", &Order::leg);
  table.integers("multiplier", &Order::multiplier);
  table.amounts("margin_reserved", &Order::margin_reserved);
  table.integers("attempt", &Order::attempt);
  table.integers("replace_count", &Order::replace_count);
  table.times("created_at", &Order::created_at);
  table.times("submitted_at", &Order::submitted_at);
  table.times("acked_at", &Order::acked_at);
  table.times("executed_at", &Order::executed_at);
  table.times("ended_at", &Order::ended_at);
  table.times("settled_at", &Order::settled_at);
  table.integers("version", &Order::version);
}

}  // namespace

py::dict columns_of(const std::vector<Order>& orders) {
  Table table(orders);
  add_terms(table);
  add_progress(table);
  add_bookkeeping(table);
  return table.take();
}

}  // namespace orchestrator::python
