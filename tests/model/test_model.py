"""The model of the placement protocol holds for every broker class, notices every flaw, and speaks of the transitions
that the documents name."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import check

ROOT = Path(__file__).resolve().parents[2]
MODEL = check.MODEL.read_text()

spin = pytest.mark.skipif(shutil.which("spin") is None, reason="spin is not installed")


def names_in_architecture():
    line = re.search(r"^Transitions of the model: (.*?)\.$", (ROOT / "docs/architecture.md").read_text(), re.M | re.S)
    assert line, "docs/architecture.md has no sentence 'Transitions of the model: ...'"
    return re.findall(r"`(\w+)`", line.group(1))


def test_transitions_are_those_of_the_architecture():
    assert re.findall(r"^inline (\w+)\(", MODEL, re.M) == names_in_architecture()


def test_every_transition_names_functions_of_the_engine_that_exist():
    for comment, name in re.findall(r"/\*((?:[^*]|\*(?!/))*)\*/\ninline (\w+)\(", MODEL):
        files = re.findall(r"src/[\w/]+\.cpp", comment)
        functions = [word for word in re.findall(r"(\w+)\(\)", comment) if word not in ("accept", "claim")]
        assert files, name
        text = "".join((ROOT / file).read_text() for file in files)
        assert not [word for word in functions if f"{word}(" not in text], name


def test_every_flaw_is_known_to_model_and_checker():
    assert set(re.findall(r"FLAW_([A-Z]\w+)", MODEL)) == set(check.FLAWS)
    listed = re.search(r"Flaws \(-DFLAW_\.\.\.\)[^:]*:([^.]*)\.", MODEL).group(1)
    assert {word for word in re.findall(r"[A-Z_]{3,}", listed)} == set(check.FLAWS)


@spin
@pytest.mark.slow
def test_every_class_holds_and_every_flaw_is_caught():
    run = subprocess.run([sys.executable, "-B", check.__file__], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@spin
def test_a_flaw_that_is_missed_is_an_error(monkeypatch):
    monkeypatch.setitem(check.FLAWS, "LOOK_ALIKE", ("N", False))  # where nobody looks
    assert not check.check_flaw("LOOK_ALIKE", 1)
