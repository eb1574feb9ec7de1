"""docs/faults.md names a test for every promise: each of them exists, and every test of a fault is in it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
DOCUMENT = ROOT / "docs" / "faults.md"
NAMED = re.compile(r"`(\w+): ([^`]+)`")


def names_of(path):
    text = path.read_text()
    if path.suffix == ".py":
        return re.findall(r"^def (test_\w+)", text, re.MULTILINE)
    joined = re.sub(r'"\n\s*"', "", text)
    return [name.replace('\\"', '"') for name in re.findall(r'^TEST_CASE\(\s*"((?:[^"\\]|\\.)*)"', joined, re.MULTILINE)]


def all_tests():
    found = {}
    for path in [*TESTS.rglob("*_test.cpp"), *TESTS.rglob("test_*.py")]:
        assert path.stem not in found, f"two files of tests are named {path.stem}"
        found[path.stem] = names_of(path)
    return found


def is_there(tests, file, name):
    names = tests.get(file, [])
    return name in names if name.startswith("test_") else any(known.startswith(name) for known in names)


def test_every_test_that_is_named_exists():
    tests = all_tests()
    named = NAMED.findall(DOCUMENT.read_text())
    assert len(named) > 80
    missing = [f"{file}: {name}" for file, name in named if not is_there(tests, file, name)]
    if missing:
        pytest.fail("docs/faults.md names tests that do not exist:\n" + "\n".join(missing), pytrace=False)


def test_every_fault_has_a_test():
    rows = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("| ")]
    bare = [row for row in rows if not row.startswith("| Fault |") and not NAMED.search(row)]
    assert bare == []


def test_every_test_of_a_fault_is_named():
    named = NAMED.findall(DOCUMENT.read_text())
    lonely = []
    for file, names in all_tests().items():
        # What makes the mocks go wrong on demand has tests of its own: they are no promise of the library.
        tool = file.startswith("mock_") or file == Path(__file__).stem
        if not re.search(r"fault|power_cut|sqlite_memory", file) or tool:
            continue
        lonely += [f"{file}: {name}" for name in names
                   if not any(stem == file and name.startswith(words) for stem, words in named)]
    if lonely:
        pytest.fail("docs/faults.md says nothing of:\n" + "\n".join(lonely), pytrace=False)


@pytest.mark.parametrize("file,name", [("doubt_test", "a test that nobody wrote"), ("no_such_file", "x"),
                                       ("test_crash", "test_a_killed")])
def test_a_test_that_does_not_exist_is_noticed(file, name):
    assert not is_there(all_tests(), file, name)
