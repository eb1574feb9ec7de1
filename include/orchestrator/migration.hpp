// The version of a database's schema, and the steps that lead to this program's.
#pragma once

#include <string>
#include <vector>

namespace orchestrator {

struct MigrationStatus {
  int version = 0;  // of the database; 0: empty
  int latest = 0;   // of this program
  struct Step {
    int version = 0;
    std::string name;
    bool applied = false;
  };
  std::vector<Step> steps;
};

}  // namespace orchestrator
