"""Runs fuzz targets for a while and tells what came of it: ./dev fuzz [TARGET...] [--minutes M] [--jobs N] [--keep]
[--json FILE] [--list]. Minutes are of processor time, for each target.

What is found lies below build/fuzz: the inputs that reach new code, with which the next run goes on, in inputs/, and
those that break a property in findings/. --keep copies the latter into the target's corpus, which every test run
replays."""

import argparse
import concurrent.futures
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ORCHESTRATOR_FUZZ_BUILD_DIR", ROOT / "build" / "fuzz"))
PREFIX = "orchestrator_fuzz_"
PYTHON = "python"
TICKS = os.sysconf("SC_CLK_TCK")

stopping = threading.Event()
shown = threading.Lock()


def say(text):
    with shown:
        print(text, flush=True)


def shown_path(path):
    return os.path.relpath(path, ROOT) if Path(path).is_relative_to(ROOT) else str(path)


def known_targets():
    sources = sorted((ROOT / "tests" / "fuzz").glob("*.cpp"))
    return [source.stem for source in sources if "kRegistered(" in source.read_text(encoding="utf-8")]


def processor_seconds(pid):
    """Of a process that still runs; 0 when it does not."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


def environment():
    """Databases go to memory: a sync of the disk says nothing about what is looked for."""
    memory = Path("/dev/shm")
    folder = {"TMPDIR": str(memory)} if memory.is_dir() and os.access(memory, os.W_OK) else {}
    return os.environ | folder | {"UBSAN_OPTIONS": "print_stacktrace=1"}


class Target:
    """A program of libFuzzer and what it told of itself."""

    def __init__(self, name, options):
        self.name, self.options = name, options
        self.program = BUILD / "bin" / (PREFIX + name)
        self.log = BUILD / "logs" / (name + ".log")
        self.result = {"target": name, "executions": 0, "processor_seconds": 0.0, "edges": 0, "features": 0, "inputs": 0}

    def command(self):
        source = ROOT / "tests" / "fuzz"
        inputs, findings = BUILD / "inputs" / self.name, BUILD / "findings"
        for folder in (inputs, findings, self.log.parent):
            folder.mkdir(parents=True, exist_ok=True)
        words = [self.program, "-print_final_stats=1", "-timeout=120", f"-artifact_prefix={findings / self.name}-"]
        dictionary = source / "dictionaries" / (self.name + ".dict")
        if dictionary.exists():
            words.append(f"-dict={dictionary}")
        return [str(word) for word in [*words, inputs, source / "corpus" / self.name]]

    def run(self):
        if stopping.is_set():
            return self.result
        command = self.command()
        with self.log.open("w", encoding="utf-8", errors="replace") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=environment())
            self.watch(process)
            _, status, usage = os.wait4(process.pid, 0)
        self.result["processor_seconds"] = round(usage.ru_utime + usage.ru_stime, 1)
        self.read_log()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            self.take_finding(process.returncode)
        return self.result

    def watch(self, process):
        """Until its time is over or it ended; it is not waited for yet."""
        next_news = time.monotonic() + self.options.news_every
        asked = False
        while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            time.sleep(0.2)
            used = processor_seconds(process.pid)
            if not asked and (stopping.is_set() or used >= 60 * self.options.minutes):
                process.send_signal(signal.SIGUSR1)  # which ends libFuzzer with its statistics
                asked = True
            if time.monotonic() >= next_news:
                next_news = time.monotonic() + self.options.news_every
                self.read_log()
                say(f"  {self.name}: {used:.0f} of {60 * self.options.minutes:.0f} s, "
                    f"{self.result['edges']} edges, {self.result['features']} features, {self.result['inputs']} inputs")

    def read_log(self):
        text = self.log.read_text(encoding="utf-8", errors="replace")
        lines = re.findall(r"^#(\d+)\s.*?cov: (\d+) ft: (\d+) corp: (\d+)", text, re.MULTILINE)
        if lines:
            executions, edges, features, inputs = map(int, lines[-1])
            self.result |= {"executions": executions, "edges": edges, "features": features, "inputs": inputs}
        total = re.search(r"^stat::number_of_executed_units:\s*(\d+)", text, re.MULTILINE)
        if total:
            self.result["executions"] = int(total.group(1))

    def take_finding(self, status):
        text = self.log.read_text(encoding="utf-8", errors="replace")
        written = re.search(r"Test unit written to (\S+)", text)
        what = re.search(r"^ +what\(\): +(.*)|^(.*runtime error: .*)|^(?:==\d+==) ?ERROR: (.*)", text, re.MULTILINE)
        self.result["finding"] = next(filter(None, what.groups()), "") if what else f"exit status {status}"
        self.result["log"] = shown_path(self.log)
        if not written:
            return
        unit = Path(written.group(1))
        if self.options.keep:
            kept = ROOT / "tests" / "fuzz" / "corpus" / self.name / f"found_{unit.name[-12:]}"
            unit = Path(shutil.copyfile(unit, kept))
        self.result["repeat"] = f"{shown_path(self.program)} {shown_path(unit)}"


class PythonTarget:
    """The binding's property tests, again and again with other seeds."""

    def __init__(self, options):
        self.options = options
        self.result = {"target": PYTHON, "executions": 0, "processor_seconds": 0.0}

    def run(self):
        seed = time.time_ns() % 10**9
        while not stopping.is_set() and self.result["processor_seconds"] < 60 * self.options.minutes:
            command = ["/usr/bin/python3", "-B", "-m", "pytest", "-c", "tests/pytest.ini", "-q", "-p", "no:cacheprovider",
                       "--hypothesis-show-statistics", f"--hypothesis-seed={seed}", "-k", "not million",
                       "tests/python/test_python_properties.py"]
            process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                       errors="replace", start_new_session=True)
            output = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            self.result["processor_seconds"] = round(self.result["processor_seconds"] + usage.ru_utime + usage.ru_stime, 1)
            self.result["executions"] += sum(
                int(number) for number in re.findall(r"(\d+) (?:passing|failing|invalid) examples", output))
            if process.returncode != 0:
                log = BUILD / "logs" / "python.log"
                log.parent.mkdir(parents=True, exist_ok=True)
                log.write_text(output, encoding="utf-8")
                self.result |= {"finding": f"exit status {process.returncode}", "log": shown_path(log), "repeat": " ".join(command)}
                break
            seed += 1
            say(f"  {PYTHON}: {self.result['processor_seconds']:.0f} of {60 * self.options.minutes:.0f} s, "
                f"{self.result['executions']} examples")
        return self.result


def report(result):
    seconds = result["processor_seconds"]
    rate = result["executions"] / seconds if seconds else 0
    result["executions_per_second"] = round(rate, 1)
    edges, features = result.get("edges", "-"), result.get("features", "-")
    say(f"{result['target']:<16} {seconds / 60:>8.1f} {result['executions']:>12} {rate:>10.0f} {edges:>7} {features:>9}"
        f"  {'FOUND: ' + result['finding'] if 'finding' in result else 'nothing found'}")
    if "repeat" in result:
        say(f"  repeat: {result['repeat']}")
    if "log" in result:
        say(f"  log:    {result['log']}")


def write_json(path, options, results):
    compiler = subprocess.run(["clang++", "--version"], capture_output=True, text=True, check=False).stdout.split("\n")[0]
    document = {"minutes": options.minutes, "compiler": compiler, "targets": results}
    Path(path).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def parse_arguments():
    parser = argparse.ArgumentParser(prog="./dev fuzz", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="default: all of C++; `python` is the binding")
    parser.add_argument("--minutes", type=float, default=1, metavar="M", help="processor time of each target, default 1")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N", help="targets at a time")
    parser.add_argument("--keep", action="store_true", help="copy what breaks a property into the corpus")
    parser.add_argument("--json", metavar="FILE", help="write the figures for a machine")
    parser.add_argument("--list", action="store_true", help="name the targets and end")
    options = parser.parse_args()
    known = known_targets()
    options.targets = options.targets or known
    for name in options.targets:
        if name not in [*known, PYTHON]:
            parser.error(f"no target {name}; there are: {' '.join([*known, PYTHON])}")
    if options.minutes <= 0 or options.jobs < 1:
        parser.error("--minutes is above 0 and --jobs at least 1")
    options.news_every = 10 if sys.stdout.isatty() else 60
    return options


def main():
    options = parse_arguments()
    if options.list:
        print("\n".join([*known_targets(), PYTHON]))
        return 0
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    say(f"{'target':<16} {'minutes':>8} {'executions':>12} {'per second':>10} {'edges':>7} {'features':>9}")
    results = []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        targets = [PythonTarget(options) if name == PYTHON else Target(name, options) for name in options.targets]
        for done in concurrent.futures.as_completed([pool.submit(target.run) for target in targets]):
            results.append(done.result())
            report(results[-1])
            if options.json:
                write_json(options.json, options, results)
    found = sum("finding" in result for result in results)
    say(f"{found} of {len(results)} targets found something" + ("; stopped early" if stopping.is_set() else ""))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
