// The chain of the audit trail: each entry's number and hash follow from the one before.
#pragma once

#include <optional>
#include <string>

#include "orchestrator/audit.hpp"

namespace orchestrator {

// Gives `entry` its place after `last` (nullopt: it is the first).
void append_to_chain(const std::optional<AuditEntry>& last, AuditEntry& entry);

}  // namespace orchestrator
