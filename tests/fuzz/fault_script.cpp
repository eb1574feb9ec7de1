// Fault scripts: read, or refused with the line; and the same script gives the same faults.
#include "adapters/brokers/fault_script.hpp"

#include "fuzz/target.hpp"

namespace orchestrator::fuzz {
namespace {

using brokers::FaultKind;
using brokers::FaultScript;
using brokers::Moment;

void check_line(const Error& error, std::string_view text) {
  constexpr std::string_view kPrefix = "mock: fault_script line ";
  const std::string_view message = error.what();
  require(message.starts_with(kPrefix), "a refusal names the line: " + std::string(message));
  const auto line = std::stoull(std::string(message.substr(kPrefix.size())));
  const auto ends = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  require(line >= 1 && line <= ends + 1, "the line is one of the script: " + std::string(message));
}

// Which faults happen to the first requests and orders.
std::string course(const FaultScript& script) {
  std::string faults;
  for (int moment = 0; moment < brokers::kMomentCount; ++moment) {
    for (const std::int64_t nth : {1, 2, 3, 7, 1'000'000'000}) {
      const auto* fault = script.of_request(static_cast<Moment>(moment), nth, 2 * nth, "INFY");
      faults += fault == nullptr ? "- " : std::to_string(static_cast<int>(fault->kind)) + " ";
      if (fault != nullptr) require(!fault->qty || fault->qty->is_positive(), "quantities are above zero");
    }
  }
  for (const FaultKind kind : {FaultKind::kOverfill, FaultKind::kBust, FaultKind::kWrongSide}) {
    faults += script.of_order(kind, 3, "INFY") == nullptr ? "-" : "x";
  }
  return faults;
}

void run(std::string_view bytes) {
  const std::string what = "mock: fault_script";
  const auto script = accepted({ErrorCode::kConfiguration}, [&] {
    try {
      return FaultScript::parse(bytes, 1, what);
    } catch (const Error& error) {
      check_line(error, bytes);
      throw;
    }
  });
  if (!script) return;
  const std::string again = std::string(bytes) + "\n# a comment\n";
  require(course(FaultScript::parse(again, 1, what)) == course(*script), "a comment changes no fault");
  if (!script->about_orders())
    require(course(*script).ends_with("---"), "a script without orders is about none");
}

const Registration kRegistered({"fault_script", run});

}  // namespace
}  // namespace orchestrator::fuzz
