"""Every example program of the release build runs to its end in an empty folder."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ORCHESTRATOR_BUILD_DIR", ROOT / "build"))
EXAMPLES = sorted((ROOT / "examples").glob("*.cpp"))
LINES_MAX = 60


@pytest.mark.parametrize("source", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_example_runs(source, tmp_path):
    program = BUILD / "bin" / "examples" / source.stem
    done = subprocess.run([str(program)], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip(), "an example shows something"


@pytest.mark.parametrize("source", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_example_is_short(source):
    lines = len(source.read_text().splitlines())
    assert lines <= LINES_MAX, f"{source.name} has {lines} lines: an example is read in one go, at most {LINES_MAX}"
