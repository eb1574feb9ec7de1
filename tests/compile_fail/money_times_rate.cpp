// Scaling money can lose digits, so it is a named function that asks for the rounding.
#include "orchestrator/decimal.hpp"

int main() {
  const auto money = orchestrator::Money::from_int(2500);
  const auto rate = orchestrator::Rate::from_string("0.2");
#ifdef ORCHESTRATOR_CONTROL
  const auto result = orchestrator::scale(money, rate, orchestrator::Rounding::kUp);
#else
  const auto result = money * rate;
#endif
  return result.is_zero() ? 0 : 1;
}
