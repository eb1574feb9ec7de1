// The words of the vocabulary, and times and days as text.
//
// Invariants: parse_x(to_string(v)) == v for every value, and nothing here looks at a locale, a time zone
// database or a clock. Calendar arithmetic is the proleptic Gregorian one of std::chrono.

#include "orchestrator/types.hpp"

#include <array>
#include <cstddef>

#include "orchestrator/dependency.hpp"
#include "orchestrator/error.hpp"

namespace orchestrator {

namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// Indexed by enumerator: a word per value, in declaration order.
constexpr std::array<std::string_view, 2> kSideWords{"BUY", "SELL"};
constexpr std::array<std::string_view, 4> kOrderTypeWords{"market", "limit", "stop", "stop_limit"};
constexpr std::array<std::string_view, 4> kTimeInForceWords{"day", "gtc", "ioc", "fok"};
constexpr std::array<std::string_view, kOrderStatusCount> kOrderStatusWords{
    "placed",          "submitting", "unknown",   "acked",    "partially_filled", "cancel_pending",
    "replace_pending", "filled",     "cancelled", "rejected", "expired",          "settled"};
constexpr std::array<std::string_view, 6> kBatchStatusWords{
    "pending", "processing", "completed", "partially_completed", "cancelled", "failed"};
constexpr std::array<std::string_view, 3> kDependencyStateWords{"ok", "degraded", "down"};
constexpr std::array<std::string_view, 3> kCircuitStateWords{"closed", "open", "half_open"};

// A value outside its enumeration comes only from a cast; it still gets a word, because the place where it
// is reported (a violation, a log line) must not be the place that fails.
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

// The first and the day after the last that a four-digit year can name.
constexpr Date kFirstDay = std::chrono::year(0) / 1 / 1;
constexpr Date kEndDay = std::chrono::year(10000) / 1 / 1;

// Exactly `width` digits, zeros in front.
char* write_digits(char* out, unsigned value, int width) {
  for (int i = width - 1; i >= 0; --i) {
    out[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  return out + width;
}

template <class Time>
bool has_year(Time at) {
  return at >= kFirstDay && at < kEndDay;
}

[[noreturn]] void throw_no_text() {
  throw Error(ErrorCode::kNumberOverflow,
              "a time outside the years 0000 to 9999 has no RFC 3339 form; check the clock or the sum it "
              "comes from");
}

char* write_date(char* out, Date day) {
  const std::chrono::year_month_day date(day);
  out = write_digits(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  *out++ = '-';
  out = write_digits(out, static_cast<unsigned>(date.month()), 2);
  *out++ = '-';
  return write_digits(out, static_cast<unsigned>(date.day()), 2);
}

// Reads a text of fixed layout from left to right. The first thing that does not fit sets failed(), and
// everything read after it is meaningless.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  // Exactly `width` digits.
  int digits(int width) {
    int value = 0;
    for (int i = 0; i < width; ++i) value = value * 10 + digit();
    return value;
  }

  // One character out of `choices`; returns it.
  char one_of(std::string_view choices) {
    const char c = peek();
    if (c == '\0' || choices.find(c) == std::string_view::npos) {
      failed_ = true;
      return '\0';
    }
    ++at_;
    return c;
  }

  [[nodiscard]] bool next_is(char c) const { return peek() == c; }
  [[nodiscard]] bool next_is_digit() const { return peek() >= '0' && peek() <= '9'; }
  [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
  [[nodiscard]] bool failed() const { return failed_; }
  void fail() { failed_ = true; }

 private:
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  int digit() {
    if (!next_is_digit()) {
      failed_ = true;
      return 0;
    }
    return text_[at_++] - '0';
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

Date scan_date(Scanner& scan) {
  const std::chrono::year year(scan.digits(4));
  scan.one_of("-");
  const std::chrono::month month(static_cast<unsigned>(scan.digits(2)));
  scan.one_of("-");
  const std::chrono::day day(static_cast<unsigned>(scan.digits(2)));
  const std::chrono::year_month_day date = year / month / day;
  if (!date.ok()) {
    scan.fail();
    return Date();
  }
  return Date(date);
}

// After the seconds: nothing, or a point and one to nine digits.
microseconds scan_fraction(Scanner& scan) {
  if (!scan.next_is('.')) return microseconds(0);
  scan.one_of(".");
  int units = scan.digits(1);
  int count = 1;
  for (; count < 9 && scan.next_is_digit(); ++count) {
    const int next = scan.digits(1);
    if (count < 6) units = units * 10 + next;
  }
  for (; count < 6; ++count) units *= 10;
  return microseconds(units);
}

// "Z" or "+hh:mm": how far the local time is ahead of UTC.
minutes scan_offset(Scanner& scan) {
  const char sign = scan.one_of("Zz+-");
  if (sign != '+' && sign != '-') return minutes(0);
  const int hour = scan.digits(2);
  scan.one_of(":");
  const int minute = scan.digits(2);
  if (hour > 23 || minute > 59) scan.fail();
  const minutes offset = hours(hour) + minutes(minute);
  return sign == '-' ? -offset : offset;
}

// UTC adds its leap seconds at the end of a month. They have no number of their own in a Timestamp:
// 23:59:60 is read as the midnight that follows.
bool is_leap_second(Timestamp at) {
  const Date day = std::chrono::floor<days>(at);
  return at - day < seconds(1) && std::chrono::year_month_day(day).day() == std::chrono::day(1);
}

}  // namespace

bool has_text(Timestamp at) { return has_year(at); }

std::string to_string(Timestamp at) {
  if (!has_text(at)) throw_no_text();  // before the day is taken, which overflows at the ends of time
  const Date day = std::chrono::floor<days>(at);
  auto rest = at - day;
  const auto take = [&rest](auto unit) {
    const auto count = rest / unit;
    rest %= unit;
    return static_cast<unsigned>(count);
  };
  char text[27];
  char* out = write_date(text, day);
  *out++ = 'T';
  out = write_digits(out, take(hours(1)), 2);
  *out++ = ':';
  out = write_digits(out, take(minutes(1)), 2);
  *out++ = ':';
  out = write_digits(out, take(seconds(1)), 2);
  *out++ = '.';
  out = write_digits(out, take(microseconds(1)), 6);
  *out++ = 'Z';
  return std::string(text, out);
}

std::optional<Timestamp> parse_timestamp(std::string_view text) {
  Scanner scan(text);
  const Date day = scan_date(scan);
  scan.one_of("Tt");
  const int hour = scan.digits(2);
  scan.one_of(":");
  const int minute = scan.digits(2);
  scan.one_of(":");
  const int second = scan.digits(2);
  const microseconds fraction = scan_fraction(scan);
  const minutes offset = scan_offset(scan);
  if (scan.failed() || !scan.at_end()) return std::nullopt;
  if (hour > 23 || minute > 59 || second > 60) return std::nullopt;

  const Timestamp at = day + hours(hour) + minutes(minute) + seconds(second) + fraction - offset;
  // What cannot be written back is not accepted: an offset may carry the time out of the last year.
  if (!has_text(at)) return std::nullopt;
  if (second == 60 && !is_leap_second(at)) return std::nullopt;
  return at;
}

std::string to_string(Date day) {
  if (!has_year(day)) throw_no_text();
  char text[10];
  return std::string(text, write_date(text, day));
}

std::optional<Date> parse_date(std::string_view text) {
  Scanner scan(text);
  const Date day = scan_date(scan);
  if (scan.failed() || !scan.at_end()) return std::nullopt;
  return day;
}

std::string_view to_string(Side side) { return word_of(kSideWords, side); }
std::string_view to_string(OrderType type) { return word_of(kOrderTypeWords, type); }
std::string_view to_string(TimeInForce time_in_force) { return word_of(kTimeInForceWords, time_in_force); }
std::string_view to_string(OrderStatus status) { return word_of(kOrderStatusWords, status); }
std::string_view to_string(BatchStatus status) { return word_of(kBatchStatusWords, status); }
std::string_view to_string(DependencyState state) { return word_of(kDependencyStateWords, state); }
std::string_view to_string(CircuitState state) { return word_of(kCircuitStateWords, state); }

std::optional<Side> parse_side(std::string_view text) { return value_of<Side>(kSideWords, text); }
std::optional<OrderType> parse_order_type(std::string_view text) {
  return value_of<OrderType>(kOrderTypeWords, text);
}
std::optional<TimeInForce> parse_time_in_force(std::string_view text) {
  return value_of<TimeInForce>(kTimeInForceWords, text);
}
std::optional<OrderStatus> parse_order_status(std::string_view text) {
  return value_of<OrderStatus>(kOrderStatusWords, text);
}
std::optional<BatchStatus> parse_batch_status(std::string_view text) {
  return value_of<BatchStatus>(kBatchStatusWords, text);
}

}  // namespace orchestrator
