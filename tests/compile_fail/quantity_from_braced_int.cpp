// Spelling the type out does not give a bare number a scale either.
#include "orchestrator/decimal.hpp"

int main() {
#ifdef ORCHESTRATOR_CONTROL
  const auto result = orchestrator::Quantity::from_int(100);
#else
  const auto result = orchestrator::Quantity{100};
#endif
  return result.is_zero() ? 0 : 1;
}
