// The commands by noun. Each function adds its commands to the command line; what a command does is an
// Action that runs after the whole line was understood and the settings are known.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/session.hpp"

namespace orchestrator::cli {

using Action = std::function<ExitCode(Session&)>;

struct CommandLine {
  CLI::App app;
  Action action;  // of the command that was given
};

void add_place_command(CommandLine& line);
void add_order_commands(CommandLine& line);
void add_batch_commands(CommandLine& line);
void add_reconcile_command(CommandLine& line);
void add_broker_commands(CommandLine& line);
void add_event_commands(CommandLine& line);
void add_instrument_commands(CommandLine& line);
void add_limit_commands(CommandLine& line);
void add_route_commands(CommandLine& line);
void add_operate_commands(CommandLine& line);
void add_audit_command(CommandLine& line);
void add_migrate_commands(CommandLine& line);
void add_copy_command(CommandLine& line);
void add_completion_command(CommandLine& line);

// A noun that has verbs, such as `order`.
CLI::App* add_group(CommandLine& line, const std::string& name, const std::string& description);
// A command. `example` is shown below its help, without the program's name.
CLI::App* add_verb(CommandLine& line, CLI::App* parent, const std::string& name,
                   const std::string& description, const std::string& example, Action action);

// How every command shows orders.
[[nodiscard]] std::string order_table(const Session& session, const std::vector<Order>& orders);
// {"orders": [...], "next_cursor": id or null}, or the table.
void print_orders(Session& session, const std::vector<Order>& orders,
                  std::optional<std::int64_t> next_cursor);

}  // namespace orchestrator::cli
