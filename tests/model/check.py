#!/usr/bin/env python3
"""Checks placement.pml with spin: every broker class must hold, and every flaw must break it. Prints a table; exits 1
when a class does not hold, a flaw is missed, or a search was cut short.

  tests/model/check.py [--faults N] [--only WORD]     WORD: a class (E, W, T, N) or a flaw

Each class is searched twice: for a state or an end of a run that breaks a property, with N faults (2), and for a run
that never ends, with one fault less.
"""

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

MODEL = Path(__file__).resolve().parent / "placement.pml"
CLASSES = {"E": "enforced", "W": "windowed", "T": "tag echo", "N": "none"}
# Flaw -> the class that shows it, and whether as a run without end.
FLAWS = {
    "RESEND_ON_TIMEOUT": ("T", False),
    "EPOCH_IGNORED": ("W", False),
    "LOOK_ALIKE": ("T", False),
    "REFUSAL_DECIDES": ("W", False),
    "LATE_REFUSAL": ("E", False),
    "REFUSED_ROW": ("T", False),
    "RECEIPT_FIRST": ("T", False),
    "HALT_IGNORED": ("T", False),
    "LEASE_IGNORED": ("T", False),
    "PARKED_CLAIMED": ("W", False),
    "WINDOW_ASKED_ONCE": ("W", False),
    "NOT_FOUND_IS_REJECT": ("T", False),
    "CLASS_IGNORED": ("T", False),
    "NEVER_PARKED": ("T", True),
}
# What only the expanded text of this property holds, first fit -> its name.
PROPERTIES = {
    "acceptances<=1": "AtMostOnce",
    "row.status==3": "AtRest",
    "acknowledged": "NothingLost",
    "row.status!=": "AckIsTrue",
    "row.status==": "EndIsTrue",
    "halted": "nothing is claimed under a stop switch",
    "row.parked": "nothing parked is claimed",
    "again": "sent again only where refused twice",
    "non-progress": "every run ends",
}
DEPTH_MAX = 100_000
MEGABYTES_MAX = 2000


def search(broker_class, faults, cycles, flaw=None):
    """What pan reports: {errors, states, depth, megabytes, seconds, why}; raises when the search is not complete."""
    defines = [f"-DCLASS={broker_class}", f"-DFAULTS={faults}"] + ([f"-DFLAW_{flaw}"] if flaw else [])
    with tempfile.TemporaryDirectory() as folder:
        def run(*command):
            return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout

        run("spin", "-a", *defines, str(MODEL))
        run(os.environ.get("CC", "cc"), "-O1" if flaw else "-O2", "-w", "-DNOFAIR", f"-DMEMLIM={MEGABYTES_MAX}",
            "-DNP" if cycles else "-DSAFETY", "-o", "pan", "pan.c")
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        text = run("./pan", f"-m{DEPTH_MAX}", "-n", *(["-l"] if cycles else []))
        seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    if "max search depth too small" in text or "out of memory" in text or "reached -DMEMLIM" in text:
        raise RuntimeError("the search was cut short:\n" + text)

    def figure(pattern):
        return float(re.search(pattern, text).group(1))

    why = re.search(r"^pan:1: (.*?) \(at depth", text, re.MULTILINE)
    return {
        "errors": int(figure(r"errors: (\d+)")),
        "states": int(figure(r"(\d+(?:\.\d+)?(?:e\+\d+)?) states, stored")),
        "depth": int(figure(r"depth reached (\d+)")),
        "megabytes": int(figure(r"([\d.]+)\s+total actual memory usage")),
        "seconds": seconds,  # of the processor
        "why": property_of(why.group(1)) if why else "",
    }


def property_of(complaint):
    """The name of the property that pan quotes expanded."""
    return next((name for sign, name in PROPERTIES.items() if sign in complaint.replace(" ", "")), complaint)


def show(name, found, verdict):
    print(f"{name:<22}{found['states']:>10}{found['depth']:>7}{found['megabytes']:>6}{found['seconds']:>8.1f}  {verdict}",
          flush=True)


def check_class(broker_class, faults):
    found = search(broker_class, faults, cycles=False)
    endless = search(broker_class, faults - 1, cycles=True)
    holds = found["errors"] == 0 and endless["errors"] == 0
    found["seconds"] += endless["seconds"]
    show(f"{broker_class} {CLASSES[broker_class]}", found, "holds" if holds else f"BROKEN: {found['why'] or endless['why']}")
    return holds


def check_flaw(flaw, faults):
    broker_class, endless = FLAWS[flaw]
    found = search(broker_class, faults, endless, flaw)
    caught = found["errors"] > 0
    show(flaw.lower(), found, f"caught at {broker_class}: {found['why']}" if caught else "MISSED")
    return caught


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faults", type=int, default=2, choices=range(1, 5))
    parser.add_argument("--only", type=str.upper, default="", choices=["", *CLASSES, *FLAWS])
    given = parser.parse_args()
    print(f"{'':<22}{'states':>10}{'depth':>7}{'MB':>6}{'seconds':>8}")
    results = [check_class(name, given.faults) for name in CLASSES if given.only in ("", name)]
    results += [check_flaw(flaw, given.faults) for flaw in FLAWS if given.only in ("", flaw)]
    print(f"{results.count(True)} as they should be, {results.count(False)} not")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
