#include "sim/trace_file.hpp"

#include <charconv>
#include <stdexcept>

namespace orchestrator::sim {
namespace {

constexpr std::string_view kMagic = "orchestrator-sim-trace ";
constexpr std::string_view kVersion = "1";

[[noreturn]] void refuse(std::size_t line, const std::string& what) {
  throw std::runtime_error("line " + std::to_string(line) + ": " + what);
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

void check_version(std::string_view line) {
  if (!line.starts_with(kMagic)) {
    refuse(1, "this is no trace of the simulation; one begins with '" + std::string(kMagic) +
                  std::string(kVersion) + "'");
  }
  const std::string_view version = line.substr(kMagic.size());
  if (version == kVersion) return;
  const auto number = parse_number<std::uint32_t>(version);
  if (!number) refuse(1, "'" + std::string(version) + "' is no version of a trace");
  const bool older = *number < parse_number<std::uint32_t>(kVersion).value_or(0);
  refuse(1, "the trace has format " + std::string(version) + ", " +
                (older ? "an older one than" : "a newer one than") + " this program's " +
                std::string(kVersion) +
                (older ? "; run its seed again to make a new one" : "; build the program that wrote it"));
}

Draw parse_draw(std::string_view line, std::size_t number) {
  const std::size_t space = line.find(' ');
  const auto place = parse_place(line.substr(0, space));
  if (!place || space == std::string_view::npos) {
    refuse(number, "'" + std::string(line) + "' is no draw; one reads like 'p1.14.3 crash' or 'c0.2.0 5'");
  }
  const std::string_view value = line.substr(space + 1);
  if (const auto plain = parse_number<std::uint32_t>(value)) return {*place, *plain, false};
  const auto deviation = parse_deviation(value);
  if (!deviation) refuse(number, "'" + std::string(value) + "' is neither a number nor a deviation");
  return {*place, static_cast<std::uint32_t>(*deviation), true};
}

}  // namespace

std::string to_string(const TraceFile& file) {
  std::string text = std::string(kMagic) + std::string(kVersion) + "\n";
  text += "seed " + std::to_string(file.seed) + "\n";
  if (!file.violates.empty()) text += "violates " + file.violates + "\n";
  if (!file.planted.empty()) text += "planted " + file.planted + "\n";
  for (const Draw& draw : file.draws) {
    text += to_string(draw.place) + " " +
            (draw.deviation ? std::string(to_string(static_cast<Deviation>(draw.value)))
                            : std::to_string(draw.value)) +
            "\n";
  }
  return text;
}

TraceFile parse_trace(std::string_view text) {
  TraceFile file;
  check_version(take_line(text));
  for (std::size_t number = 2; !text.empty(); ++number) {
    const std::string_view line = take_line(text);
    if (line.empty() || line.front() == '#') continue;
    if (line.starts_with("seed ")) {
      const auto seed = parse_number<std::uint64_t>(line.substr(5));
      if (!seed) refuse(number, "'" + std::string(line.substr(5)) + "' is no seed");
      file.seed = *seed;
    } else if (line.starts_with("violates ")) {
      file.violates = line.substr(9);
    } else if (line.starts_with("planted ")) {
      file.planted = line.substr(8);
    } else {
      file.draws.push_back(parse_draw(line, number));
    }
  }
  return file;
}

}  // namespace orchestrator::sim
