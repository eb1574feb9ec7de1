"""The layout rules over the whole project, and a planted breach for each rule: a rule that cannot fail guards nothing."""

import os
import subprocess
from pathlib import Path

import pytest

import layout_rules as rules

ROOT = Path(__file__).resolve().parents[2]
SKIPPED_FOLDERS = {".git", "build", ".venv", "__pycache__", ".pytest_cache", ".cache"}


def project_files():
    """Files that git knows or would add; in an unpacked source archive, all of them."""
    git = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=False,
    ) if (ROOT / ".git").exists() else None
    if git is not None and git.returncode == 0:
        names = [name for name in git.stdout.decode().split("\0") if name]
    else:
        names = []
        for folder, subfolders, files in os.walk(ROOT):
            subfolders[:] = [name for name in subfolders if name not in SKIPPED_FOLDERS]
            names += [str((Path(folder) / name).relative_to(ROOT)) for name in files]
    return sorted(name for name in names if (ROOT / name).is_file())


def texts():
    for name in project_files():
        content = (ROOT / name).read_bytes()
        if b"\0" not in content:
            yield name, content.decode("utf-8", errors="replace")


@pytest.fixture(scope="module")
def project():
    found = list(texts())
    assert any(name.startswith("include/orchestrator/") for name, _ in found), "no project files found"
    return found


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_project_keeps(rule, project):
    breaches = [f"{name}:{line}: {message}" for name, text in project for line, message in rule(name, text)]
    if breaches:
        pytest.fail("\n".join(breaches), pytrace=False)


PLANTED = [
    (rules.include_directions, "src/engine/dispatch.cpp", '#include "adapters/sqlite/sqlite_order_store.hpp"\n'),
    (rules.include_directions, "src/engine/dispatch.cpp", '#include "../adapters/memory/memory_order_store.hpp"\n'),
    (rules.include_directions, "src/core/pnl.cpp", '#include "codec/json.hpp"\n'),
    (rules.include_directions, "src/core/pnl.cpp", '#include "engine/orchestrator.hpp"\n'),
    (rules.include_directions, "src/adapters/sqlite/store.cpp", '#include "adapters/brokers/ledger.hpp"\n'),
    (rules.include_directions, "src/adapters/sqlite/store.cpp", '#include "engine/steps.hpp"\n'),
    (rules.include_directions, "include/orchestrator/order.hpp", '#include "core/lifecycle.hpp"\n'),
    (rules.include_directions, "cli/place.cpp", '#include "adapters/sqlite/store.hpp"\n'),
    (rules.include_directions, "python/src/session.cpp", '#include "core/lifecycle.hpp"\n'),
    (rules.include_directions, "examples/embed.cpp", '#include "core/lifecycle.hpp"\n'),
    (rules.third_party_headers, "src/engine/steps.cpp", "#include <nlohmann/json.hpp>\n"),
    (rules.third_party_headers, "src/codec/json.hpp", "#include <SQLiteCpp/SQLiteCpp.h>\n"),
    (rules.third_party_headers, "src/adapters/brokers/zerodha_mock.cpp", "#include <sqlite3.h>\n"),
    (rules.third_party_headers, "src/open.cpp", "#include <CLI/CLI.hpp>\n"),
    (rules.third_party_headers, "src/open.cpp", "#include <pybind11/pybind11.h>\n"),
    (rules.third_party_headers, "include/orchestrator/order_store.hpp", "#include <doctest/doctest.h>\n"),
    (rules.floating_point, "include/orchestrator/order.hpp", "double price;\n"),
    (rules.floating_point, "src/core/parse.cpp", "auto x = std::stod(text);  // not money\n"),
    (rules.floating_point, "src/core/parse.cpp", "char quote = '\"'; float x = 0; // \"\n"),
    (rules.floating_point, "src/core/parse.cpp", "std::int64_t big = 1'000'000; long double x = 0;\n"),
    (rules.printing_or_exiting, "src/engine/steps.cpp", 'std::cerr << "late";\n'),
    (rules.printing_or_exiting, "src/engine/steps.cpp", 'fprintf(stderr, "late");\n'),
    (rules.printing_or_exiting, "src/engine/steps.cpp", "std::abort();\n"),
    (rules.printing_or_exiting, "src/engine/steps.cpp", "_exit(9);\n"),
    (rules.wall_clock, "src/engine/steps.cpp", "auto now = std::chrono::system_clock::now();\n"),
    (rules.too_long, "src/engine/steps.cpp", "\n" * (rules.LINES_MAX + 1)),
    (rules.leftover_notes, "docs/quickstart.md", "TO" + "DO: explain\n"),
    (rules.machine_paths, "docs/quickstart.md", "run /" + "home/someone/orchestrator\n"),
]


@pytest.mark.parametrize("rule,path,text", PLANTED, ids=lambda value: getattr(value, "__name__", None))
def test_rule_catches(rule, path, text):
    assert rule(path, text), f"{rule.__name__} lets this pass in {path}: {text[:80]!r}"


LAWFUL = [
    ("src/engine/steps.cpp", '#include "core/lifecycle.hpp"\n#include <orchestrator/order_store.hpp>\n#include "codec/json.hpp"\n'),
    ("src/open.cpp", '#include "adapters/sqlite/sqlite_order_store.hpp"\n#include "engine/steps.hpp"\n'),
    ("src/adapters/sqlite/store.cpp", '#include <SQLiteCpp/SQLiteCpp.h>\n#include "adapters/sqlite/store.hpp"\n'),
    ("src/adapters/brokers/sqlite_ledger.cpp", "#include <SQLiteCpp/SQLiteCpp.h>\n"),
    ("src/codec/json.cpp", "#include <nlohmann/json.hpp>\nvoid f(double x);  // not money: the parser's own callback\n"),
    ("include/orchestrator/order.hpp", "// A double would round here; never printf(\"%f\").\nconst char* kText = \"double\";\n"),
    (rules.CLOCK_FILE, "auto now = std::chrono::system_clock::now();\n"),
    ("tests/unit/test_decimal.cpp", "#include <doctest/doctest.h>\ndouble oracle = 1.0;\n"),
    ("python/src/module.cpp", '#include <pybind11/pybind11.h>\n#include "python/src/session.hpp"\n'),
    ("cli/main.cpp", '#include <CLI/CLI.hpp>\nstd::cout << "ok";\n'),
]


@pytest.mark.parametrize("path,text", LAWFUL, ids=lambda value: value.split("\n")[0][:40])
def test_lawful_code_passes(path, text):
    assert [breach for rule in rules.RULES for breach in rule(path, text)] == []


def test_every_rule_has_a_planted_breach():
    assert {rule for rule, _, _ in PLANTED} == set(rules.RULES)
