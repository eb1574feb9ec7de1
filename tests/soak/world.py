"""The processes of a soak: two HTTP servers, two desks and the fake broker, on the servers of tests/servers/run. What
dies is started again at once, as a service manager would."""

import json
import os
import pwd
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path

from crash_wire_driver import FakeBroker
from http_driver import Server, program
from psql import psql
from server_process import free_port

HERE = Path(__file__).resolve().parent
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
TOPIC = "orders.events"
SPACE_BYTES = 2 << 30
LEASE_MS = 5000

# What the brokers do wrong. Of what needs a person's decision only the overfill, after which the operator lets the broker
# take orders again.
REQUEST_FAULTS = """
place chance=1/40: lose_answer
place chance=1/60: server_error
place chance=1/80: garbage
place chance=1/80: lose_request
place chance=1/60: throttle
place chance=1/80: refuse_connection
place chance=1/100: reject
place chance=1/300: hang for=3s
look_up chance=1/10: lag for=300ms
look_up chance=1/20: lose_answer
cancel chance=1/20: lose_answer
replace chance=1/20: server_error
poll chance=1/40: lose_answer
book chance=1/10: server_error
"""
ORDER_FAULTS = """
order every=7: duplicate_fills
order every=11: out_of_order_fills
order every=13: late_ack polls=3
order every=17: fill_before_ack
order every=19: duplicate_ack
order every=23: drop_reports
order every=29: drop_reports what=fills
order every=31: bust
order every=37: correct qty=3
order every=41: fill_after_cancel
order every=43: cumulative_fills
order every=101: overfill qty=1
"""
BROKERS = {
    "alpaca-mock": {"fill_model": "partial", "fault_script": REQUEST_FAULTS + ORDER_FAULTS},
    "zerodha-mock": {"fill_model": "none", "fault_script": REQUEST_FAULTS + ORDER_FAULTS},
}
FAKE_BROKER = {"fill_model": "at_limit", "quiet_period_ms": 500}


class Log:
    """Everything that was done, and every sign of life, with its time; flushed line by line."""

    def __init__(self, path):
        self._file, self._lock, self.began = open(path, "a", encoding="utf-8"), threading.Lock(), time.monotonic()

    def __call__(self, text):
        with self._lock:
            self._file.write(f"{datetime.now():%H:%M:%S} {time.monotonic() - self.began:8.1f} {text}\n")
            self._file.flush()


class Kept:
    """What the processes have in common: each is started again by a keeper of its own."""

    def __init__(self, name):
        self.name = name
        self.lock = threading.RLock()  # of who ends or starts it
        self.told_to_end = None  # process id


class HttpServer(Kept, Server):
    """With a clock of its own that can be set, if libfaketime is there."""

    def __init__(self, folder, name, database_url, environment, clock=None):
        Kept.__init__(self, name)
        self.fixed_port, self.clock = free_port(), clock
        if clock is not None:
            environment = {**environment, **under_clock(clock)}
        options = ["--requests-per-second", "0", "--duplicates", "allow"]
        Server.__init__(self, folder, database_url, options, environment)

    def start(self, port=0):
        super().start(self.fixed_port)


class Broker(Kept, FakeBroker):
    def __init__(self, folder):
        Kept.__init__(self, "fake broker")
        FakeBroker.__init__(self, folder, "windowed", REQUEST_FAULTS, **FAKE_BROKER)


class DeskProcess(Kept):
    def __init__(self, folder, name, environment, pause_s, draw):
        super().__init__(name)
        self.folder, self.environment, self.pause_s, self.draw = folder, environment, pause_s, draw
        self.quiet = False
        self.said = folder / f"{name}.out"
        self.start()

    def start(self):
        command = [sys.executable, "-B", str(HERE / "desk.py"), str(self.folder), self.name,
                   str(self.draw.getrandbits(32)), str(self.pause_s), *(["--quiet"] if self.quiet else [])]
        with open(self.said, "wb") as said, open(self.folder / f"{self.name}.log", "ab") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, env=self.environment, stdin=subprocess.PIPE,
                                            stdout=said, stderr=log)

    def finished_what_was_left(self):
        return b"finished what was left" in self.said.read_bytes()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, timeout=60):
        self.process.stdin.close()
        return self.process.wait(timeout)


class World:
    def __init__(self, folder, draw, pause_s, log):
        self.folder, self.log, self.draw, self.pause_s = folder, log, draw, pause_s
        self.postgres = os.environ["ORCHESTRATOR_TEST_POSTGRES_URL"]
        self.servers, self.desks, self.broker, self.keepers = [], [], None, []
        self.unexpected = []  # ends that nobody asked for
        self.database_url = None
        self.over = threading.Event()
        self.space, self.why_no_space = make_space(folder / "space")

    def start(self):
        folder = self.folder
        folder.chmod(0o711)
        self.database_url = self._make_schema()
        environment = {"DATABASE_URL": self.database_url, "REDIS_URL": os.environ["ORCHESTRATOR_TEST_REDIS_URL"],
                       "KAFKA_BOOTSTRAP_SERVERS": os.environ["ORCHESTRATOR_TEST_KAFKA"], "KAFKA_TOPIC": TOPIC,
                       "ORCHESTRATOR_LEASE_MS": str(LEASE_MS)}
        self.environment = {**os.environ, **environment,
                            "PYTHONPATH": f"{HERE}{os.pathsep}{os.environ['ORCHESTRATOR_PYTHON_PATH']}"}
        self.broker = Broker(folder)
        self._set_brokers(BROKERS)
        clock, self.why_no_clock = make_clock(folder / "clock")
        self.servers = [HttpServer(folder, "http-1", self.database_url, environment),
                        HttpServer(folder, "http-2", self.database_url, environment, clock)]
        self.desks = [DeskProcess(folder, f"desk-{n}", self.environment, 4 * self.pause_s, self.draw) for n in (1, 2)]
        self.keepers = [threading.Thread(target=self._keep, args=(item,), daemon=True) for item in self.ours]
        for keeper in self.keepers:
            keeper.start()

    @property
    def ours(self):
        return [*self.servers, *self.desks, *([self.broker] if self.broker else [])]

    def _make_schema(self):
        options = "-csearch_path%3Dsoak"
        psql(self.postgres, "CREATE SCHEMA soak")
        if self.space:
            psql(self.postgres, f"CREATE TABLESPACE soak LOCATION '{self.space}'")
            options += "%20-cdefault_tablespace%3Dsoak"
        return f"{self.postgres}{'&' if '?' in self.postgres else '?'}options={options}"

    def _set_brokers(self, brokers):
        script = ("import json, sys, desk, pathlib\n"
                  "with desk.open_desk(pathlib.Path(sys.argv[1]), mode='inline') as oms:\n"
                  "  for name, config in json.loads(sys.argv[2]).items(): oms.set_broker(name, config)\n"
                  "  for number in range(1, 4): oms.set_limits(number, margin_available=10**11, margin_rate='0.1')\n")
        subprocess.run([sys.executable, "-B", "-c", script, str(self.folder), json.dumps(brokers)], check=True,
                       env=self.environment, cwd=self.folder, timeout=60)

    # --- keeping them alive -----------------------------------------------------------------------------------------

    def _keep(self, item):
        while not self.over.wait(0.2):
            with item.lock:
                if item.process.poll() is None:
                    continue
                if item.told_to_end != item.process.pid:
                    self.unexpected.append(f"{item.name} ({item.process.pid}) ended with {item.process.returncode}")
                    self.log(self.unexpected[-1])
                try:
                    item.start()
                    self.log(f"{item.name} runs again as {item.process.pid}")
                except (AssertionError, OSError) as error:
                    # Its database is away, which it says and ends. A signal would be another matter.
                    self.log(f"{item.name} did not start: {str(error)[-300:]}")
                    if item.process.poll() is None or item.process.returncode > 0:
                        item.told_to_end = item.process.pid

    def end(self, item, by=signal.SIGKILL):
        """Ends it; the keeper starts it again. The exit status."""
        with item.lock:
            if item.process.poll() is not None:
                return None
            item.told_to_end = item.process.pid
            item.process.send_signal(signal.SIGCONT)
            item.process.send_signal(by)
        try:
            return item.process.wait(60)
        except subprocess.TimeoutExpired:
            self.unexpected.append(f"{item.name} did not end within 60 s of signal {by}")
            item.process.kill()
            return item.process.wait()

    def restart_quietly(self):
        """All of ours die once more, and come back, to brokers that do and answer what they are asked, to finish what was
        begun. How they report stays: executions have their ids by it."""
        self._set_brokers({name: {**config, "fault_script": ORDER_FAULTS} for name, config in BROKERS.items()})
        self.broker.config = json.dumps(FAKE_BROKER)
        for desk in self.desks:
            desk.quiet = True
        for item in self.ours:
            self.end(item)
        self.wait_until_up(120)

    def wait_until_up(self, seconds):
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up:
            if all(item.process.poll() is None for item in self.ours):
                return
            time.sleep(0.2)

    def end_ours(self):
        """All but the fake broker, and as they are asked to: none keeps a right that the audit needs."""
        self.over.set()
        for keeper in self.keepers:
            keeper.join(30)
        findings = []
        for item in [*self.servers, *self.desks]:
            status = item.stop()
            if status != 0:
                findings.append(f"crash: {item.name} was asked to end and did so with {status}")
        return findings

    def close(self):
        self.over.set()
        for keeper in self.keepers:
            keeper.join(30)
        for item in self.ours:
            if item.process.poll() is None:
                item.process.send_signal(signal.SIGCONT)
                item.process.kill()
                item.process.wait()
        if self.space and self.database_url:
            try:  # the files go with the server's own folder
                psql(self.postgres, "DROP SCHEMA soak CASCADE; DROP TABLESPACE soak")
            except AssertionError as error:
                self.log(f"not cleaned up: {error}")
        if self.space:
            subprocess.run(["umount", "--lazy", str(self.space)], check=False)

    # --- looking ----------------------------------------------------------------------------------------------------

    def ask(self, sql):
        return psql(self.database_url, sql)


def under_clock(path):
    """The environment of a process whose clock the file sets."""
    return {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(path), "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_RESET": "1"}


def make_clock(path):
    """A clock to be set; or why there is none."""
    if FAKETIME is None:
        return None, "no libfaketime (Debian: libfaketime)"
    path.write_text("+0\n")
    try:
        subprocess.run([program(), "routes"], env={**os.environ, **under_clock(path)}, capture_output=True, check=True,
                       timeout=30)
    except subprocess.SubprocessError as error:
        return None, f"the server does not run under libfaketime: {error}"
    return path, ""


def make_space(path):
    """A small file system for the tables, to fill up; or why there is none."""
    if os.getuid() != 0:
        return None, "only root mounts a small file system for the tables"
    path.mkdir()
    try:
        uid = pwd.getpwnam("postgres").pw_uid
    except KeyError:
        return None, "there is no user postgres"
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SPACE_BYTES},mode=0700,uid={uid}", "soak", str(path)],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return None, done.stderr.strip()
    return path, ""


def resize_space(path, size):
    done = subprocess.run(["mount", "-o", f"remount,size={size}", str(path)], capture_output=True, check=False)
    return done.returncode == 0


def leave_no_space(path):
    """Whether it worked: it cannot be made smaller than what has been written meanwhile."""
    for _ in range(20):
        stat = os.statvfs(path)
        if resize_space(path, (stat.f_blocks - stat.f_bfree) * stat.f_frsize):
            return True
    return False
