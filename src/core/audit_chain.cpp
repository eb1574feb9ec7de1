// What is hashed, field by field with its length before it, so that no two entries share a text:
//
//   hashed := previous "\n" field(id) field(at) field(by) field(action) field(subject) field(detail)
//   field  := length ":" bytes "\n"          lengths and numbers in decimal, `at` in microseconds since 1970
#include "core/audit_chain.hpp"

#include "core/sha256.hpp"

namespace orchestrator {
namespace {

void append_field(std::string& text, const std::string& field) {
  text += std::to_string(field.size());
  text += ':';
  text += field;
  text += '\n';
}

}  // namespace

std::string audit_hash(const std::string& previous, const AuditEntry& entry) {
  std::string text = previous + "\n";
  append_field(text, std::to_string(entry.id));
  append_field(text, std::to_string(entry.at.time_since_epoch().count()));
  for (const std::string* field : {&entry.by, &entry.action, &entry.subject, &entry.detail}) {
    append_field(text, *field);
  }
  return to_hex(sha256(text));
}

void append_to_chain(const std::optional<AuditEntry>& last, AuditEntry& entry) {
  entry.id = last ? last->id + 1 : 1;
  entry.hash = audit_hash(last ? last->hash : std::string(), entry);
}

}  // namespace orchestrator
