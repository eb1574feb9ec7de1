// What every order store decides in the same way inside its transactions, whatever it stores in: stop
// switches, limits, and the shape of a unit. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "orchestrator/order_store.hpp"

namespace orchestrator {

// Stores find the orders of a batch by its portfolio, tenant and time, and its key by the record. Throws
// Error(internal) for a unit that disagrees with itself or has no orders: the engine's defect.
void check_consistent(const AcceptUnit& unit);
// Nothing has happened to it but acceptance, claims and an acknowledgement. Every order is accepted like
// that.
[[nodiscard]] bool is_untouched(const Order& order);
// The same for what compose() filled in.
void check_composed(const AcceptUnit& unit);

// The stop switch that covers one of these orders and stops at least so much; null: none.
[[nodiscard]] const Halt* covering_halt(std::span<const Halt> halts, std::span<const Order> orders,
                                        HaltMode at_least = HaltMode::kCancelOnly);
// The one that forbids the request which the unit announces; null: none.
[[nodiscard]] const Halt* forbidding_halt(std::span<const Halt> halts, const ChangeUnit& unit);
// The stop switch of this scope and target; null: it is not on.
[[nodiscard]] const Halt* find_halt(std::span<const Halt> halts, ControlScope scope,
                                    const std::string& target);
[[nodiscard]] std::string describe(const Halt& halt);

// The portfolio's usage once this unit is accepted.
[[nodiscard]] PortfolioUsage usage_with(const PortfolioUsage& usage, const AcceptUnit& unit);
// Which limit that breaks, as a sentence; nullopt: none.
[[nodiscard]] std::optional<std::string> broken_limit(const PortfolioLimits& limits,
                                                      const PortfolioUsage& usage);

// The portfolio's reserved margin after a change. Throws Error(internal) when it would fall below zero.
[[nodiscard]] Money margin_after(const PortfolioUsage& usage, const ChangeUnit::MarginChange& change);
// Whether a change that takes margin leaves more reserved than it may; `usage` is that after the change.
[[nodiscard]] bool exceeds_available(const PortfolioUsage& usage, const ChangeUnit::MarginChange& change);

// Writes what changes of an order or batch, and leaves what was fixed at acceptance.
void assign_live_fields(Order& stored, Order&& changed);
void assign_live_fields(OrderBatch& stored, const OrderBatch& changed);

}  // namespace orchestrator
