// Orders from a table by columns: a dict of columns, a pandas DataFrame or a structured NumPy array. Columns
// of numbers, words and objects are read through the buffer protocol, so that NumPy is needed neither to
// build this module nor to import it; any other column is an iterable of values as they stand in an order's
// dict.
#include <array>
#include <cstring>
#include <string_view>
#include <utility>

#include "python/src/order_input.hpp"

namespace orchestrator::python {
namespace {

// One dimension of a buffer, released with the object.
class Buffer {
 public:
  explicit Buffer(const py::object& owner) {
    if (PyObject_GetBuffer(owner.ptr(), &view_, PyBUF_FORMAT | PyBUF_STRIDES) == 0) {
      held_ = true;
    } else {
      PyErr_Clear();
    }
  }
  ~Buffer() {
    if (held_) PyBuffer_Release(&view_);
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  [[nodiscard]] bool held() const { return held_; }
  [[nodiscard]] bool is_column() const { return view_.ndim == 1; }
  [[nodiscard]] std::size_t count() const { return static_cast<std::size_t>(view_.shape[0]); }
  [[nodiscard]] std::size_t item_size() const { return static_cast<std::size_t>(view_.itemsize); }
  [[nodiscard]] const char* at(std::size_t i) const {
    // Some exporters (ctypes) leave the strides of a contiguous buffer out, though they were asked for.
    const Py_ssize_t stride = view_.strides == nullptr ? view_.itemsize : view_.strides[0];
    return static_cast<const char*>(view_.buf) + static_cast<Py_ssize_t>(i) * stride;
  }
  // The last letter of the format, which says the kind; 0 for bytes in another order than the machine's.
  [[nodiscard]] char kind() const {
    const std::string_view format = view_.format == nullptr ? "B" : view_.format;
    if (format.empty() || format.front() == '>' || format.front() == '!') return 0;
    return format.back();
  }

 private:
  Py_buffer view_{};
  bool held_ = false;
};

bool is_one_of(char kind, std::string_view kinds) { return kind != 0 && kinds.find(kind) != kinds.npos; }

// A number of a column. `fits`: in 64 bits with a sign; otherwise `value` has the bits of one without.
struct Whole {
  std::int64_t value;
  bool fits;
};

template <class Number>
Whole number_at(const char* bytes) {
  Number number;
  std::memcpy(&number, bytes, sizeof number);
  return {static_cast<std::int64_t>(number), std::in_range<std::int64_t>(number)};
}

// Reads signed and unsigned integers of 1, 2, 4 and 8 bytes; nullptr: not one of those.
using ReadNumber = Whole (*)(const char*);
ReadNumber reader_of(char kind, std::size_t size) {
  if (is_one_of(kind, "bhilqn")) {
    switch (size) {
      case 1:
        return number_at<std::int8_t>;
      case 2:
        return number_at<std::int16_t>;
      case 4:
        return number_at<std::int32_t>;
      case 8:
        return number_at<std::int64_t>;
    }
  }
  if (is_one_of(kind, "BHILQN")) {
    switch (size) {
      case 1:
        return number_at<std::uint8_t>;
      case 2:
        return number_at<std::uint16_t>;
      case 4:
        return number_at<std::uint32_t>;
      case 8:
        return number_at<std::uint64_t>;
    }
  }
  return nullptr;
}

// Fixed-width text of 4-byte characters, as NumPy's "U" has it: padded with NULs.
py::object text_at(const char* bytes, std::size_t size) {
  std::size_t length = size / sizeof(Py_UCS4);
  Py_UCS4 last = 0;
  for (; length > 0; --length) {
    std::memcpy(&last, bytes + (length - 1) * sizeof last, sizeof last);
    if (last != 0) break;
  }
  auto text = py::reinterpret_steal<py::object>(
      PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, bytes, static_cast<Py_ssize_t>(length)));
  if (!text) throw py::error_already_set();
  return text;
}

template <std::size_t kSize>
bool is_word(const char* bytes, std::size_t size, const char (&word)[kSize]) {
  const std::size_t characters = size / sizeof(Py_UCS4);
  for (std::size_t i = 0; i < characters; ++i) {
    Py_UCS4 character = 0;
    std::memcpy(&character, bytes + i * sizeof character, sizeof character);
    if (character != (i < kSize ? static_cast<Py_UCS4>(word[i]) : 0)) return false;
  }
  return characters >= kSize - 1;
}

std::string column_name(const std::string& name) { return "orders['" + name + "']"; }

}  // namespace

std::vector<OrderRequest> OrderInput::read_columns(const std::vector<Column>& columns) {
  OrderInput input;
  unsigned seen = 0;
  std::optional<std::size_t> count;
  for (const Column& column : columns) {
    const auto field = field_of(column.name);
    if (!field) {
      input.index_ = Violation::kWholeBatch;
      input.refuse(column.name, "field.unknown", "not a field of an order; known: " + order_field_names());
      continue;
    }
    seen |= 1U << static_cast<unsigned>(*field);
    input.read_column(*field, column.values, column_name(column.name), count);
  }
  input.index_ = Violation::kWholeBatch;
  input.require(seen);
  input.finish();
  return std::move(input.orders_);
}

void OrderInput::read_column(OrderField field, const py::object& values, const std::string& name,
                             std::optional<std::size_t>& count) {
  const auto sized = [&](std::size_t size) {
    if (count && *count != size) {
      refuse_argument(
          name, std::to_string(size) + " values, and the columns before it have " + std::to_string(*count));
    }
    if (count) return;
    check_count(size);
    count = size;
    orders_.resize(size);
  };
  // Bytes are no column of numbers, though they have a buffer.
  const Buffer buffer(PyBytes_Check(values.ptr()) ? py::none() : values);
  if (!buffer.held()) {
    const py::list items = items_of(values, name.c_str(), kOrdersMax);
    sized(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      begin(i);
      set(field, items[i]);
    }
    return;
  }
  if (!buffer.is_column()) refuse_argument(name, "is not one column");
  sized(buffer.count());
  const char kind = buffer.kind();
  if (is_one_of(kind, "efdg")) {
    refuse_argument(name,
                    "a column of floats is not taken, because binary fractions are not exact (0.1 is "
                    "stored as 0.1000000000000000055...); pass ints, strings or decimal.Decimals, such "
                    "as column.map(str)");
  }
  if (kind == 'O')
    return read_object_column(field, buffer.at(0), buffer.count(),
                              buffer.count() > 1 ? buffer.at(1) - buffer.at(0) : 0);
  if (kind == 'w') {
    for (std::size_t i = 0; i < buffer.count(); ++i) {
      begin(i);
      const char* bytes = buffer.at(i);
      if (field == OrderField::kSide && is_word(bytes, buffer.item_size(), "BUY")) {
        order_->side = Side::kBuy;
      } else if (field == OrderField::kSide && is_word(bytes, buffer.item_size(), "SELL")) {
        order_->side = Side::kSell;
      } else {
        set(field, text_at(bytes, buffer.item_size()));
      }
    }
    return;
  }
  if (kind == '?' && field == OrderField::kSlice) {
    for (std::size_t i = 0; i < buffer.count(); ++i) orders_[i].slice = *buffer.at(i) != 0;
    return;
  }
  const ReadNumber number = reader_of(kind, buffer.item_size());
  if (number == nullptr ||
      !read_number_column(field, buffer.count(), [&](std::size_t i) { return number(buffer.at(i)); })) {
    refuse_argument(name, "a column of this kind is not taken for " + std::string(name_of(field)));
  }
}

void OrderInput::read_object_column(OrderField field, const char* first, std::size_t count,
                                    std::ptrdiff_t stride) {
  for (std::size_t i = 0; i < count; ++i) {
    PyObject* item = nullptr;
    std::memcpy(&item, first + static_cast<std::ptrdiff_t>(i) * stride, sizeof item);
    begin(i);
    const auto held = item == nullptr ? py::object(py::none()) : py::reinterpret_borrow<py::object>(item);
    set(field, held);
  }
}

namespace {

// The value at its place, if it is in range.
template <class Fixed>
bool set_whole(std::int64_t number, Fixed& out) {
  constexpr std::int64_t kMax = Fixed::max().units() / Fixed::kUnitsPerOne;
  if (number > kMax || number < -kMax) return false;
  out = Fixed::from_units(number * Fixed::kUnitsPerOne);
  return true;
}

}  // namespace

template <class Read>
bool OrderInput::read_number_column(OrderField field, std::size_t count, Read number_of) {
  const auto each = [&](auto put) {
    for (std::size_t i = 0; i < count; ++i) {
      const Whole number = number_of(i);
      if (number.fits && put(orders_[i], number.value)) continue;
      begin(i);
      // Finds the words of the refusal.
      set(field, number.fits ? py::int_(number.value) : py::int_(static_cast<std::uint64_t>(number.value)));
    }
  };
  switch (field) {
    case OrderField::kInstrumentId:
      each([](OrderRequest& order, std::int64_t number) {
        order.instrument_id = number;
        return number > 0;
      });
      return true;
    case OrderField::kQty:
      each([](OrderRequest& order, std::int64_t number) { return set_whole(number, order.qty); });
      return true;
    case OrderField::kPriceLimit:
      each([](OrderRequest& order, std::int64_t number) {
        return set_whole(number, order.price_limit.emplace());
      });
      return true;
    case OrderField::kStopPrice:
      each([](OrderRequest& order, std::int64_t number) {
        return set_whole(number, order.stop_price.emplace());
      });
      return true;
    default:
      return false;
  }
}

}  // namespace orchestrator::python
