#include <iostream>

#include "orchestrator/decimal.hpp"
#include "orchestrator/version.hpp"

int main() {
  using namespace orchestrator;
  const Money notional = Price::from_string("2500.05") * Quantity::from_string("100");
  std::cout << kVersion << ' ' << notional.to_string() << '\n';
  return notional == Money::from_string("250005") ? 0 : 1;
}
