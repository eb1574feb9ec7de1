// Settings of connectors: one flat object, each value taken by its type or refused by its name.
#include "codec/json_events.hpp"
#include "codec/json_value.hpp"
#include "fuzz/target.hpp"
#include "orchestrator/backends/mock_brokers.hpp"
#include "support/fake_clock.hpp"

namespace orchestrator::fuzz {
namespace {

template <class Get>
void check_value(Get&& get) {
  accepted({ErrorCode::kConfiguration}, get);
}

void check_object(const codec::Settings& settings) {
  check_value([&] { return settings.integer("seed"); });
  check_value([&] { return settings.decimal<Price>("market_price"); });
  check_value([&] { return settings.text("fault_script"); });
  check_value([&] { return settings.boolean("on"); });
  const auto few = accepted({ErrorCode::kConfiguration}, [&] { return settings.integer("seed", 0, 9); });
  if (few && *few) require(**few >= 0 && **few <= 9, "an integer is in its range");
  const auto text = codec::Settings::parse(settings.with_text("seed", "new"), "mock").text("seed");
  require(text == "new", "a text that was put in is there");
}

void run(std::string_view bytes) {
  const auto settings =
      accepted({ErrorCode::kConfiguration}, [&] { return codec::Settings::parse(bytes, "mock"); });
  if (settings) check_object(*settings);

  testing::FakeClock clock;
  const auto made = accepted({ErrorCode::kConfiguration}, [&] {
    return make_alpaca_mock({.config_json = std::string(bytes)}, clock)->capabilities().orders_max;
  });
  require(!made || settings, "a connector takes what reads as settings");
  if (made) require(*made >= 1, "a connector takes at least one order");
}

const Registration kRegistered({"settings", run});

}  // namespace
}  // namespace orchestrator::fuzz
