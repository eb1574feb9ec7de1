// A price times a price has no meaning; the other factor has to be a quantity.
#include "orchestrator/decimal.hpp"

int main() {
  const auto price = orchestrator::Price::from_int(2500);
  const auto quantity = orchestrator::Quantity::from_int(100);
#ifdef ORCHESTRATOR_CONTROL
  const auto result = price * quantity;
#else
  const auto result = quantity.is_zero() ? price * price : price * price;
#endif
  return result.is_zero() ? 0 : 1;
}
