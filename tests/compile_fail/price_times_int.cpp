// Multiplying by a bare number hides whether it counts units: make it a Quantity.
#include "orchestrator/decimal.hpp"

int main() {
  const auto price = orchestrator::Price::from_int(2500);
  const auto quantity = orchestrator::Quantity::from_int(100);
#ifdef ORCHESTRATOR_CONTROL
  const auto result = price * quantity;
#else
  const auto result = quantity.is_zero() ? price * 2 : price * 100;
#endif
  return result.is_zero() ? 0 : 1;
}
