// Orders as Python gives them: OrderRequest objects and dicts, read straight from the interpreter's objects.
//
// A bad value does not stop the reading: it becomes a Violation with its order's index and field, with the
// codes that the JSON reader has, so that a desk corrects a batch in one go. The objects may be hostile:
// whatever their own code does to the containers meanwhile, nothing is read that is not held.
#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/order.hpp"
#include "python/src/values.hpp"

namespace orchestrator::python {

// The fields of an order in the order of OrderRequest.
enum class OrderField : std::uint8_t {
  kInstrumentId,
  kQty,
  kSide,
  kPriceLimit,
  kStopPrice,
  kOrderType,
  kTimeInForce,
  kBroker,
  kSlice,
};
inline constexpr std::size_t kOrderFieldCount = 9;

[[nodiscard]] const char* name_of(OrderField field);
// "instrument_id, qty, side, ..." for messages.
[[nodiscard]] std::string order_field_names();

// Interns the names of the fields; called once, when the module is imported.
void load_order_fields();

class OrderInput {
 public:
  // Violations kept; further ones are dropped, so that a hostile input cannot grow the answer without end.
  static constexpr std::size_t kViolationsMax = 1000;
  // Of one batch; the engine's own limit for orders.
  static constexpr std::size_t kOrdersMax = 32'768;

  // Reads every order of a list, a tuple or another iterable of orders, or of a table by columns: a dict of
  // columns, a DataFrame, a structured array. Throws Error: invalid_argument for something else and for a
  // column as a whole, limit_exceeded for too many, validation_failed with all values that could not be read.
  [[nodiscard]] static std::vector<OrderRequest> read(const py::object& orders);
  // Reads one order; `values` in the order of the fields, null for what was not given.
  [[nodiscard]] static OrderRequest read_one(const std::vector<py::object>& values);

 private:
  struct Column {
    std::string name;
    py::object values;
  };
  static std::vector<OrderRequest> read_list(const py::object& orders);
  static std::vector<OrderRequest> read_columns(const std::vector<Column>& columns);
  static std::optional<std::vector<Column>> columns_of(const py::object& orders);
  static std::optional<OrderField> field_of(const std::string& name);
  static void check_count(std::size_t count);

  void begin(std::size_t index) {
    index_ = index;
    order_ = &orders_[index];
  }
  void read_column(OrderField field, const py::object& values, const std::string& name,
                   std::optional<std::size_t>& count);
  void read_object_column(OrderField field, const char* first, std::size_t count, std::ptrdiff_t stride);
  template <class Read>
  bool read_number_column(OrderField field, std::size_t count, Read number_of);
  void read_item(py::handle item, std::size_t index);
  void read_dict(PyObject* dict);
  void set(OrderField field, py::handle value);
  void take(OrderField field, const Refusal& refusal);
  void refuse(std::string field, std::string code, std::string message);
  void require(unsigned seen);
  void finish();

  std::vector<OrderRequest> orders_;
  OrderRequest* order_ = nullptr;
  std::size_t index_ = 0;
  std::vector<Violation> violations_;
};

}  // namespace orchestrator::python
