// The schema of a database that is not opened.
#include <array>

#include "orchestrator/open.hpp"
#include "python/src/records.hpp"
#include "python/src/session.hpp"

namespace orchestrator::python {
namespace {

using Step = MigrationStatus::Step;
constexpr std::array<Field<Step>, 3> kStep{{
    {"version", read<&Step::version>, "int: of the schema after it"},
    {"name", read<&Step::name>, "str"},
    {"applied", read<&Step::applied>, "bool"},
}};

py::object is_current(const MigrationStatus& status) { return to_python(status.version == status.latest); }

constexpr std::array<Field<MigrationStatus>, 4> kStatus{{
    {"current", is_current, "bool: the database has this program's schema"},
    {"version", read<&MigrationStatus::version>, "int: of the database; 0: it is empty"},
    {"latest", read<&MigrationStatus::latest>, "int: of this program"},
    {"steps", read<&MigrationStatus::steps>, "list[MigrationStep]: oldest first"},
}};

template <class Work>
MigrationStatus without_lock(Work work) {
  require_interpreter();
  const Unlocked unlocked;
  return work();
}

MigrationStatus status_of(const py::object& url) {
  OpenOptions options;
  options.database_url = to_text(url, "url");
  options.create = false;
  return without_lock([&] { return migration_status(options); });
}

MigrationStatus migrate_up(const py::object& url) {
  OpenOptions options;
  options.database_url = to_text(url, "url");
  return without_lock([&] { return migrate(options); });
}

}  // namespace

void bind_migration(py::module_& module) {
  bind_record<Step>(module, "MigrationStep", "One step of a database's schema.", kStep);
  bind_record<MigrationStatus>(module, "MigrationStatus", "Where a database's schema stands.", kStatus);
  module.def("migration_status", status_of, py::arg("url"),
             "Where the schema of a database stands; changes nothing. Raises OrchestratorError: "
             "``storage_*``, ``foreign_database``, ``unsupported`` for a database without a schema.");
  module.def("migrate", migrate_up, py::arg("url"),
             "Brings the schema of a database up to this program's, and makes a missing SQLite file. The "
             "program `orchestrator migrate` takes steps back. Raises OrchestratorError: ``storage_*``, "
             "``schema_too_new``, ``foreign_database``, ``migration_failed``.");
}

}  // namespace orchestrator::python
