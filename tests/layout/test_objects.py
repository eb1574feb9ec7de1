"""What the compiler made of the rooms: no room calls into a room it may not know, and the pure rooms compute nothing
in floating point. Reads the object files of the release build (ORCHESTRATOR_BUILD_DIR, else build/)."""

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import layout_rules as rules

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ORCHESTRATOR_BUILD_DIR", ROOT / "build"))

# Folder of the sources -> CMake target of the room.
TARGETS = {
    "src/core": "orchestrator_core",
    "src/codec": "orchestrator_codec",
    "src/engine": "orchestrator_engine",
    "src/adapters/memory": "orchestrator_adapter_memory",
    "src/adapters/brokers": "orchestrator_adapter_brokers",
    "src/adapters/sqlite": "orchestrator_adapter_sqlite",
    "src": "orchestrator_composition",
}
# Arithmetic and conversions; plain moves of vector registers are how integers are copied.
FLOATING = {
    "x86_64": r"\b(v?(add|sub|mul|div|sqrt|max|min|round)(ss|sd|ps|pd)|v?u?comis[sd]|v?cvt\w+|f(i?add|i?sub|i?mul|i?div|ild|ld|stp?|sqrt)\w*)\b",
    "aarch64": r"\b(f(add|sub|mul|div|sqrt|madd|cmp|cvt\w*)|[su]cvtf)\b",
}


def objects(target, build=BUILD):
    return sorted((build / "src" / "CMakeFiles" / f"{target}.dir").rglob("*.o"))


def tool(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def symbols(files, kind):
    """Global symbols: strong definitions (kind "defined") or references (kind "undefined")."""
    wanted = "U" if kind == "undefined" else "TDBR"
    rows = (line.split() for line in tool("nm", *map(str, files)).splitlines())
    return {row[-1] for row in rows if len(row) >= 2 and row[-2] in wanted}


def floating_functions(files):
    """{function: first offending instruction} over the object files."""
    pattern = re.compile(FLOATING[platform.machine()])
    found, function = {}, ""
    for line in tool("objdump", "-d", "-C", "--no-show-raw-insn", *map(str, files)).splitlines():
        if line.endswith(">:"):
            function = line.split("<", 1)[1][:-2]
        elif pattern.search(line.split("\t", 1)[-1].split("#")[0]):
            found.setdefault(function, line.split("\t", 1)[-1].strip())
    return found


def need_build():
    assert objects("orchestrator_core"), f"no object files of src/core under {BUILD}: run ./dev build first"


def test_rooms_call_only_rooms_they_may_know():
    need_build()
    built = {room: objects(target) for room, target in TARGETS.items()}
    defined = {room: symbols(files, "defined") for room, files in built.items() if files}
    breaches = []
    for room, files in built.items():
        needs = symbols(files, "undefined") if files else set()
        for other, has in defined.items():
            if not rules.may_include(room, other):
                breaches += [f"{room} calls {name} of {other}" for name in sorted(needs & has)]
    if breaches:
        pytest.fail("pass an interface in instead:\n" + "\n".join(breaches), pytrace=False)


@pytest.mark.skipif(platform.machine() not in FLOATING, reason="no instruction table for this processor")
@pytest.mark.parametrize("room", ["src/core", "src/engine"])
def test_pure_rooms_hold_no_floating_point(room):
    need_build()
    files = objects(TARGETS[room])
    assert files or not list((ROOT / room).glob("*.cpp")), f"{room} has sources but no objects: run ./dev build"
    found = floating_functions(files) if files else {}
    if found:
        pytest.fail(
            f"{room} computes in floating point (std::unordered_map's reserve does too: use std::map, or a vector):\n"
            + "\n".join(f"{function}: {instruction}" for function, instruction in found.items()), pytrace=False)


def compile_planted(folder, text):
    source, output = folder / "planted.cpp", folder / "planted.o"
    source.write_text(text)
    subprocess.run(["g++", "-std=c++20", "-O2", "-c", str(source), "-o", str(output)], check=True)
    return [output]


@pytest.mark.skipif(platform.machine() not in FLOATING, reason="no instruction table for this processor")
@pytest.mark.parametrize("body", ["double f(long a) { return a * 0.1; }", "long f(double a) { return long(a); }",
                                  "float f(float a, float b) { return a / b; }"])
def test_planted_floating_point_is_found(tmp_path, body):
    assert floating_functions(compile_planted(tmp_path, body))


@pytest.mark.skipif(platform.machine() not in FLOATING, reason="no instruction table for this processor")
def test_integer_code_passes(tmp_path):
    text = "#include <string>\nlong f(__int128 a, long b, std::string& s) { s += s; return long(a * b / 7); }"
    assert not floating_functions(compile_planted(tmp_path, text))


def test_planted_call_is_seen(tmp_path):
    files = compile_planted(tmp_path, "void other(); void mine() { other(); }")
    assert symbols(files, "undefined") == {"_Z5otherv"} and symbols(files, "defined") == {"_Z4minev"}


def test_tools_are_there():
    assert shutil.which("objdump") and shutil.which("nm"), "install binutils"
