// What a database URL leaves to us, how long answers are waited for, and what messages may repeat of it.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "orchestrator/backends/postgres.hpp"

namespace orchestrator::postgres {

// libpq's, by their keywords.
using Settings = std::map<std::string, std::string>;

// What the URL says. Throws Error(configuration), which repeats nothing of it.
[[nodiscard]] Settings read_url(const std::string& url);
// What the URL does not say.
void add_defaults(Settings& settings, const PostgresOptions& options);
std::string to_connection_string(const Settings& settings);
// Where messages say the trouble is: without user and password.
std::string place_of(const Settings& settings);
// What libpq or a server said, as one line, and without the password should it have been repeated.
std::string clean(std::string words, const Settings& settings);

// How long a server may take to answer what costs it no time.
std::chrono::seconds connect_patience(const PostgresOptions& options);
// How long the answer to a statement is waited for whose time-out the server keeps. Zero: as long as it
// takes.
std::chrono::milliseconds answer_patience(const PostgresOptions& options,
                                          std::chrono::milliseconds statement_timeout);

}  // namespace orchestrator::postgres
