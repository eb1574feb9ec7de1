"""A trading desk in a process of its own, with the library inside: places on the mock brokers and, over a socket, on the
fake broker, whose account admits one session at a time. It goes on with what its killed predecessor has not seen the end
of, and ends when its input does.

    desk.py FOLDER NAME SEED PAUSE_S [--quiet]        --quiet: finish what was begun, and place nothing new

The database, Redis and Kafka are those of the environment: DATABASE_URL, REDIS_URL, KAFKA_BOOTSTRAP_SERVERS, KAFKA_TOPIC."""

import json
import os
import random
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import orchestrator as o
from fake_broker import SocketBroker
from history import History, read, unfinished
from load import BACKOFF_S, make_batch

BROKERS = ["alpaca-mock", "alpaca-mock", "zerodha-mock", "zerodha-mock", "fake"]
LEASE = timedelta(seconds=5)


def open_desk(folder, mode="background", **more):
    """Waits for its servers as long as they are away."""
    while True:
        try:
            return o.Orchestrator(
                os.environ["DATABASE_URL"], redis_url=os.environ["REDIS_URL"], mock_ledger=str(folder / "brokers"),
                kafka_bootstrap_servers=os.environ["KAFKA_BOOTSTRAP_SERVERS"], kafka_topic=os.environ["KAFKA_TOPIC"],
                mode=mode, lease=LEASE, duplicates="allow", brokers={"fake": SocketBroker(folder / "broker.sock")}, **more)
        except o.OrchestratorError as error:
            print(f"{datetime.now(timezone.utc)} not open yet: {error}", file=sys.stderr, flush=True)
            time.sleep(0.5)


class Desk:
    def __init__(self, oms, folder, name, seed):
        self.oms, self.name, self.draw = oms, name, random.Random(seed)
        path = folder / f"history-{name}.jsonl"
        self.left = unfinished(read(path))
        self.history = History(path)
        self.over = threading.Event()

    def place(self, key, body, in_doubt=False):
        wait = BACKOFF_S[0]
        while not self.over.is_set():
            try:
                receipt = self.oms.place(body["orders"], portfolio_id=body["portfolio_id"], idempotency_key=key)
            except o.OrchestratorError as error:
                if not (error.retryable or error.in_doubt or error.code == "idempotency_in_progress"):
                    self.history.write("refused", key=key, code=str(error.code), why=str(error),
                                       overtaken=in_doubt)
                    return
                in_doubt = in_doubt or error.in_doubt
                time.sleep(self.draw.uniform(0.5, 1) * wait)
                wait = min(2 * wait, BACKOFF_S[1])
                continue
            self.history.write("answered", key=key, receipt=receipt.to_json())
            return

    def work(self, pause_s, quiet):
        for key, body in self.left.items():
            self.place(key, body, in_doubt=True)
        print("finished what was left", flush=True)
        while not quiet and not self.over.wait(self.draw.uniform(0.2, 1.8) * pause_s):
            key, body = f"{self.name}-{self.draw.getrandbits(48):x}", make_batch(self.draw, BROKERS)
            self.history.write("asked", key=key, body=body)
            self.place(key, body)


def main():
    folder, name, seed, pause_s = Path(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4])
    with open_desk(folder) as oms:
        desk = Desk(oms, folder, name, seed)
        worker = threading.Thread(target=desk.work, args=(pause_s, "--quiet" in sys.argv[5:]))
        worker.start()
        sys.stdin.read()
        desk.over.set()
        worker.join()


if __name__ == "__main__":
    main()
