// Scaled units are integers: 0.1 * 1e9 is not one.
#include "orchestrator/decimal.hpp"

int main() {
#ifdef ORCHESTRATOR_CONTROL
  const auto result = orchestrator::Price::from_units(100'000'000);
#else
  const auto result = orchestrator::Price::from_units(0.1 * 1e9);
#endif
  return result.is_zero() ? 0 : 1;
}
