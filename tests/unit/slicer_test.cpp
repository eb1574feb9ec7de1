// Slicing: pieces within the freeze quantity that add up to the order.
#include <doctest/doctest.h>

#include <random>
#include <vector>

#include "core/slicer.hpp"
#include "orchestrator/error.hpp"

using namespace orchestrator;

namespace {

constexpr std::uint64_t kSeed = 1789;

OrderRequest order_of(Quantity qty, bool sliced) {
  OrderRequest order;
  order.instrument_id = 1;
  order.qty = qty;
  order.price_limit = Price::from_int(1);
  order.slice = sliced;
  return order;
}

}  // namespace

TEST_CASE("slices are lots within the freeze quantity and add up exactly") {
  INFO("seed " << kSeed);
  std::mt19937_64 random(kSeed);
  const auto up_to = [&random](std::int64_t max) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(max)) + 1;
  };
  for (int round = 0; round < 2000; ++round) {
    ValidationSnapshot snapshot;
    Instrument& instrument = snapshot.instruments[1];
    const std::int64_t lot = up_to(1000);
    instrument.lot_size = Quantity::from_units(lot);
    instrument.freeze_quantity = Quantity::from_units(lot * up_to(50) + up_to(lot) - 1);
    BatchRequest request;
    for (std::int64_t count = up_to(3); count > 0; --count) {
      request.orders.push_back(order_of(Quantity::from_units(lot * up_to(300)), random() % 4 != 0));
    }
    const std::vector<OrderRequest> pieces = slice(request, snapshot);
    std::size_t next = 0;
    for (const OrderRequest& order : request.orders) {
      Quantity sum;
      const std::int64_t count = piece_count(order, instrument);
      for (std::int64_t i = 0; i < count; ++i) {
        const OrderRequest& piece = pieces.at(next++);
        sum += piece.qty;
        REQUIRE(piece.qty.is_positive());
        REQUIRE(is_multiple_of(piece.qty, instrument.lot_size));
        REQUIRE((piece.qty <= *instrument.freeze_quantity || !order.slice));
        if (i + 1 < count) REQUIRE(is_full_piece(piece, instrument));
        OrderRequest same = piece;
        same.qty = order.qty;
        REQUIRE(same == order);
      }
      REQUIRE(sum == order.qty);
    }
    REQUIRE(next == pieces.size());
  }
}

TEST_CASE("slicing into more orders than a batch can have is refused") {
  ValidationSnapshot snapshot;
  snapshot.instruments[1].freeze_quantity = Quantity::from_int(1);
  const OrderRequest order = order_of(Quantity::from_int(32'768), true);
  BatchRequest request;
  request.orders = {order};
  CHECK(slice(request, snapshot).size() == 32'768);
  request.orders.push_back(order_of(Quantity::from_int(1), false));
  CHECK_THROWS_AS((void)slice(request, snapshot), Error);
  request.orders = {order};
  request.orders[0].qty = Quantity::max();
  CHECK_THROWS_AS((void)slice(request, snapshot), Error);
}
