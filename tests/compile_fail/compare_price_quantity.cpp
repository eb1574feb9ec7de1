// Comparing a price with a quantity is always a mistake.
#include "orchestrator/decimal.hpp"

int main() {
  const auto price = orchestrator::Price::from_int(2500);
  const auto quantity = orchestrator::Quantity::from_int(100);
#ifdef ORCHESTRATOR_CONTROL
  const auto result = price < price ? price * quantity : -(price * quantity);
#else
  const auto result = price < quantity ? price * quantity : -(price * quantity);
#endif
  return result.is_zero() ? 0 : 1;
}
