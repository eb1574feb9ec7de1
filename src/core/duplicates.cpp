// Duplicates by sorting: the cost is bounded for every input, and a typical basket (each instrument once)
// is told apart by its instrument ids alone.

#include "core/duplicates.hpp"

#include <algorithm>
#include <tuple>

#include "core/slicer.hpp"

namespace orchestrator {

namespace {

// What two orders must share to look like one; `qty` apart, because pieces are compared by another.
template <class AnyOrder>
auto looks(const AnyOrder& order, const Quantity& qty) {
  return std::tie(order.instrument_id, qty, order.side, order.price_limit, order.stop_price);
}

// The first order of each run of equal ones, per order.
std::vector<std::size_t> first_equals(const std::vector<OrderRequest>& orders) {
  struct Entry {
    InstrumentId instrument_id;
    std::size_t index;
  };
  std::vector<Entry> sorted;
  sorted.reserve(orders.size());
  for (std::size_t i = 0; i < orders.size(); ++i) sorted.push_back({orders[i].instrument_id, i});
  const auto looks_of = [&orders](const Entry& entry) {
    const OrderRequest& order = orders[entry.index];
    return looks(order, order.qty);
  };
  std::sort(sorted.begin(), sorted.end(), [&](const Entry& a, const Entry& b) {
    if (a.instrument_id != b.instrument_id) return a.instrument_id < b.instrument_id;
    const auto left = looks_of(a);
    const auto right = looks_of(b);
    return left != right ? left < right : a.index < b.index;
  });
  std::vector<std::size_t> first(orders.size());
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const bool repeats = i > 0 && sorted[i].instrument_id == sorted[i - 1].instrument_id &&
                         looks_of(sorted[i]) == looks_of(sorted[i - 1]);
    first[sorted[i].index] = repeats ? first[sorted[i - 1].index] : sorted[i].index;
  }
  return first;
}

bool ended_unexecuted(const Order& order) {
  const bool ended = order.status == OrderStatus::kRejected || order.status == OrderStatus::kCancelled ||
                     order.status == OrderStatus::kExpired;
  return ended && order.fill_qty.is_zero();
}

}  // namespace

DuplicateFinder::DuplicateFinder(const BatchRequest& request, const ValidationSnapshot& snapshot,
                                 std::chrono::seconds window)
    : request_(request), first_equal_(first_equals(request.orders)) {
  if (window <= std::chrono::seconds(0)) return;
  for (const Order& order : snapshot.recent_orders) {
    const bool same_book = order.portfolio_id == request.portfolio_id && order.tenant == request.tenant;
    // Compared in seconds: a window of centuries in microseconds would overflow.
    const bool in_window =
        std::chrono::floor<std::chrono::seconds>(snapshot.now - order.created_at) <= window;
    if (same_book && in_window && !ended_unexecuted(order)) recent_.push_back(&order);
  }
  // The newest of equal ones first: that is the one to name.
  std::sort(recent_.begin(), recent_.end(), [](const Order* a, const Order* b) {
    const auto left = looks(*a, a->qty);
    const auto right = looks(*b, b->qty);
    return left != right ? left < right : a->id > b->id;
  });
}

std::optional<std::size_t> DuplicateFinder::earlier_in_batch(std::size_t index,
                                                             const Instrument& instrument) const {
  if (first_equal_[index] == index || is_full_piece(request_.orders[index], instrument)) return std::nullopt;
  return first_equal_[index];
}

const Order* DuplicateFinder::recent(std::size_t index, const Instrument& instrument) const {
  if (recent_.empty()) return nullptr;
  const OrderRequest& order = request_.orders[index];
  const Quantity qty = piece_quantity(order, instrument);
  const auto wanted = looks(order, qty);
  const auto found = std::lower_bound(
      recent_.begin(), recent_.end(), wanted,
      [](const Order* recent, const auto& key) { return looks(*recent, recent->qty) < key; });
  const bool equal = found != recent_.end() && looks(**found, (*found)->qty) == wanted;
  return equal ? *found : nullptr;
}

}  // namespace orchestrator
