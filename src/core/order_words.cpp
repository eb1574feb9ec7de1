// The words of the records' own enumerations. Invariant: parse_x(to_string(v)) == v for every value.

#include <array>
#include <cstddef>

#include "orchestrator/order.hpp"

namespace orchestrator {

namespace {

// Indexed by enumerator.
constexpr std::array<std::string_view, 2> kBatchPolicyWords{"all", "each"};
constexpr std::array<std::string_view, 3> kExecutionKindWords{"trade", "bust", "correct"};
constexpr std::array<std::string_view, 3> kControlScopeWords{"all", "portfolio", "broker"};
constexpr std::array<std::string_view, 2> kHaltModeWords{"cancel_only", "halt"};

// A value outside its enumeration comes only from a cast; the report of it must not fail as well.
template <class Enum, std::size_t kCount>
std::string_view word_of(const std::array<std::string_view, kCount>& words, Enum value) {
  const auto index = static_cast<std::size_t>(value);
  return index < kCount ? words[index] : std::string_view("invalid");
}

template <class Enum, std::size_t kCount>
std::optional<Enum> value_of(const std::array<std::string_view, kCount>& words, std::string_view text) {
  for (std::size_t i = 0; i < kCount; ++i) {
    if (words[i] == text) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(BatchPolicy policy) { return word_of(kBatchPolicyWords, policy); }
std::string_view to_string(ExecutionKind kind) { return word_of(kExecutionKindWords, kind); }
std::string_view to_string(ControlScope scope) { return word_of(kControlScopeWords, scope); }
std::string_view to_string(HaltMode mode) { return word_of(kHaltModeWords, mode); }

std::optional<BatchPolicy> parse_batch_policy(std::string_view text) {
  return value_of<BatchPolicy>(kBatchPolicyWords, text);
}
std::optional<ExecutionKind> parse_execution_kind(std::string_view text) {
  return value_of<ExecutionKind>(kExecutionKindWords, text);
}
std::optional<ControlScope> parse_control_scope(std::string_view text) {
  return value_of<ControlScope>(kControlScopeWords, text);
}
std::optional<HaltMode> parse_halt_mode(std::string_view text) {
  return value_of<HaltMode>(kHaltModeWords, text);
}

}  // namespace orchestrator
