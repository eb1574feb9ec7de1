"""What orchestrator_sim promises whoever calls it: repeatable runs, one JSON document, refusals that name the line."""

import os
import subprocess

import pytest

from cli_driver import FAILPOINTS_PROGRAM, TIMEOUT_S, need, one_document

PROGRAM = FAILPOINTS_PROGRAM.with_name("orchestrator_sim")


def sim(*arguments):
    need(PROGRAM)
    environment = {name: value for name, value in os.environ.items() if name != "ORCHESTRATOR_PLANTED_BUG"}
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=TIMEOUT_S,
                          env=environment, check=False)
    # The address sanitizer warns of stacks of one's own, whatever they are used for.
    said = [line for line in done.stderr.splitlines(keepends=True) if "ASan doesn't fully support makecontext" not in line]
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout, "".join(said))


def test_same_seeds_have_the_same_hashes_whatever_the_number_of_threads():
    alone = sim("--seeds", 2, "--seed", 11, "--hash", "--threads", 1)
    together = sim("--seeds", 2, "--seed", 11, "--hash", "--threads", 2)
    assert alone.returncode == 0, alone.stdout + alone.stderr
    hashes = dict(line.split() for line in alone.stdout.splitlines())
    assert set(hashes) == {"11", "12"} and len(set(hashes.values())) == 2
    assert together.stdout == alone.stdout


def test_json_is_one_document_on_standard_output():
    done = sim("--seeds", 2, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    document = one_document(done.stdout)
    assert document["seeds"] == 2 and document["failed"] == 0 and document["failures"] == []
    assert document["steps"] > 0 and document["transitions"]["accept"] > 0
    assert done.stderr == ""


@pytest.mark.parametrize("text, words", [
    ("", "line 1: this is no trace of the simulation"),
    ("hello\n", "line 1: this is no trace of the simulation"),
    ("orchestrator-sim-trace 0\n", "line 1: the trace has format 0, an older one than this program's 1"),
    ("orchestrator-sim-trace 9\n", "line 1: the trace has format 9, a newer one than this program's 1"),
    ("orchestrator-sim-trace one\n", "line 1: 'one' is no version of a trace"),
    ("orchestrator-sim-trace 1\nseed x\n", "line 2: 'x' is no seed"),
    ("orchestrator-sim-trace 1\nseed 1\n# word\n\np0.1 crash\n", "line 5: 'p0.1 crash' is no draw"),
    ("orchestrator-sim-trace 1\np0.1.2 boredom\n", "line 2: 'boredom' is neither a number nor a deviation"),
    ("orchestrator-sim-trace 1\np0.1.2\n", "line 2: 'p0.1.2' is no draw"),
    ("orchestrator-sim-trace 1\nq0.1.2 3\n", "line 2: 'q0.1.2 3' is no draw"),
])
def test_a_trace_that_does_not_parse_names_its_line(tmp_path, text, words):
    path = tmp_path / "bad.trace"
    path.write_text(text, encoding="utf-8")
    done = sim("--trace", path)
    assert done.returncode == 2
    assert f"{path}, {words}" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("arguments, words", [
    (["--seeds"], "--seeds needs a value"),
    (["--seeds", "many"], "--seeds needs a number up to 1000000000000, not 'many'"),
    (["--minutes", "-1"], "--minutes needs a number"),
    (["--store", "redis"], "--store is memory or sqlite, not 'redis'"),
    (["--sed", "1"], "there is no option '--sed'"),
    (["--trace", "/nowhere.trace"], "/nowhere.trace cannot be read"),
])
def test_a_wrong_call_says_what_is_wrong_with_it(arguments, words):
    done = sim(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stdout == ""
