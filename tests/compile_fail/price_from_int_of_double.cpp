// from_int takes whole numbers: 2500.5 would lose its half in an implicit conversion.
#include "orchestrator/decimal.hpp"

int main() {
#ifdef ORCHESTRATOR_CONTROL
  const auto result = orchestrator::Price::from_int(2500);
#else
  const auto result = orchestrator::Price::from_int(2500.5);
#endif
  return result.is_zero() ? 0 : 1;
}
