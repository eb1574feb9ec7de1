// A constant that does not fit is refused while compiling, not on the first order.
#include "orchestrator/decimal.hpp"

int main() {
#ifdef ORCHESTRATOR_CONTROL
  constexpr auto result = orchestrator::Price::from_string("9223372036.854775807");
#else
  constexpr auto result = orchestrator::Price::from_string("9223372036.854775808");
#endif
  return result.is_zero() ? 0 : 1;
}
