"""What goes wrong during a soak: a seed draws kind, victim, length and pause, and every one is logged. Kinds that touch
the same part wait for one another; all others overlap."""

import http.client
import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path
from urllib.parse import unquote, urlsplit

from world import SPACE_BYTES, leave_no_space, resize_space

CTL = str(Path(__file__).resolve().parents[1] / "servers" / "ctl")


class Counts:
    """Of what the clients did and what was done to them."""

    def __init__(self):
        self._lock, self.load, self.faults = threading.Lock(), Counter(), Counter()

    def add(self, name, number=1):
        with self._lock:
            self.load[name] += number

    def fault(self, kind):
        with self._lock:
            self.faults[kind] += 1


class Faults:
    """`steady` processes are paused, never killed: their memory is what the soak watches."""

    def __init__(self, world, draw, counts, log, mean_pause_s):
        self.world, self.draw, self.counts, self.log, self.mean_pause_s = world, draw, counts, log, mean_pause_s
        self.over = threading.Event()
        self.busy = {part: threading.Lock() for part in ("postgres", "redis", "kafka", "http-1", "http-2", "desk-1",
                                                         "desk-2", "fake broker", "switch")}
        self.running, self.skipped, self.failures = [], {}, Counter()
        self.kinds = [(self.kill_ours, 5), (self.pause_ours, 5), (self.end_politely, 2), (self.kill_server, 3),
                      (self.restart_server, 3), (self.pause_server, 4), (self.drop_postgres, 5), (self.drop_redis, 3),
                      (self.stop_orders, 1)]
        if world.space:
            self.kinds.append((self.fill_disk, 2))
        else:
            self.skipped["full disk"] = world.why_no_space
        if world.servers[1].clock is not None:
            self.kinds.append((self.set_clock, 3))
        else:
            self.skipped["clock set"] = world.why_no_clock
        self.threads = [threading.Thread(target=each, daemon=True) for each in (self._run, self._operate)]

    def start(self):
        for thread in self.threads:
            thread.start()

    def _run(self):
        while not self.over.wait(self.draw.expovariate(1 / self.mean_pause_s)):
            kind = self.draw.choices([one for one, _ in self.kinds], [weight for _, weight in self.kinds])[0]
            fault = threading.Thread(target=self._inject, args=(kind, self.draw.getrandbits(32)), daemon=True)
            self.running = [one for one in self.running if one.is_alive()] + [fault]
            fault.start()

    def _inject(self, kind, seed):
        try:
            kind(random.Random(seed))
        except Exception as error:
            self.failures[kind.__name__] += 1
            self.log(f"the fault {kind.__name__} failed: {error!r}")

    def end(self):
        """Everything that was begun is taken back."""
        self.over.set()
        for thread in [*self.threads, *self.running]:
            thread.join(180)
        while self._resume_brokers() != 200:
            time.sleep(0.5)
        if self.world.servers[1].clock is not None:
            self._write_clock("+0")

    def _note(self, kind, detail=""):
        self.counts.fault(kind)
        self.log(f"fault: {kind} {detail}")

    def _stay(self, seconds):
        self.over.wait(seconds)

    # --- the operator: an overfill stops its broker until somebody has looked ----------------------------------------

    def _operate(self):
        while not self.over.wait(3):
            self._resume_brokers()

    def _call(self, method, path, body=None):
        """The answer, whatever it is; None without one."""
        try:
            return self.world.servers[0].call(method, path, body)
        except (OSError, http.client.HTTPException):
            return None

    def _resume_brokers(self):
        answer = self._call("GET", "/api/v1/halts")
        if answer is None or answer.status != 200:
            return None
        for halt in answer.json()["halts"]:
            if halt["scope"] == "broker":
                self.log(f"resuming {halt}")
                self.counts.add("brokers resumed")
                self._call("POST", "/api/v1/resume", {"scope": "broker", "target": halt["target"]})
        return answer.status

    def stop_orders(self, draw):
        if not self.busy["switch"].acquire(blocking=False):
            return
        try:
            seconds, scope = draw.uniform(0.5, 4), draw.choice([{"scope": "all"}, {"scope": "portfolio", "target": "1"}])
            self._note("stop switch", f"{scope} for {seconds:.1f} s")
            self._call("POST", "/api/v1/halt", {**scope, "reason": "soak"})
            self._stay(seconds)
        finally:
            while (answer := self._call("POST", "/api/v1/resume", scope)) is None or answer.status != 200:
                time.sleep(0.5)
            self.busy["switch"].release()

    # --- our own processes ------------------------------------------------------------------------------------------

    def kill_ours(self, draw):
        item = draw.choice([self.world.servers[1], self.world.desks[1], self.world.broker])
        if self.busy[item.name].acquire(blocking=False):
            try:
                self._note(f"{item.name} killed")
                self.world.end(item)
            finally:
                self.busy[item.name].release()

    def end_politely(self, draw):
        item, by = draw.choice([(self.world.servers[1], signal.SIGTERM), (self.world.desks[1], None)])
        if not self.busy[item.name].acquire(blocking=False):
            return
        try:
            self._note(f"{item.name} asked to end")
            if by is not None:
                self.world.end(item, by)
            else:
                item.told_to_end = item.process.pid
                item.stop()
        except (subprocess.TimeoutExpired, OSError) as error:
            self.world.unexpected.append(f"{item.name} does not end when asked: {error}")
            item.kill()
        finally:
            self.busy[item.name].release()

    def pause_ours(self, draw):
        item, seconds = draw.choice(self.world.ours), draw.choice([0.3, 1, 3, 8, 12])
        if not self.busy[item.name].acquire(blocking=False):
            return
        try:
            self._note(f"{item.name} stopped and continued", f"for {seconds} s")
            item.process.send_signal(signal.SIGSTOP)
            self._stay(seconds)
        finally:
            item.process.send_signal(signal.SIGCONT)
            self.busy[item.name].release()

    def set_clock(self, draw):
        seconds = draw.choice([-60, -20, -3, 3, 20, 60])
        self._note("clock of http-2 set", f"{seconds:+} s")
        self._write_clock(f"{seconds:+}")

    def _write_clock(self, text):
        clock = self.world.servers[1].clock
        beside = clock.with_suffix(".new")
        beside.write_text(text + "\n")
        beside.rename(clock)

    # --- the servers ------------------------------------------------------------------------------------------------

    def _server(self, draw, action, seconds_max, first, then):
        name = draw.choice(["postgres", "redis", "kafka"])
        if not self.busy[name].acquire(blocking=False):
            return
        try:
            seconds = draw.uniform(0.1, seconds_max)
            self._note(f"{name} {action}", f"for {seconds:.1f} s")
            ctl(first, name)
            self._stay(seconds)
        finally:
            ctl(then, name)
            self.log(f"{name} is back")
            self.busy[name].release()

    def kill_server(self, draw):
        self._server(draw, "killed", 4, "kill", "start")

    def restart_server(self, draw):
        self._server(draw, "shut down", 6, "stop", "start")

    def pause_server(self, draw):
        self._server(draw, "stopped and continued", 8, "pause", "resume")

    def drop_postgres(self, draw):
        if not self.busy["postgres"].acquire(blocking=False):
            return
        try:
            share = draw.choice([0.3, 1.1])
            (number,) = self.world.ask("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE "
                                       f"application_name = 'orchestrator' AND random() < {share}")
            self._note("postgres connections dropped", number)
        finally:
            self.busy["postgres"].release()

    def drop_redis(self, _draw):
        if not self.busy["redis"].acquire(blocking=False):
            return
        try:
            url = urlsplit(os.environ["ORCHESTRATOR_TEST_REDIS_URL"])
            with socket.create_connection((url.hostname, url.port), timeout=5) as connection:
                connection.sendall(f"AUTH {unquote(url.password)}\r\nCLIENT KILL TYPE normal\r\n".encode())
                connection.recv(100)
            self._note("redis connections dropped")
        finally:
            self.busy["redis"].release()

    def fill_disk(self, draw):
        """No page more for the tables, and then room again. The server itself stays up: it could not recover either."""
        if not self.busy["postgres"].acquire(blocking=False):
            return
        try:
            seconds = draw.uniform(2, 10)
            if leave_no_space(self.world.space):
                self._note("disk of the tables full", f"for {seconds:.1f} s")
                self._stay(seconds)
        finally:
            if not resize_space(self.world.space, SPACE_BYTES):
                raise RuntimeError("the disk stays full")
            self.busy["postgres"].release()


def ctl(verb, name):
    done = subprocess.run([CTL, verb, name], capture_output=True, text=True, timeout=180, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"ctl {verb} {name}: {done.stderr.strip()}")
