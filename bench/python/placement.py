"""The Python module against what a quant writes today: a careful script over Python's own sqlite3.

The script stores the same rows in the same tables, with two commits (accepted, then the broker's answer), WAL and
synchronous=FULL, statements run by executemany. It is spared what depends on the request's content: its receipt, event
lines and ids of the broker are those of a sample batch, and it checks nothing.

    ./dev bench-python [--seconds S] [--rounds N] [--only PART,...] [--json FILE]

Where it says C++, the other side is orchestrator_place_rate, a program that makes the same calls.
FOLDER of the databases must be on a real disk: in memory a sync costs nothing. Each figure is the median of several
pairs, ours and the script's in turn.
"""

import argparse
import asyncio
import gc
import json
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from decimal import Decimal
from pathlib import Path


def request(count, offset=0):
    return [dict(instrument_id=1 + (offset + number) % 500, qty=100 + number, side="BUY" if number % 2 else "SELL",
                 price_limit=Decimal(2500 + number % 50)) for number in range(count)]


def by_columns(orders):
    """The same request as a NumPy array with a field for each column."""
    import numpy
    types = [("instrument_id", "i8"), ("qty", "i8"), ("side", "U4"), ("price_limit", "i8")]
    return numpy.array([tuple(order[name] for name, _ in types) for order in orders], dtype=types)


def open_book(o, path, ledger="memory:"):
    """Over SQLite, with a broker that takes a batch as one request: two commits, as the script has."""
    url = f"sqlite:///{path}"
    with o.Orchestrator(url, mock_ledger=ledger) as oms:
        oms.set_broker("alpaca-mock", {"orders_max": 1000})
    return url


# --- the script -------------------------------------------------------------------------------------


class Script:
    """One connection, one writer at a time."""

    def __init__(self, o, folder, batch, name):
        self.path = folder / f"script-{name}.db"
        with o.Orchestrator(open_book(o, self.path), mock_ledger="memory:") as oms:
            receipt = oms.place(request(batch), portfolio_id=1)
            oms.poll()
        self.lock = threading.Lock()
        self.db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "cache_size = -65536",
                       "temp_store = MEMORY"):
            self.db.execute("PRAGMA " + pragma)
        self.batch_row = self.sample("order_batches", "id = ?", receipt.batch_id)[0]
        self.key_row = self.sample("idempotency_keys", "batch_id = ?", receipt.batch_id)[0]
        self.usage_row = self.sample("portfolio_usage", "?", 1)[0]
        self.events = self.sample("events", "batch_id = ? ORDER BY id", receipt.batch_id)[:2]
        self.order_row = self.sample("orders", "batch_id = ?", receipt.batch_id)[0]
        self.columns = list(self.order_row)
        self.insert = self.insert_of("orders", self.order_row)
        self.batch_id, self.order_id, self.event_id = self.db.execute(
            'SELECT batch, "order", event FROM sequences').fetchone()

    def sample(self, table, where, value):
        cursor = self.db.execute(f"SELECT * FROM {table} WHERE {where}", (value,))
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row)) for row in cursor.fetchall()]

    @staticmethod
    def insert_of(table, row, verb="INSERT"):
        columns = ", ".join(f'"{name}"' for name in row)
        return f"{verb} INTO {table} ({columns}) VALUES ({', '.join('?' * len(row))})"

    def write_event(self, row):
        self.event_id += 1
        row = row | {"id": self.event_id, "batch_id": self.batch_id}
        self.db.execute(self.insert_of("events", row), tuple(row.values()))
        self.db.execute("INSERT INTO outbox (event_id) VALUES (?)", (self.event_id,))

    def save_sequences(self):
        self.db.execute('UPDATE sequences SET batch = ?, "order" = ?, event = ?',
                        (self.batch_id, self.order_id, self.event_id))

    def place(self, orders, key):
        with self.lock:
            self.db.execute("BEGIN IMMEDIATE")
            self.batch_id += 1
            first = self.order_id + 1
            self.order_id += len(orders)
            batch = self.batch_row | {"id": self.batch_id, "idempotency_key": key, "first_order_id": first,
                                      "last_order_id": self.order_id}
            self.db.execute(self.insert_of("order_batches", batch), tuple(batch.values()))
            now = time.time_ns() // 1000
            fixed = self.order_row | {"batch_id": self.batch_id, "status": 1, "ext_order_id": None, "created_at": now,
                                      "lease_owner": 1, "lease_until": now + 30_000_000, "acked_at": None,
                                      "version": 1, "event_seq": 1}
            rows = []
            for leg, order in enumerate(orders):
                row = fixed.copy()
                row["id"] = first + leg
                row["leg"] = leg
                row["client_order_id"] = f"oo{self.batch_id:014d}{leg:03d}0"
                row["instrument_id"] = order["instrument_id"]
                row["symbol"] = f"#{order['instrument_id']}"
                row["side"] = 0 if order["side"] == "BUY" else 1
                row["qty"] = int(order["qty"] * 1_000_000_000)
                row["price_limit"] = int(order["price_limit"] * 1_000_000_000)
                rows.append(tuple(row.values()))
            self.db.executemany(self.insert, rows)
            key_row = self.key_row | {"key": key, "batch_id": self.batch_id}
            self.db.execute(self.insert_of("idempotency_keys", key_row), tuple(key_row.values()))
            self.db.execute(self.insert_of("portfolio_usage", self.usage_row, "INSERT OR REPLACE"),
                            tuple(self.usage_row.values()))
            self.write_event(self.events[0])
            self.save_sequences()
            self.db.execute("COMMIT")

            self.db.execute("BEGIN IMMEDIATE")
            acked = time.time_ns() // 1000
            self.db.executemany(
                "UPDATE orders SET status = 3, ext_order_id = ?, lease_owner = 0, lease_until = NULL, acked_at = ?, "
                "version = 2, event_seq = 2 WHERE id = ?",
                [(f"{self.batch_id:08x}-0000-4000-8000-{leg:012x}", acked, first + leg) for leg in range(len(orders))])
            self.write_event(self.events[1])
            self.save_sequences()
            self.db.execute("COMMIT")


# --- measuring --------------------------------------------------------------------------------------

keys = iter(range(1 << 60))


def rate(call, seconds):
    """Calls a second of one caller."""
    count, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < seconds:
        call(f"key-{next(keys)}")
        count += 1
    return count / spent


def rate_of_threads(call, seconds, threads):
    counts = [0] * threads
    stop = threading.Event()

    def caller(number):
        while not stop.is_set():
            call(f"key-{number}-{next(keys)}")
            counts[number] += 1

    workers = [threading.Thread(target=caller, args=(number,)) for number in range(threads)]
    start = time.perf_counter()
    for worker in workers:
        worker.start()
    time.sleep(seconds)
    stop.set()
    for worker in workers:
        worker.join()
    return sum(counts) / (time.perf_counter() - start)


async def rate_in_flight(oms, orders, seconds, flights):
    start = time.perf_counter()
    count = 0

    async def flight():
        nonlocal count
        while time.perf_counter() - start < seconds:
            await oms.place(orders, portfolio_id=1, idempotency_key=f"key-{next(keys)}")
            count += 1

    await asyncio.gather(*(flight() for _ in range(flights)))
    while [order async for order in oms.orders(status=["placed", "submitting"], limit=1)]:
        await asyncio.sleep(0.002)  # in background mode the broker's answers come later, and count
    return count / (time.perf_counter() - start)


async def in_flight_once(o, url, orders, seconds, mode="inline"):
    async with o.AsyncOrchestrator(url, mock_ledger="memory:", mode=mode) as oms:
        return await rate_in_flight(oms, orders, seconds, 32)


class Report:
    def __init__(self):
        self.rows = []

    def add(self, what, ours, theirs=None, ratio=None, goal=None, unit="calls/s", rival="script"):
        self.rows.append(dict(what=what, ours=ours, rival=rival, theirs=theirs, ratio=ratio, goal=goal, unit=unit))
        shown = f"{ours:>14,.1f} {unit}"
        if theirs:
            shown += f"   {rival} {theirs:>12,.1f}   ratio {ratio:5.2f}"
        print(f"{what:<56}{shown}" + (f"   goal {goal}" if goal else ""), flush=True)


def compare(rounds, ours, theirs):
    """Medians of ours, of theirs and of the ratio: they run in turns, because the disk's time for a sync varies."""
    pairs = [(ours(), theirs()) for _ in range(rounds)]
    return (statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs),
            statistics.median(pair[0] / pair[1] for pair in pairs))


def durable(o, folder, report, seconds, rounds):
    for batch, goal in ((1, 1.0), (100, 1.2), (1000, 1.3)):
        script = Script(o, folder, batch, str(batch))
        orders = request(batch)
        with o.Orchestrator(open_book(o, folder / f"ours{batch}.db"), mock_ledger="memory:") as oms:
            figures = compare(
                rounds,
                lambda: rate(lambda key: oms.place(orders, portfolio_id=1, idempotency_key=key), seconds),
                lambda: rate(lambda key: script.place(orders, key), seconds))
        report.add(f"SQLite, one caller, batch {batch}", *figures, goal)


def in_flight(o, folder, report, seconds, rounds):
    for batch, mode, goal in ((1, "inline", 10.0), (1, "background", 10.0), (100, "inline", 2.0)):
        script = Script(o, folder, batch, f"{mode}{batch}")
        orders = request(batch)
        url = open_book(o, folder / f"async-{mode}{batch}.db")
        figures = compare(rounds, lambda: asyncio.run(in_flight_once(o, url, orders, seconds, mode)),
                          lambda: rate_of_threads(lambda key: script.place(orders, key), seconds, 8))
        report.add(f"SQLite, 32 in flight ({mode}) / 8 threads, batch {batch}", *figures, goal)


class Cpp:
    """The same calls by a program in C++."""

    def __init__(self, program):
        self.program = program

    def rate(self, url, batch, callers, seconds):
        done = subprocess.run([self.program, url, str(batch), str(callers), str(round(seconds * 1000))],
                              capture_output=True, text=True, check=True)
        return float(done.stdout)


def against_cpp(o, folder, report, seconds, rounds, cpp):
    def books(name):
        return tuple(open_book(o, folder / f"{who}-{name}.db") for who in ("python", "cpp"))

    for what, batch, threads, read, goal in (
            ("1,000 orders from dicts", 1000, 1, list, 0.97), ("1,000 orders by columns", 1000, 1, by_columns, 0.98),
            ("8 threads, batch 1", 1, 8, list, 0.8), ("8 threads, batch 100", 100, 8, list, 0.8)):
        orders = read(request(batch))
        ours_url, cpp_url = books(what)

        def ours():
            with o.Orchestrator(ours_url, mock_ledger="memory:") as oms:
                return rate_of_threads(lambda key: oms.place(orders, portfolio_id=1, idempotency_key=key), seconds,
                                       threads)

        report.add(f"SQLite, {what}", *compare(rounds, ours, lambda: cpp.rate(cpp_url, batch, threads, seconds)),
                   goal, rival="C++")
    for batch in (1, 100):
        ours_url, cpp_url = books(f"async {batch}")
        report.add(f"SQLite, 32 in flight / 32 threads, batch {batch}", *compare(
            rounds, lambda: asyncio.run(in_flight_once(o, ours_url, request(batch), seconds)),
            lambda: cpp.rate(cpp_url, batch, 32, seconds)), rival="C++")


def in_memory(o, report, seconds, rounds):
    """The first round is left out: the system hands out the memory that later ones find with the process."""
    for batch, goal, unit in ((1, 250_000, "calls/s"), (100, 700_000, "orders/s")):
        orders = request(batch)

        def ours():
            with o.Orchestrator("memory:", mock_ledger="memory:") as oms:
                return batch * rate(lambda key: oms.place(orders, portfolio_id=1, idempotency_key=key), seconds)

        first, *others = [ours() for _ in range(rounds + 1)]
        report.add(f"memory store, batch {batch}", statistics.median(others), goal=goal, unit=unit)
        report.add(f"memory store, batch {batch}, memory new", first, unit=unit)
    report.add("memory store, batch 1: p50", p50_of_call(o), goal="4 or less", unit="us")


def p50_of_call(o):
    took = []
    orders = request(1)
    with o.Orchestrator("memory:", mock_ledger="memory:") as oms:
        for number in range(50_000):
            start = time.perf_counter_ns()
            oms.place(orders, portfolio_id=1, idempotency_key=f"key-{number}")
            took.append(time.perf_counter_ns() - start)
    return statistics.median(took) / 1000


def conversion(o, report, seconds):
    read = o._native._read_orders
    for what, orders, goal in (("1,000 dicts", request(1000), 10_000_000),
                               ("10,000 by columns", by_columns(request(10_000)), 30_000_000)):
        report.add(f"conversion alone, {what}", rate(lambda key: read(orders), seconds) * len(orders), goal=goal,
                   unit="orders/s")


def tables(o, report):
    with o.Orchestrator("memory:", mock_ledger="memory:") as oms:
        for number in range(100):
            oms.place(request(1000, number), portfolio_id=1)
        rows = oms.orders()
        objects = time.perf_counter()
        import pandas
        pandas.DataFrame([order.to_dict() for order in rows]).set_index("id")
        objects = time.perf_counter() - objects
        gc.collect()
        columns = time.perf_counter()
        rows.to_pandas()
        columns = time.perf_counter() - columns
    report.add("100,000 orders into pandas", 1 / columns, 1 / objects, objects / columns, 5, "tables/s")


def resident_mib():
    with open("/proc/self/statm") as sizes:
        return int(sizes.read().split()[1]) * resource.getpagesize() / (1 << 20)


def memory(o, folder, report):
    """What a process holds after 500,000 orders, when its caches are full, and after twice as many."""
    orders = request(1000)
    with o.Orchestrator(open_book(o, folder / "memory.db", ledger="")) as oms:
        for number in range(1000):
            oms.place(orders, portfolio_id=1, idempotency_key=f"key-{next(keys)}")
            if number == 499:
                start = resident_mib()
        gc.collect()
        end = resident_mib()
    report.add("memory from 500,000 to 1,000,000 orders", end - start, unit="MiB more")


def main():
    root = Path(__file__).resolve().parents[2]
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--package", default=root / "build" / "python", type=Path)
    options.add_argument("--folder", default=root / "build" / "bench-data", type=Path)
    options.add_argument("--seconds", default=0.4, type=float)
    options.add_argument("--rounds", default=9, type=int)
    options.add_argument("--only", default="in_memory,durable,in_flight,against_cpp,conversion,tables,memory")
    options.add_argument("--cpp", default=root / "build" / "bench" / "bin" / "orchestrator_place_rate", type=Path)
    options.add_argument("--json", type=Path)
    given = options.parse_args()
    sys.path.insert(0, str(given.package))
    import orchestrator as o

    given.folder.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="python-", dir=given.folder))
    report = Report()
    try:
        for part in given.only.split(","):
            if part == "durable":
                durable(o, folder, report, given.seconds, given.rounds)
            elif part == "in_flight":
                in_flight(o, folder, report, given.seconds, given.rounds)
            elif part == "against_cpp":
                against_cpp(o, folder, report, given.seconds, given.rounds, Cpp(given.cpp))
            elif part == "in_memory":
                in_memory(o, report, given.seconds, given.rounds)
            elif part == "conversion":
                conversion(o, report, given.seconds)
            elif part == "tables":
                tables(o, report)
            elif part == "memory":
                memory(o, folder, report)
    finally:
        shutil.rmtree(folder)
    print(f"largest resident memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")
    if given.json:
        given.json.write_text(json.dumps(report.rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
