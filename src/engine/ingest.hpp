// Applying news from brokers (T4).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "engine/context.hpp"

namespace orchestrator::engine {

// Whether such an error says that something is wrong with a report or the order it is about, not with the
// store or the moment: then it is no reason to leave the others alone.
[[nodiscard]] bool about_the_data(ErrorCode code);

// Applies reports, each at most once, in one commit together with the cursor they came with. Reports that
// match no order yet wait in the inbox. Returns how many of them changed an order.
std::size_t apply_reports(Context& context, std::span<const BrokerReport> reports,
                          const std::optional<BrokerCursor>& cursor = std::nullopt);

// The same for news of one broker that nobody has checked: a report that cannot be true is kept in the inbox
// for a person, once, and those behind it are applied all the same.
std::size_t apply_or_quarantine(Context& context, std::span<const BrokerReport> reports,
                                const std::optional<BrokerCursor>& cursor);

// How far to go to find the order of a report: kQuick leaves out what may read the whole book, which is no
// matter for the path of an order.
enum class Search : std::uint8_t { kThorough, kQuick };

// Applies what waits in a broker's inbox and has found its order by now.
std::size_t drain_inbox(Context& context, const std::string& broker, Search search = Search::kThorough);

// Asks one broker for its news and applies them; returns how many reports came.
std::size_t poll(Context& context, BrokerConnector& broker);

}  // namespace orchestrator::engine
