#include "cli/session.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace orchestrator::cli {
namespace {

constexpr std::size_t kViolationsShown = 100;

// Results are printed when the work is done and durable: from here a reader that has gone may end us. Before,
// SIGPIPE is ignored, so that a closed standard error does not stop a batch half-way.
void write_output(std::string_view text) {
  std::signal(SIGPIPE, SIG_DFL);
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    throw Error(ErrorCode::kInternal,
                "cannot write to standard output; what was asked for is done all the same");
  }
}

bool no_colour() {
  const char* variable = std::getenv("NO_COLOR");
  return variable != nullptr && *variable != '\0';
}

void write_error_line(std::string_view label, std::string_view colour, std::string_view sentence) {
  const bool coloured = isatty(STDERR_FILENO) != 0 && !no_colour();
  std::string line = coloured ? std::string(colour) : std::string();
  line += label;
  if (coloured) line += "\x1b[0m";
  line += clean(sentence) + "\n";
  std::fputs(line.c_str(), stderr);
}

}  // namespace

Session::Session(Settings settings, bool json) : settings_(std::move(settings)), json_(json) {}

bool Session::colour() const { return isatty(STDOUT_FILENO) != 0 && !no_colour(); }

Orchestrator& Session::orchestrator() {
  if (!orchestrator_) orchestrator_ = open(open_options(settings_));
  return *orchestrator_;
}

Order Session::order(OrderId id) {
  auto order = orchestrator().get_order(id);
  if (settings_.tenant && order.tenant != *settings_.tenant) {
    throw Error(ErrorCode::kNotFound, "there is no order " + std::to_string(id));
  }
  return order;
}

OrderBatch Session::batch(BatchId id) {
  auto batch = orchestrator().get_batch(id);
  if (settings_.tenant && batch.tenant != *settings_.tenant) {
    throw Error(ErrorCode::kNotFound, "there is no batch " + std::to_string(id));
  }
  return batch;
}

std::vector<Order> Session::orders_of(BatchId id) {
  OrderQuery query;
  query.batch_id = id;
  query.limit = 100'000;  // above the hard limit of a batch
  return orchestrator().orders(query);
}

void Session::print(std::string_view document) { write_output(document); }

void Session::note(std::string_view sentence) const { write_error_line("", "", sentence); }

void Session::warn(std::string_view sentence) const { write_error_line("warning: ", "\x1b[33m", sentence); }

void Session::catch_up() {
  try {
    orchestrator().poll();
    if (settings_.publishes()) orchestrator().publish();
  } catch (const Error& error) {
    warn(std::string("the change is stored; what follows it waits for the next run: ") + error.what());
  }
}

std::string json_array(const std::vector<std::string>& documents) {
  std::string result = "[";
  for (const auto& document : documents) {
    if (result.size() > 1) result += ',';
    result += document;
  }
  return result + "]";
}

std::string json_object(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string result = "{";
  for (const auto& [name, document] : members) {
    if (result.size() > 1) result += ',';
    result += quote(name) + ":" + document;
  }
  return result + "}";
}

std::string sentence_of(const Violation& violation) {
  std::string line;
  if (violation.order_index != Violation::kWholeBatch) {
    line += "orders[" + std::to_string(violation.order_index) + "]";
    if (!violation.field.empty()) line += ".";
  }
  line += violation.field;
  return line + (line.empty() ? "" : ": ") + violation.message + " (" + violation.code + ")";
}

int report(const Error& error, bool json) {
  write_error_line("error: ", "\x1b[31m", error.what());
  std::size_t shown = 0;
  for (const auto& violation : error.violations()) {
    if (++shown > kViolationsShown) break;
    write_error_line(violation.severity == Severity::kWarning ? "  warning: " : "  ", "",
                     sentence_of(violation));
  }
  if (error.violations().size() > kViolationsShown) {
    write_error_line("", "",
                     "  ... and " + std::to_string(error.violations().size() - kViolationsShown) +
                         " more; --json prints all of them");
  }
  if (error.in_doubt()) {
    write_error_line("", "",
                     "Something may have happened: run `orchestrator recover`; do not send it again.");
  } else if (error.retryable()) {
    write_error_line("", "", "Nothing happened: the same command may be given again.");
  }
  try {
    if (json) write_output(to_json(error) + "\n");
  } catch (const Error&) {
    // Standard output is gone as well; the sentence above is all that can be said.
  }
  return static_cast<int>(exit_code_of(error));
}

}  // namespace orchestrator::cli
