// A price plus a quantity is neither: only values of one type add up.
#include "orchestrator/decimal.hpp"

int main() {
  const auto price = orchestrator::Price::from_int(2500);
  const auto quantity = orchestrator::Quantity::from_int(100);
#ifdef ORCHESTRATOR_CONTROL
  const auto result = (price + price) * (quantity + quantity);
#else
  const auto result = (price + quantity) * (quantity + quantity);
#endif
  return result.is_zero() ? 0 : 1;
}
