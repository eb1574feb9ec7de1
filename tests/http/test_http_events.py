"""The event log over HTTP: pages, server-sent events with resume, and what a slow or leaving reader does to others."""

import json
import re
import select
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from http_driver import TWO_ORDERS, program, read_to_end, status_of, until


class Stream:
    """Reads server-sent events."""

    def __init__(self, server, query="", last_event_id=None):
        self.client = server.connect()
        resume = f"Last-Event-ID: {last_event_id}\r\n" if last_event_id is not None else ""
        self.client.sendall(f"GET /api/v1/events{query} HTTP/1.1\r\nHost: localhost\r\n{resume}"
                            "Accept: text/event-stream\r\n\r\n".encode())
        self.file = self.client.makefile("rb")
        self.head = b""
        while not self.head.endswith(b"\r\n\r\n"):
            self.head += self.file.readline()
        self.last_id = None

    def next(self):
        """The next event's document."""
        data = None
        for line in self.file:
            name, _, value = line.rstrip(b"\n").partition(b": ")
            if name == b"id":
                self.last_id = int(value)
            elif name == b"data":
                data = json.loads(value)
            elif not line.strip() and data is not None:
                return data
        return None

    def take(self, count):
        return [(event["subject"], event["seq"]) for event in (self.next() for _ in range(count))]

    def close(self):
        self.file.close()
        self.client.close()


FIRST_BATCH = [("batch/1", 1), ("1", 1), ("2", 1), ("1", 2), ("2", 2)]


def place(server, count=1):
    for _ in range(count):
        assert server.post("/api/v1/orders", TWO_ORDERS).status == 200


def test_a_stream_tells_what_was_and_what_comes(any_server):
    place(any_server)
    stream = Stream(any_server)
    assert b"Content-Type: text/event-stream" in stream.head
    assert stream.take(5) == FIRST_BATCH
    place(any_server)
    assert stream.take(5) == [("batch/2", 1), ("3", 1), ("4", 1), ("3", 2), ("4", 2)]
    stream.close()


def test_a_stream_from_the_latest_tells_only_what_comes(any_server):
    place(any_server)
    stream = Stream(any_server, "?after=latest&order_id=2")
    # The head is found when the follower is admitted; another stream that has begun shows that it was.
    begun = Stream(any_server)
    begun.take(5)
    any_server.post("/api/v1/orders/2/simulate_fill", {"fills": [{"fill_price": 2600, "fill_qty": 1}]})
    assert stream.take(1) == [("2", 3)]
    begun.close()
    stream.close()


def test_a_stream_resumes_behind_the_last_id_without_a_hole(any_server):
    place(any_server, 5)
    whole = Stream(any_server)
    everything = whole.take(25)
    whole.close()
    for cut in range(1, 25):
        first = Stream(any_server)
        seen = first.take(cut)
        first.close()
        again = Stream(any_server, last_event_id=first.last_id or 0)
        rest = []
        while not rest or rest[-1] != everything[-1]:
            rest += again.take(1)
        again.close()
        assert [e for e in rest if e not in seen] == everything[cut:]


def test_pages_and_the_stream_show_the_same(any_server):
    place(any_server, 3)
    pages, cursor = [], 0
    while True:
        page = any_server.get(f"/api/v1/events?limit=2&after={cursor}").json()
        if page["next_cursor"] == cursor:
            break
        cursor = page["next_cursor"]
        pages += page["events"]
    stream = Stream(any_server, "?batch_id=2")
    assert [stream.next() for _ in range(5)] == [e for e in pages if e["data"].get("batch_id") == 2]
    stream.close()


@pytest.mark.parametrize("query, last", [("?after=x", None), ("?nix=1", None), ("", "x"), ("?after=-1", None)])
def test_a_stream_from_nowhere_is_refused(server, query, last):
    stream = Stream(server, query, last)
    assert status_of(stream.head) == 400
    stream.close()
    assert server.get("/api/v1/events?after=latest").status == 400


def test_many_streams_and_waits_hold_no_thread(server):
    place(server)
    streams = [Stream(server) for _ in range(200)]
    for stream in streams:
        assert stream.take(5) == FIRST_BATCH
    place(server)
    for stream in streams:
        assert stream.take(1) == [("batch/2", 1)]
    assert server.get("/health").status == 200
    for stream in streams:
        stream.close()


def test_a_stream_that_nobody_reads_keeps_nobody_waiting(server):
    stuck = Stream(server)
    order = TWO_ORDERS["orders"][0]
    for _ in range(10):
        assert server.post("/api/v1/orders", {"portfolio_id": 1, "orders": [order] * 500}).status == 200
    reader = Stream(server)
    assert len(reader.take(10 * 1001)) == 10 * 1001
    stuck.close()
    reader.close()


def resident_mib(server):
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) >> 10


def test_a_large_step_waits_in_memory_once_for_all_streams_that_do_not_take_it(start_server):
    # A sanitizer keeps what was freed; not here, where memory is counted.
    server = start_server(environment={"ASAN_OPTIONS": "quarantine_size_mb=1"})
    stuck = [Stream(server) for _ in range(60)]
    reader = Stream(server)
    order = TWO_ORDERS["orders"][0]
    begin = resident_mib(server)
    for _ in range(2):
        assert server.post("/api/v1/orders", {"portfolio_id": 1, "orders": [order] * 4000}).status == 200
    assert len(reader.take(2 * 8001)) == 2 * 8001
    grown = resident_mib(server) - begin
    assert grown < 150, grown  # 2.5 MiB of text for each of them would be more
    for stream in stuck + [reader]:
        stream.close()


def test_a_wait_is_answered_in_time_however_much_the_streams_have_to_take(server):
    done = threading.Event()

    def keep_placing():
        while not done.is_set():
            place(server, 1)

    place(server)
    streams = [Stream(server) for _ in range(300)]
    posters = [threading.Thread(target=keep_placing) for _ in range(6)]
    for poster in posters:
        poster.start()
    try:
        for _ in range(5):
            assert server.get("/api/v1/batches/1/wait?timeout_ms=200", timeout=8).json()["settled"] is True
    finally:
        done.set()
    for poster in posters:
        poster.join()
    for stream in streams:
        stream.close()


@pytest.fixture
def waiting(start_server, tmp_path):
    """A server on which batch 1 stays unsettled: no broker takes a connection. Three quarters of 16 connections may
    wait."""
    (tmp_path / "faults.txt").write_text("place always: refuse_connection\n")
    for broker in ("alpaca-mock", "zerodha-mock"):
        subprocess.run([Path(program()).with_name("orchestrator"), "broker", "set", broker, "--fault-script", "faults.txt",
                        "--database-url", f"sqlite:///{tmp_path}/orders.db"], cwd=tmp_path, check=True, capture_output=True)
    server = start_server(options=["--max-connections", "16"])
    place(server)
    assert server.get("/api/v1/batches/1/wait?timeout_ms=0").json()["settled"] is False
    return server


def wait_request(timeout_ms, more=b""):
    return b"GET /api/v1/batches/1/wait?timeout_ms=%d HTTP/1.1\r\nHost: localhost\r\n%s\r\n" % (timeout_ms, more)


def test_who_hangs_up_while_he_waits_gives_his_place_back(waiting):
    clients = [waiting.connect() for _ in range(13)]
    for client in clients:
        client.sendall(wait_request(60_000))
    answered, _, _ = select.select(clients, [], [], 20)
    assert [status_of(client.recv(4096)) for client in answered] == [503], "one too many"
    for client in clients:
        client.close()
    until(lambda: waiting.get("/api/v1/batches/1/wait?timeout_ms=0").status == 200)


def test_who_closes_his_side_while_he_waits_is_told_how_it_stands(waiting):
    with waiting.connect() as client:
        client.sendall(wait_request(60_000))
        client.shutdown(socket.SHUT_WR)
        answer = read_to_end(client)
    assert status_of(answer) == 200 and b'"settled":false' in answer


def test_what_is_sent_during_a_wait_is_the_next_request(waiting):
    with waiting.connect() as client:
        client.sendall(wait_request(300, b"X-Request-Id: a\r\n"))
        for byte in b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: b\r\n\r\n":
            client.sendall(bytes([byte]))
        client.sendall(wait_request(0, b"X-Request-Id: c\r\nConnection: close\r\n"))
        answer = read_to_end(client)
    assert re.findall(rb"X-Request-Id: (.)", answer) == [b"a", b"b", b"c"]
    assert answer.count(b"HTTP/1.1 200 ") == 3


def test_a_wait_is_logged_with_the_answer_that_it_got(server):
    place(server)
    answer = server.get("/api/v1/batches/1/wait?timeout_ms=30000")
    assert server.stop() == 0
    said = []
    while not said:  # another thread copies it
        said = [line for line in (server.folder / "server.log").read_text().splitlines() if "/wait" in line]
    assert f"bytes={len(answer.body)}" in said[0]


def test_a_page_of_large_steps_ends_early_and_the_next_goes_on(server):
    order = TWO_ORDERS["orders"][0]
    for _ in range(5):
        assert server.post("/api/v1/orders", {"portfolio_id": 1, "orders": [order] * 2000}).status == 200
    seen, pages, cursor = set(), 0, 0
    while True:
        answer = server.get(f"/api/v1/events?limit=1000&after={cursor}")
        assert len(answer.body) < 12 << 20
        page = answer.json()
        seen |= {(event["subject"], event["seq"]) for event in page["events"]}
        if page["next_cursor"] == cursor:
            break
        cursor, pages = page["next_cursor"], pages + 1
    assert len(seen) == 5 * 4001 and pages > 1


def test_a_stream_of_one_order_goes_on_behind_many_steps_of_others(any_server):
    order = TWO_ORDERS["orders"][0]
    assert any_server.post("/api/v1/orders", {"portfolio_id": 1, "orders": [order] * 20}).status == 200
    for leg in range(2, 21):
        fills = [{"fill_price": 2500, "fill_qty": 1}] * 30
        assert any_server.post(f"/api/v1/orders/{leg}/simulate_fill", {"fills": fills}).status == 200
    assert any_server.post("/api/v1/orders/1/simulate_fill", {"fills": [{"fill_price": 2500, "fill_qty": 1}]}).status == 200
    page = any_server.get("/api/v1/events?order_id=1&limit=1000").json()
    assert [(event["subject"], event["seq"]) for event in page["events"]] == [("1", 1), ("1", 2), ("1", 3)]
    stream = Stream(any_server, "?order_id=1")
    assert stream.take(3) == [("1", 1), ("1", 2), ("1", 3)]
    stream.close()


def test_streams_end_with_the_server(server):
    stream = Stream(server)
    assert server.stop() == 0
    assert stream.next() is None
    stream.close()
