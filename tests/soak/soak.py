"""A soak: real processes on real servers under load, everything going wrong, and an audit at the end.

    ./dev soak --minutes M [--seed S] [--json FILE] [--folder DIR] [--pause S] [--fault-pause S]

Within tests/servers/run (./dev soak sees to it). Exit status 1: something was lost, placed twice, wrong, stuck or leaking;
every finding is printed, and the folder with all logs, histories and ledgers is kept."""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
for folder in ("", "servers", "http", "integration", "soak"):
    sys.path.insert(0, str(TESTS / folder))
sys.path.insert(0, os.environ["ORCHESTRATOR_PYTHON_PATH"])

from audit import audit  # noqa: E402
from desk import open_desk  # noqa: E402
from faults import Counts, Faults  # noqa: E402
from kafka_server import make_topic  # noqa: E402
from load import Follower, HttpClient  # noqa: E402
from watch import MINUTES_MIN, Watch  # noqa: E402
from world import TOPIC, Log, World  # noqa: E402

CLIENTS = 4
DRAIN_SECONDS_MAX = 120
REST_SECONDS_MAX = 300
STILL_SECONDS = 4  # without an event, with everybody polling every 200 ms
UNRESTED = "status IN (0, 1, 2, 5, 6) AND NOT parked"


def say(text):
    print(f"soak: {text}", file=sys.stderr, flush=True)


def progress(world, counts, watch, left_s):
    load, faults = counts.load, sum(counts.faults.values())
    outbox = watch.samples.get("outbox", [(0, 0, 0, 0)])[-1][2]
    line = (f"{left_s / 60:5.1f} min left  {load['batches']} batches  {load['fills']} fills  {load['repeats']} repeats  "
            f"{faults} faults  outbox {outbox}  {len(world.unexpected)} unexpected ends")
    if sys.stderr.isatty():
        print(f"\r\033[Ksoak: {line}", end="", file=sys.stderr, flush=True)
    else:
        say(line)


def under_fire(world, counts, options, draw, log):
    """Load and faults for the time asked for; then the faults end, and the clients get their last answers."""
    clients = [HttpClient(f"client-{n}", world.servers, world.folder, draw.getrandbits(32), options.pause, counts)
               for n in range(1, CLIENTS + 1)]
    watch, faults = Watch(world, counts), Faults(world, random.Random(options.seed), counts, log, options.fault_pause)
    follower = Follower(world.servers, draw.getrandbits(32))
    for one in (*clients, follower, watch, faults):
        one.start()
    end = time.monotonic() + options.minutes * 60
    every = 2 if sys.stderr.isatty() else 60
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, every))
        progress(world, counts, watch, max(0, end - time.monotonic()))
    watch.end()
    say("the faults end")
    faults.end()
    follower.stopping.set()
    for client in clients:
        client.give_up = time.monotonic() + DRAIN_SECONDS_MAX
        client.stopping.set()
    findings = []
    if 10 * faults.failures.total() > counts.faults.total() + 20:
        findings.append(f"too many faults could not be brought about: {dict(faults.failures)}")
    for client in (*clients, follower):
        client.join(DRAIN_SECONDS_MAX + 60)
        if client.failure is not None or client.is_alive():
            findings.append(f"{client.name} failed: {client.failure!r}")
    return watch, faults, follower, findings


def come_to_rest(world, log):
    """Everything of ours dies once more, and looks through the brokers' books; then nothing is under way any longer, within
    a time. How long it took, and what it did not end."""
    began = time.monotonic()
    world.restart_quietly()
    findings = wait_for_rest(world, log)
    with open_desk(world.folder, mode="inline") as oms:  # the books once more, for what was executed after the restart
        oms.recover(timedelta(seconds=20))
    findings = findings or wait_for_rest(world, log)
    return time.monotonic() - began, findings


def wait_for_rest(world, log):
    began, before, since, waiting = time.monotonic(), None, None, []
    while time.monotonic() - began < REST_SECONDS_MAX:
        time.sleep(0.5)
        waiting = [desk.name for desk in world.desks if not desk.finished_what_was_left()]
        (state,) = world.ask(f"SELECT (SELECT count(*) FROM orders WHERE {UNRESTED}) || ' orders under way, ' || "
                             "(SELECT count(*) FROM outbox) || ' rows in the outbox, of ' || (SELECT max(id) FROM events)")
        if state != before:
            before, since = state, time.monotonic()
        if state.startswith("0 orders under way, 0 rows") and not waiting and time.monotonic() - since > STILL_SECONDS:
            return []
    rows = world.ask(f"SELECT id, broker, client_order_id, status, parked, attempt, reason FROM orders WHERE {UNRESTED}")
    log("\n".join(rows))
    return [f"stuck: no rest within {REST_SECONDS_MAX} s: {before}, {waiting} not done: {rows[:10]}"]


def text_of(report):
    lines = [f"seed {report['seed']}, {report['minutes']:g} minutes, at rest after {report['seconds to rest']} s"]
    for name in ("load", "book", "faults", "skipped", "not brought about", "largest"):
        lines.append(f"{name}:")
        lines += [f"  {what:40} {how_many}" for what, how_many in report[name].items()]
    lines.append(f"lost {report['lost']}, duplicate {report['duplicate']}, findings {len(report['findings'])}")
    return "\n".join([*lines, *(f"FINDING {one}" for one in report["findings"])])


def soak(options, folder):
    draw, counts, log = random.Random(options.seed), Counts(), Log(folder / "soak.log")
    log(f"seed {options.seed}")
    make_topic(os.environ["ORCHESTRATOR_TEST_KAFKA"], TOPIC, partitions=3)
    world = World(folder, draw, options.pause, log)
    try:
        world.start()
        os.environ.update(world.environment)
        watch, faults, follower, findings = under_fire(world, counts, options, draw, log)
        say("coming to rest")
        seconds, stuck = come_to_rest(world, log)
        findings += stuck
        say("the follower reads to the end")
        follower.read_to_the_end()
        findings += world.end_ours()
        say("auditing")
        with open_desk(folder, mode="inline") as oms:
            told, book = audit(folder, oms, os.environ["KAFKA_BOOTSTRAP_SERVERS"], follower.seen)
        findings += told + [f"crash: {one}" for one in world.unexpected]
        if options.minutes >= MINUTES_MIN:
            findings += watch.findings()
    finally:
        world.close()
    return {"seed": options.seed, "minutes": options.minutes, "seconds to rest": round(seconds, 1),
            "load": dict(counts.load), "book": book, "faults": dict(sorted(counts.faults.items())),
            "skipped": faults.skipped, "not brought about": dict(faults.failures), "largest": watch.largest(),
            "sixths": {name: watch.sixths(name) for name in watch.samples},
            "lost": sum(one.startswith("lost") for one in findings),
            "duplicate": sum(one.startswith("duplicate") for one in findings), "findings": findings}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32), help="of the faults and the load")
    parser.add_argument("--json", type=Path, help="the report, for a machine")
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="where the folder of the run is made")
    parser.add_argument("--pause", type=float, default=0.5, help="mean seconds between two actions of a client")
    parser.add_argument("--fault-pause", type=float, default=5, help="mean seconds between two faults")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="orchestrator-soak-", dir=options.folder))
    say(f"seed {options.seed}, folder {folder}")
    report = soak(options, folder)
    (folder / "report.json").write_text(json.dumps(report, indent=1))
    if options.json:
        options.json.write_text(json.dumps(report, indent=1))
    print(text_of(report))
    if report["findings"]:
        print(f"logs, histories and ledgers: {folder}")
    else:
        shutil.rmtree(folder)
    return 1 if report["findings"] else 0


if __name__ == "__main__":
    sys.exit(main())
