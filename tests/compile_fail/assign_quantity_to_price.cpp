// A quantity is not a price, whatever their common storage.
#include "orchestrator/decimal.hpp"

int main() {
  const auto price = orchestrator::Price::from_int(2500);
  const auto quantity = orchestrator::Quantity::from_int(100);
#ifdef ORCHESTRATOR_CONTROL
  auto result = price * quantity;
  const orchestrator::Price other = price;
  result += other * quantity;
#else
  auto result = price * quantity;
  const orchestrator::Price other = quantity;
  result += other * quantity;
#endif
  return result.is_zero() ? 0 : 1;
}
