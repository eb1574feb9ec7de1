// A price is per unit and money is a total: adding them forgets the quantity.
#include "orchestrator/decimal.hpp"

int main() {
  const auto price = orchestrator::Price::from_int(2500);
  const auto quantity = orchestrator::Quantity::from_int(100);
#ifdef ORCHESTRATOR_CONTROL
  const auto result = price * quantity + price * quantity;
#else
  const auto result = price * quantity + price;
#endif
  return result.is_zero() ? 0 : 1;
}
