// A malformed constant is refused while compiling.
#include "orchestrator/decimal.hpp"

int main() {
#ifdef ORCHESTRATOR_CONTROL
  constexpr auto result = orchestrator::Price::from_string("2500");
#else
  constexpr auto result = orchestrator::Price::from_string("2.5e3");
#endif
  return result.is_zero() ? 0 : 1;
}
