// Event lines and the published envelope.
//
// Invariants: expand() gives back exactly what append_event() was given, and to_cloud_event() is a function
// of the stored event alone, so that every delivery of an event has the same bytes.

#include "codec/event_log.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <optional>
#include <utility>

#include "codec/json_writer.hpp"
#include "orchestrator/error.hpp"

namespace orchestrator {

namespace codec {

namespace {

constexpr std::size_t kTypeMax = 32;  // the longest is "batch.partially_completed"
constexpr std::size_t kDigitsMax = 20;
constexpr std::size_t kHeadMax = kTypeMax + 2 * kDigitsMax + 3;  // what stands before a line's data

template <std::signed_integral Number>
std::optional<Number> read_number(std::string_view text) {
  Number value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_batch_event(EventType type) { return type >= EventType::kBatchPlaced; }

// Looks at the frame only: the content is ours, and events are many.
bool is_one_line_object(std::string_view data) {
  return data.size() >= 2 && data.front() == '{' && data.back() == '}' &&
         data.find('\n') == std::string_view::npos;
}

bool is_lawful(EventType type, OrderId order_id, std::int32_t seq, std::string_view data) {
  const bool is_known = type <= EventType::kBatchReopened;
  const bool subject_fits = is_batch_event(type) ? order_id == 0 : order_id > 0;
  return is_known && subject_fits && seq > 0 && is_one_line_object(data);
}

// The text up to the next blank, taken off `line`.
std::string_view take_word(std::string_view& line) {
  const std::size_t blank = line.find(' ');
  if (blank == std::string_view::npos) return {};
  const std::string_view word = line.substr(0, blank);
  line.remove_prefix(blank + 1);
  return word;
}

std::optional<Event> parse_line(std::string_view line) {
  const auto type = parse_event_type(take_word(line));
  const auto order_id = read_number<OrderId>(take_word(line));
  const auto seq = read_number<std::int32_t>(take_word(line));
  if (!type || !order_id || !seq || !is_lawful(*type, *order_id, *seq, line)) return std::nullopt;
  Event event;
  event.type = *type;
  event.order_id = *order_id;
  event.seq = *seq;
  event.data = line;
  return event;
}

[[noreturn]] void refuse_row(const EventRow& row, std::size_t line, const std::string& what) {
  throw Error(ErrorCode::kStorageCorrupt,
              "event row " + std::to_string(row.id) + " of batch " + std::to_string(row.batch_id) +
                  ", line " + std::to_string(line) + ": " + what + "; restore the database from a backup");
}

}  // namespace

void append_event(std::string& lines, EventType type, OrderId order_id, std::int32_t seq,
                  std::string_view data_json) {
  if (!is_lawful(type, order_id, seq, data_json)) {
    throw Error(ErrorCode::kInternal, "event " + std::string(to_string(type)) + " of order " +
                                          std::to_string(order_id) + " with seq " + std::to_string(seq) +
                                          " does not fit the event log");
  }
  std::array<char, kHeadMax> head;
  char* at = std::ranges::copy(to_string(type), head.data()).out;
  *at++ = ' ';
  at = std::to_chars(at, at + kDigitsMax, order_id).ptr;
  *at++ = ' ';
  at = std::to_chars(at, at + kDigitsMax, seq).ptr;
  *at++ = ' ';
  lines.append(head.data(), static_cast<std::size_t>(at - head.data())).append(data_json).push_back('\n');
}

std::vector<Event> expand(const EventRow& row) {
  std::vector<Event> events;
  std::string_view rest = row.lines;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) refuse_row(row, events.size() + 1, "the line is cut off");
    auto event = parse_line(rest.substr(0, end));
    if (!event) refuse_row(row, events.size() + 1, "not `type order_id seq {data}`");
    event->log_id = row.id;
    event->batch_id = row.batch_id;
    event->at = row.at;
    events.push_back(std::move(*event));
    rest.remove_prefix(end + 1);
  }
  return events;
}

}  // namespace codec

std::string to_cloud_event(const Event& event, std::string_view source) {
  const std::string subject = event.subject();
  std::string out;
  out.reserve(256 + event.data.size());
  codec::JsonWriter json(out);
  json.begin_object()
      .member("specversion", "1.0")
      .member("id", subject + "/" + std::to_string(event.seq))
      .member("source", source)
      .member("type", event.type)
      .member("subject", event.order_id != 0 ? std::to_string(event.order_id) : subject)
      .member("time", event.at)
      .member("datacontenttype", "application/json")
      .member("seq", event.seq)
      .member_raw("data", event.data)
      .end_object();
  return out;
}

}  // namespace orchestrator
