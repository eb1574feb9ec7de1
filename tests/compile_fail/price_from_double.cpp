// A price must not come from a binary fraction, which cannot hold 2500.05.
#include "orchestrator/decimal.hpp"

int main() {
#ifdef ORCHESTRATOR_CONTROL
  const orchestrator::Price result = orchestrator::Price::from_string("2500.05");
#else
  const orchestrator::Price result = 2500.05;
#endif
  return result.is_zero() ? 0 : 1;
}
