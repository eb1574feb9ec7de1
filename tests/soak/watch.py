"""Memory, open files and the outbox of a soak, sampled all the way, and the rule of what is flat.

The rule: http-1 and desk-1 are paused and robbed of their servers, but never killed before the end. Of each of their
figures the median of the last sixth of the run is held against that of the second sixth. Memory may grow by a quarter
and by what the brokers' books, which the mocks answer whole, take for each order that came in between; open files by 16.
The outbox may be no longer than 500 rows more."""

import os
import threading
import time
from statistics import median

BYTES_PER_ORDER = 2048
FILES_MORE = 16
ROWS_MORE = 500
SHARE_MORE = 0.25
MINUTES_MIN = 10  # of a run whose figures say something


def rss_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def file_count(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class Watch:
    def __init__(self, world, counts, seconds=2):
        self.world, self.counts, self.seconds = world, counts, seconds
        self.samples = {}  # name: [(time, pid, value, orders so far)]
        self.over = threading.Event()
        self.began = time.monotonic()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self.thread.start()

    def end(self):
        self.over.set()
        self.thread.join()

    def _run(self):
        while not self.over.wait(self.seconds):
            for item in [*self.world.servers, *self.world.desks]:
                pid = item.process.pid
                try:
                    self._note(f"{item.name} memory", pid, rss_bytes(pid))
                    self._note(f"{item.name} files", pid, file_count(pid))
                except OSError:
                    pass  # it has just died
            try:
                self._note("outbox", 0, self.outbox())
            except (AssertionError, ValueError, OSError):
                pass  # the database is away

    def outbox(self):
        return int(self.world.ask("SELECT count(*) FROM outbox")[0])

    def _note(self, name, pid, value):
        self.samples.setdefault(name, []).append((time.monotonic() - self.began, pid, value, self.counts.load["orders"]))

    def largest(self):
        return {name: max(sample[2] for sample in rows) for name, rows in sorted(self.samples.items())}

    def sixths(self, name):
        """Median value and order count of the second and of the last sixth."""
        rows = self.samples.get(name, [])
        end = rows[-1][0] if rows else 0
        parts = [[row for row in rows if low * end <= row[0] <= high * end] for low, high in ((1 / 6, 2 / 6), (5 / 6, 1))]
        if not all(parts):
            return None
        return [(median(row[2] for row in part), median(row[3] for row in part)) for part in parts]

    def findings(self):
        found = []
        for name in ("http-1 memory", "desk-1 memory", "http-1 files", "desk-1 files", "outbox"):
            both = self.sixths(name)
            if both is None:
                found.append(f"{name} was not sampled")
                continue
            (early, orders_early), (late, orders_late) = both
            allowed = early + ROWS_MORE
            if name.endswith("memory"):
                allowed = early * (1 + SHARE_MORE) + BYTES_PER_ORDER * (orders_late - orders_early)
            elif name.endswith("files"):
                allowed = early + FILES_MORE
            if late > allowed:
                found.append(f"{name} grows: {early:.0f} in the second sixth, {late:.0f} in the last, {allowed:.0f} allowed")
        return found
