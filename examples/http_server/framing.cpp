#include "examples/http_server/framing.hpp"

namespace orchestrator::http {

std::optional<std::size_t> head_size(std::string_view bytes) {
  const auto end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) {
    // A head with bare line ends ends too; what is wrong with it is said at once instead of after a time
    // limit.
    const auto bare = bytes.find("\n\n");
    if (bare == std::string_view::npos) return std::nullopt;
    return bare + 2;
  }
  return end + 4;
}

std::string_view head_fault(std::string_view head) {
  for (std::size_t i = 0; i < head.size(); ++i) {
    if (head[i] == '\0') return "a NUL byte in the header";
    if (head[i] == '\n' && (i == 0 || head[i - 1] != '\r'))
      return "a line that ends without a carriage return";
    if (head[i] == '\r' && (i + 1 == head.size() || head[i + 1] != '\n')) return "a bare carriage return";
    if (head[i] == '\n' && i + 1 < head.size() && (head[i + 1] == ' ' || head[i + 1] == '\t')) {
      return "a folded header line";
    }
  }
  return {};
}

}  // namespace orchestrator::http
