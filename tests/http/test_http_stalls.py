"""A database that does not answer holds up whoever asks it, and nobody else; not even the end."""

import socket
import subprocess

import pytest

from http_driver import TWO_ORDERS, program, read_to_end, status_of, until

pytestmark = pytest.mark.slow


def ask(server, path):
    client = server.connect(120)
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    return client


def test_a_stalled_database_leaves_threads_for_what_needs_none(own_postgres, start_server):
    server = start_server(database_url=own_postgres.url, options=["--threads", "16"])
    assert server.get("/health").status == 200
    own_postgres.pause()
    askers = [ask(server, path) for path in ["/health", "/api/v1/orders"] * 15]
    for _ in range(20):
        assert server.get("/openapi.json", timeout=10).status == 200
    refused = server.get("/api/v1/orders", timeout=10)
    assert (refused.status, refused.json()["code"], refused.headers["Retry-After"]) == (503, "overloaded", "1")
    own_postgres.resume()
    for client in askers:
        assert status_of(read_to_end(client)) in (200, 503)
        client.close()


def log_of(server):
    return (server.folder / "server.log").read_text()


def is_bound(port):
    with socket.socket() as one:
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def test_of_two_servers_that_start_on_one_port_the_second_opens_no_database(own_postgres, tmp_path):
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    own_postgres.pause()
    with subprocess.Popen([program(), "--port", str(port), "--database-url", own_postgres.url], cwd=tmp_path,
                          stderr=subprocess.DEVNULL) as first:
        until(lambda: is_bound(port))  # it waits for its database, and listens to nobody yet
        second = subprocess.run([program(), "--port", str(port), "--database-url", "sqlite:///orders.db"], cwd=tmp_path,
                                capture_output=True, text=True)
        own_postgres.resume()
        first.terminate()
    assert second.returncode == 1 and f"127.0.0.1 port {port}" in second.stderr
    assert not (tmp_path / "orders.db").exists()


def test_what_fails_at_every_step_is_told_less_and_less_often(own_postgres, start_server):
    server = start_server(database_url=own_postgres.url)
    own_postgres.stop()
    until(lambda: "(8 in a row)" in log_of(server))
    failed = [line for line in log_of(server).splitlines() if "a step failed" in line]
    assert len(failed) <= 5  # the first, 2, 4, 8, and 16 if it was quick
    own_postgres.start()
    until(lambda: "steps succeed again, after " in log_of(server))


def test_a_stalled_database_does_not_hold_up_the_end(own_postgres, start_server):
    server = start_server(database_url=own_postgres.url)
    placed = server.post("/api/v1/orders", TWO_ORDERS, headers={"Idempotency-Key": "k"})
    assert placed.status == 200
    own_postgres.pause()
    client = ask(server, "/api/v1/orders")
    assert server.stop(timeout=30) == 1
    client.close()
    own_postgres.resume()
    server.start()
    assert server.post("/api/v1/orders", TWO_ORDERS, headers={"Idempotency-Key": "k"}).body == placed.body
