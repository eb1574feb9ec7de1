// Only money is stored in two columns; a price fits one.
#include "orchestrator/decimal.hpp"

int main() {
#ifdef ORCHESTRATOR_CONTROL
  const auto result = orchestrator::Money::from_parts(2500, 0);
#else
  const auto result = orchestrator::Price::from_parts(2500, 0);
#endif
  return result.is_zero() ? 0 : 1;
}
