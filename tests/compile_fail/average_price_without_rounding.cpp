// An average is rarely exact: the rounding has no default.
#include "orchestrator/decimal.hpp"

int main() {
  const auto price = orchestrator::Price::from_int(2500);
  const auto quantity = orchestrator::Quantity::from_int(100);
#ifdef ORCHESTRATOR_CONTROL
  const auto result =
      orchestrator::average_price(price * quantity, quantity, orchestrator::Rounding::kHalfEven);
#else
  const auto result = orchestrator::average_price(price * quantity, quantity);
#endif
  return result.is_zero() ? 0 : 1;
}
