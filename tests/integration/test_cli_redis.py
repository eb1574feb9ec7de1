"""A Redis beside the database: it answers keys that other processes placed, and never more than that."""

import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cli_driver import CONFLICT, HALTED, OK, USAGE, batch, two_orders

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "servers"))

from redis_server import Redis, Replica  # noqa: E402
from server_process import Unavailable  # noqa: E402

SECRET = "hunter2"
REPLICATION_SECONDS_MAX = 30


def cache_of(cli, status=OK, **environment):
    health = cli.run("health", "--json", **environment).expect(status).json
    return next(part for part in health["dependencies"] if part["role"] == "idempotency_store")


def test_a_key_is_answered_alike_with_redis_without_it_and_while_it_is_gone(cli, redis_url):
    gone = f"redis://desk:{SECRET}@127.0.0.1:1"
    first = cli.place(two_orders(), "--idempotency-key", "k", REDIS_URL=redis_url).expect(OK).json
    for url in (redis_url, "", gone, redis_url):
        again = cli.place(two_orders(), "--idempotency-key", "k", REDIS_URL=url).expect(OK).json
        assert again["batch_id"] == first["batch_id"] and again["orders"] == first["orders"]
        cli.place(batch(), "--idempotency-key", "k", REDIS_URL=url).refusal(CONFLICT, "idempotency_conflict")


def test_a_key_that_redis_knows_is_answered_without_the_database(cli, redis_url):
    first = cli.place(two_orders(), "--idempotency-key", "k", REDIS_URL=redis_url).expect(OK).json
    with sqlite3.connect(cli.folder / "orchestrator.db") as database:
        database.execute("UPDATE idempotency_keys SET response = NULL")  # what expiry leaves
    database.close()
    again = cli.place(two_orders(), "--idempotency-key", "k", REDIS_URL=redis_url).expect(OK).json
    assert again["batch_id"] == first["batch_id"] and again["orders"] == first["orders"]
    cli.place(two_orders(), "--idempotency-key", "k").refusal(CONFLICT, "idempotency_expired")


def test_health_names_redis_and_how_it_does(cli, redis_url):
    cache = cache_of(cli, REDIS_URL=redis_url)
    assert cache["name"] == "redis" and cache["state"] == "ok" and cache["version"] and cache["latency_us"] > 0
    assert "@" not in cache["location"] and cache["location"] in redis_url


def test_health_says_that_redis_is_gone(cli):
    cache = cache_of(cli, REDIS_URL=f"redis://desk:{SECRET}@127.0.0.1:1/3")
    assert cache["state"] == "down" and cache["location"] == "127.0.0.1:1/3" and cache["latency_us"] is None
    assert "Connection refused" in cache["detail"] and "order store" in cache["detail"] and SECRET not in str(cache)


def test_a_redis_url_that_is_wrong_is_one_clear_line_without_its_secret(cli):
    for url in (f"http://desk:{SECRET}@cache", f"redis://desk:{SECRET}@cache:none"):
        done = cli.run("health", "--json", REDIS_URL=url)
        done.refusal(USAGE, "configuration")
        assert SECRET not in done.text + done.errors


def test_a_redis_that_refuses_the_login_keeps_nobody_from_stopping_the_desk(cli, redis_url):
    url = f"redis://desk:{SECRET}@{redis_url.partition('@')[2]}"
    done = cli.run("halt", "--reason", "stop now", REDIS_URL=url).expect(OK)
    assert SECRET not in done.text + done.errors
    cache = cache_of(cli, HALTED, REDIS_URL=url)
    assert cache["state"] == "down" and "check user, password" in cache["detail"] and SECRET not in str(cache)


@pytest.fixture
def primary_and_replica(redis_url, tmp_path):  # where the tests have no Redis, they have none here
    del redis_url
    primary = Redis(tmp_path, tmp_path)
    replica = Replica(tmp_path, tmp_path, primary)
    try:
        try:
            for server in (primary, replica):
                server.folder.mkdir()
                server.prepare()
                server.start()
        except Unavailable as error:
            pytest.skip(str(error))
        if replica.ask(f"CONFIG SET port {replica.port}") != "+OK":
            pytest.skip("a Redis before 7.0 cannot move to another port")
        yield primary, replica
    finally:
        for server in (primary, replica):
            server.end()


def test_a_replica_that_lacks_entries_and_takes_over_changes_no_answer(cli, primary_and_replica):
    primary, replica = primary_and_replica
    url = primary.url
    receipts = {}

    def place(key):
        receipt = cli.place(two_orders(), "--idempotency-key", key, REDIS_URL=url).expect(OK).json
        return receipt["batch_id"], receipt["orders"]

    def all_answers_are_the_same():
        for key, receipt in receipts.items():
            cli.place(batch(), "--idempotency-key", key, REDIS_URL=url).refusal(CONFLICT, "idempotency_conflict")
            assert place(key) == receipt

    receipts["replicated"] = place("replicated")
    give_up = time.monotonic() + REPLICATION_SECONDS_MAX
    while replica.ask("DBSIZE") != ":1":
        assert time.monotonic() < give_up, "the replica does not get what its primary has"
        time.sleep(0.01)
    replica.lose_its_primary()
    receipts["lost"] = place("lost")
    assert (primary.ask("DBSIZE"), replica.ask("DBSIZE")) == (":2", ":1")
    primary.kill()
    all_answers_are_the_same()

    replica.take_over_the_address()  # and takes no writes yet
    all_answers_are_the_same()
    receipts["read-only"] = place("read-only")
    assert replica.ask("DBSIZE") == ":1"

    replica.promote()
    all_answers_are_the_same()
    receipts["promoted"] = place("promoted")
    all_answers_are_the_same()
    assert replica.ask("DBSIZE") == ":4"  # it was told of what it lacked
    assert cache_of(cli, REDIS_URL=url)["state"] == "ok"
    assert len(cli.json("batch", "list")["batches"]) == len(receipts)


@pytest.fixture
def tls_redis(tmp_path):
    """A Redis that speaks nothing but TLS, known as localhost: its port, and the certificate of its authority."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=tmp_path, check=True, capture_output=True)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=redis")
    (tmp_path / "names").write_text("subjectAltName=DNS:localhost")
    openssl("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-extfile", "names", "-out", "certificate.pem")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        ["redis-server", "--port", "0", "--tls-port", str(port), "--bind", "127.0.0.1", "--save", "",
         "--tls-cert-file", "certificate.pem", "--tls-key-file", "key.pem", "--tls-ca-cert-file", "ca.pem",
         "--tls-auth-clients", "no"], cwd=tmp_path, stdout=subprocess.DEVNULL)
    try:
        while server.poll() is None and socket.socket().connect_ex(("127.0.0.1", port)) != 0:
            time.sleep(0.01)
        assert server.poll() is None, "redis-server does not start with TLS"
        yield port, tmp_path / "ca.pem"
    finally:
        server.kill()
        server.wait()


@pytest.mark.skipif(not (shutil.which("redis-server") and shutil.which("openssl")),
                    reason="needs redis-server and openssl")
def test_redis_is_spoken_to_over_tls_only_when_it_proves_its_name(cli, tls_redis):
    port, authority = tls_redis
    url = f"rediss://localhost:{port}"
    done = cli.run("health", "--json", REDIS_URL=url, SSL_CERT_FILE=str(authority))
    if done.status != OK:  # hiredis before 1.0 has no TLS
        assert "TLS" in done.refusal(USAGE, "unsupported")["message"]
        return
    assert cache_of(cli, REDIS_URL=url, SSL_CERT_FILE=str(authority))["state"] == "ok"
    assert cache_of(cli, REDIS_URL=url)["state"] == "down"
    assert cache_of(cli, REDIS_URL=f"rediss://127.0.0.1:{port}", SSL_CERT_FILE=str(authority))["state"] == "down"
    assert cache_of(cli, REDIS_URL=f"redis://localhost:{port}")["state"] == "down"
