// A bare number has no scale: 100 shares and 100 billionths look alike.
#include "orchestrator/decimal.hpp"

int main() {
#ifdef ORCHESTRATOR_CONTROL
  const orchestrator::Quantity result = orchestrator::Quantity::from_int(100);
#else
  const orchestrator::Quantity result = 100;
#endif
  return result.is_zero() ? 0 : 1;
}
