#include "core/failpoint.hpp"

#ifdef ORCHESTRATOR_FAILPOINTS

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

namespace orchestrator {
namespace {

struct Armed {
  std::string name;
  int nth = 0;
  std::string action;
};

Armed read_environment() {
  const char* text = std::getenv("ORCHESTRATOR_FAILPOINT");
  if (text == nullptr) return {};
  const std::string_view spec = text;
  const auto first = spec.find(':');
  const auto second = spec.find(':', first + 1);
  Armed armed;
  if (first == std::string_view::npos || second == std::string_view::npos ||
      std::from_chars(spec.data() + first + 1, spec.data() + second, armed.nth).ptr != spec.data() + second) {
    throw std::invalid_argument("ORCHESTRATOR_FAILPOINT must read name:nth:action, not " + std::string(spec));
  }
  armed.name = spec.substr(0, first);
  armed.action = spec.substr(second + 1);
  return armed;
}

}  // namespace

void failpoint(const char* name) {
  static const Armed armed = read_environment();
  static std::atomic<int> passages{0};
  if (armed.name != name || ++passages != armed.nth) return;
  if (armed.action == "kill") std::raise(SIGKILL);
  if (armed.action == "stop") std::raise(SIGSTOP);
  if (armed.action == "throw") throw std::runtime_error("failpoint " + armed.name);
}

}  // namespace orchestrator

#endif
