"""Misuse must not compile. Each tests/compile_fail/*.cpp shows one misuse; with ORCHESTRATOR_CONTROL defined it shows
the lawful spelling instead and must compile, so that a file which fails for another reason proves nothing."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CASES = sorted(Path(__file__).parent.glob("*.cpp"))


def compiles(source, *options):
    command = [os.environ.get("CXX", "g++"), "-std=c++20", "-fsyntax-only", "-I", str(ROOT / "include"), *options, str(source)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode in (0, 1), f"the compiler itself failed:\n{run.stderr}"
    return run.returncode == 0, run.stderr


def test_there_are_cases():
    assert CASES, "tests/compile_fail holds no *.cpp"


@pytest.mark.parametrize("source", CASES, ids=[path.stem for path in CASES])
def test_misuse_does_not_compile(source):
    lawful, errors = compiles(source, "-DORCHESTRATOR_CONTROL")
    assert lawful, f"the lawful spelling of {source.name} must compile:\n{errors}"
    misuse, _ = compiles(source)
    assert not misuse, f"{source.name} compiles: the misuse it shows has become possible"
