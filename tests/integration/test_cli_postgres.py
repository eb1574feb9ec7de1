"""The program over PostgreSQL: the same answers as over SQLite, migrations, and every way in which the URL of a database
can be wrong."""

import json
import re
import socket
import struct
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cli_driver import (CONFLICT, FAILPOINTS_PROGRAM, HALTED, OK, STORAGE, USAGE, Cli, batch, need, order, statuses,
                        two_orders)
from psql import psql

KILLED = -9


def password_of(url):
    return urlsplit(url).password


def with_password(url, password):
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    user = parts.username if password is None else f"{parts.username}:{password}"
    return parts._replace(netloc=f"{user}@{host}").geturl()


@pytest.fixture
def desk(tmp_path, new_schema):
    need(FAILPOINTS_PROGRAM)
    return Cli(tmp_path, FAILPOINTS_PROGRAM, DATABASE_URL=new_schema())


# --- the same answers as over SQLite ---

SESSION = [
    ("broker", "set", "alpaca-mock", "--config", '{"seed": 7}'),
    ("limit", "set", 1, "--margin-available", "1000000", "--margin-rate", "0.2"),
    ("place", "-", "--idempotency-key", "first"),
    ("place", "-", "--idempotency-key", "first"),
    ("order", "get", 1),
    ("order", "list"),
    ("order", "fill", 1, "--qty", 40, "--price", "2499.5"),
    ("order", "cancel", 1),
    ("order", "fill", 2, "--qty", 50, "--price", "2600.000000001"),
    ("batch", "get", 1),
    ("batch", "list"),
    ("reconcile", 1),
    ("reconcile", 1, "--broker"),
    ("settle", "--as-of", "2199-01-01"),
    ("place", "-", "--idempotency-key", "second"),
    ("recover",),
    ("order", "list", "--status", "acked"),
    ("order", "get", 99),
    ("event", "list"),
    ("limit", "list"),
    ("halt", "--portfolio-id", 1, "--reason", "drill"),
    ("place", "-", "--idempotency-key", "third"),  # behind all others: a refusal costs PostgreSQL's sequences numbers
    ("resume", "--portfolio-id", 1),
    ("audit", "--trail"),
    ("audit", "--brokers"),
]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def answers(cli):
    """What each command prints, without what depends on the moment: times, and the hashes over them."""
    texts = []
    for command in SESSION:
        done = cli.run(*command, "--json", stdin=two_orders() if command[0] == "place" else "")
        text = re.sub(r'"(hash|trail_head)":"[0-9a-f]{64}"', r'"\1":"HASH"', TIME.sub("TIME", done.text))
        texts.append((command, done.status, text))
    return texts


def test_the_program_answers_alike_over_sqlite_and_postgresql(cli, desk, tmp_path):
    (tmp_path / "sqlite").mkdir()
    cli.folder = tmp_path / "sqlite"
    for here, there in zip(answers(cli), answers(desk)):
        assert here == there


def test_a_receipt_is_replayed_byte_for_byte_by_another_process(desk):
    receipt = desk.place(two_orders(), "--idempotency-key", "k").expect(OK).output
    assert desk.place(two_orders(), "--idempotency-key", "k").expect(OK).output == receipt
    assert statuses(desk) == ["acked", "acked"]


def test_health_names_the_server_its_version_and_its_latency(desk):
    parts = urlsplit(desk.environment["DATABASE_URL"])
    done = desk.run("health", "--json").expect(OK)
    store = done.json["dependencies"][0]
    assert (store["role"], store["name"], store["state"], store["detail"]) == ("order_store", "postgresql", "ok", None)
    assert re.fullmatch(r"\d+(\.\d+)*", store["version"]) and store["latency_us"] > 0
    assert store["location"] == f"{parts.hostname}:{parts.port}{parts.path}"
    table = desk.ok("health").text
    assert f"postgresql  {store['version']}" in table
    assert parts.password not in done.text + table


def test_health_says_what_of_the_server_costs_safety(desk):
    url = desk.environment["DATABASE_URL"]
    careless = url.replace("options=", "options=-csynchronous_commit%3Doff%20")
    store = desk.json("health", DATABASE_URL=careless)["dependencies"][0]
    assert store["state"] == "degraded" and "synchronous_commit is off" in store["detail"]
    assert "synchronous_commit is off" in desk.ok("health", DATABASE_URL=careless).text


# --- migrations ---


def test_postgresql_migrations_go_up_down_and_up_again(desk):
    before = desk.json("migrate", "status")
    assert before["version"] == 0 and not any(step["applied"] for step in before["steps"])
    up = desk.json("migrate", "up")
    assert up["version"] == up["latest"] > 0 and all(step["applied"] for step in up["steps"])
    down = desk.json("migrate", "down", "--to", 0)
    assert down == before == desk.json("migrate", "status")
    assert desk.json("migrate", "up") == up == desk.json("migrate", "up") == desk.json("migrate", "status")
    assert psql(desk.environment["DATABASE_URL"], "SELECT count(*) FROM orders") == ["0"]


def test_the_right_to_publish_is_kept_when_roles_come_and_go(desk):
    url = desk.environment["DATABASE_URL"]
    desk.json("migrate", "up")
    psql(url, "INSERT INTO roles VALUES ('send/x', 8, 'meera', 43); "
              "UPDATE roles SET owner = 7, holder = 'ravi', lease_until = 42 WHERE name = 'publish'")
    assert desk.json("migrate", "down", "--to", 1)["version"] == 1
    assert psql(url, "SELECT * FROM publishing") == ["1|7|42"]
    desk.json("migrate", "up")
    assert psql(url, "SELECT * FROM roles") == ["publish|7||42"]


def test_migrate_down_does_not_drop_a_postgresql_book_by_accident(desk):
    desk.place(batch()).expect(OK)
    desk.run("migrate", "down", "--json").refusal(CONFLICT, "invalid_state")
    assert statuses(desk) == ["acked"]
    assert desk.json("migrate", "down", "--to", 0, "--yes")["version"] == 0


def test_a_postgresql_schema_is_not_migrated_under_a_living_sender(desk):
    url = desk.environment["DATABASE_URL"]
    desk.place(batch(), "--lease-ms", 600_000, ORCHESTRATOR_FAILPOINT="dispatch.before_send:1:kill").expect(KILLED)
    error = desk.run("migrate", "down", "--to", 0, "--yes", "--json").refusal(STORAGE, "storage_busy")
    assert error["retryable"] is True
    psql(url, "UPDATE owners SET ended_at = clock_timestamp()")
    assert desk.json("migrate", "down", "--to", 0, "--yes")["version"] == 0


def test_a_killed_postgresql_migration_leaves_nothing_behind(desk):
    url = desk.environment["DATABASE_URL"]
    tables = "SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
    desk.run("migrate", "up", ORCHESTRATOR_FAILPOINT="migrate.step:1:kill").expect(KILLED)
    assert desk.json("migrate", "up", "--busy-timeout-ms", 60000)["version"] > 0
    whole = psql(url, tables)
    desk.run("migrate", "down", "--to", 0, ORCHESTRATOR_FAILPOINT="migrate.step:1:kill").expect(KILLED)
    assert psql(url, tables) == whole
    assert desk.json("migrate", "down", "--to", 0, "--busy-timeout-ms", 60000)["version"] == 0
    assert psql(url, tables) == ["0"]


def test_processes_that_migrate_a_postgresql_schema_together_make_it_once(desk):
    processes = [desk.start("migrate", "up", "--json", "--busy-timeout-ms", "60000") for _ in range(4)]
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [OK] * 4, outputs
    assert len({output for output, _ in outputs}) == 1
    assert len(psql(desk.environment["DATABASE_URL"], "SELECT version FROM schema_migrations")) == json.loads(
        outputs[0][0])["latest"]


def test_a_newer_or_another_programs_postgresql_schema_is_refused_and_left_alone(desk, new_schema):
    url = desk.environment["DATABASE_URL"]
    desk.ok("migrate", "up")
    psql(url, "INSERT INTO schema_migrations (version, name, checksum) VALUES (9999, 'later', '')")
    for command in (("order", "list"), ("migrate", "up"), ("migrate", "down"), ("migrate", "status")):
        assert "9999" in desk.run(*command, "--json").refusal(STORAGE, "schema_too_new")["message"]
    foreign = new_schema()
    psql(foreign, "CREATE TABLE schema_migrations (version text); INSERT INTO schema_migrations VALUES ('1')")
    for command in (("order", "list"), ("migrate", "up"), ("migrate", "down"), ("migrate", "status")):
        error = desk.run(*command, "--json", DATABASE_URL=foreign).refusal(STORAGE, "foreign_database")
        assert password_of(url) not in error["message"]
    assert psql(foreign, "SELECT * FROM schema_migrations") == ["1"]


# --- passwords ---


def test_the_password_may_come_from_libpqs_own_places(desk, tmp_path):
    url = desk.environment["DATABASE_URL"]
    password = password_of(url)
    if password is None:
        pytest.skip("the server of the tests asks for no password")
    bare = with_password(url, None)
    desk.run("health", "--json", DATABASE_URL=bare, HOME=str(tmp_path)).refusal(STORAGE, "permission_denied")
    desk.ok("health", DATABASE_URL=bare, PGPASSWORD=password)
    passfile = tmp_path / "passfile"
    passfile.write_text(f"*:*:*:*:{password}\n")
    passfile.chmod(0o600)
    desk.ok("health", DATABASE_URL=bare, PGPASSFILE=str(passfile))
    del desk.environment["DATABASE_URL"]
    (desk.folder / ".env").write_text(f"DATABASE_URL={url}\n")
    desk.ok("health")


def test_a_password_on_the_command_line_is_blotted_out(desk):
    url = desk.environment["DATABASE_URL"]
    secret = "hunter2-canary"
    sleeper = desk.start("event", "follow", "--database-url", with_password(url, secret) + f"&password={secret}",
                         ORCHESTRATOR_FAILPOINT="cli.started:1:stop")
    try:
        status = Path(f"/proc/{sleeper.pid}/status")
        give_up = time.monotonic() + 60
        while "State:\tT" not in status.read_text():
            assert time.monotonic() < give_up and sleeper.poll() is None
        words = Path(f"/proc/{sleeper.pid}/cmdline").read_bytes()
        assert secret.encode() not in words
        assert b"event\0follow\0--database-url\0postgresql://" in words
    finally:
        sleeper.kill()
        sleeper.communicate()


@pytest.mark.parametrize("words", [["--databse-url=postgresql://desk:hunter2-canary@host/book", "health"],
                                   ["health", "redis://:hunter2-canary@host"],
                                   ["--json", "health", "--redis_url", "redis://u:hun?ter2-canary@host"]])
def test_a_command_line_that_does_not_parse_is_refused_without_its_passwords(cli, words):
    done = cli.run(*words).expect(USAGE)
    assert "ter2-canary" not in done.text + done.errors


# --- bad URLs: one clear line, a stable code, no secret ---

SECRET = "hunter2-canary"


def bad_urls(url):
    parts = urlsplit(url)
    place = f"{parts.hostname}:{parts.port}"
    user = parts.username
    good = with_password(url, parts.password)
    database = parts.path.lstrip("/")
    return {
        "scheme": (f"mysql://{user}:{SECRET}@{place}/{database}", USAGE, "configuration", "postgresql://"),
        "no host": (f"postgresql://{user}:{SECRET}@no-such-host.invalid/{database}", STORAGE, "storage_unavailable",
                    "no-such-host.invalid"),
        "no server": (f"postgresql://{user}:{SECRET}@127.0.0.1:1/{database}", STORAGE, "storage_unavailable",
                      "127.0.0.1:1"),
        "port": (f"postgresql://{user}:{SECRET}@127.0.0.1:seventy/{database}", USAGE, "configuration", "URL"),
        "slash in the password": (f"postgresql://{user}:one/{SECRET}@{place}/{database}", USAGE, "configuration", "%XX"),
        "at in the password": (f"postgresql://{user}:one@{SECRET}@{place}/{database}", USAGE, "configuration", "%XX"),
        "password": (with_password(url, SECRET), STORAGE, "permission_denied", "password"),
        "user": (f"postgresql://nobody-of-that-name:{SECRET}@{place}/{database}", STORAGE, "permission_denied",
                 "user and password"),
        "database": (good.replace(f"/{database}?", "/no-such-database?"), USAGE, "configuration", "no-such-database"),
        "TLS mode": (f"{good}&sslmode=perhaps", USAGE, "configuration", "sslmode"),
        "no TLS": (f"{good}&sslmode=require", USAGE, "configuration", "SSL"),
        "unknown setting": (f"{good}&colour={SECRET}", USAGE, "configuration", "URL"),
        "no schema": (re.sub("search_path%3D.*", "search_path%3Dno_such_schema", url), USAGE, "configuration",
                      "search_path"),
    }


@pytest.mark.parametrize("what", ["scheme", "no host", "no server", "port", "slash in the password", "at in the password",
                                  "password", "user", "database", "TLS mode", "no TLS", "unknown setting", "no schema"])
def test_a_wrong_database_url_is_one_clear_line_without_a_secret(desk, what):
    url, status, code, word = bad_urls(desk.environment["DATABASE_URL"])[what]
    done = desk.run("place", "-", "--json", stdin=two_orders(), DATABASE_URL=url)
    if what in ("password", "user") and done.status == OK:
        pytest.skip("the server of the tests lets everybody in")
    if what == "no TLS" and done.status == OK:
        pytest.skip("the server of the tests speaks TLS")
    error = done.refusal(status, code)
    assert word in error["message"]
    first, *rest = done.errors.splitlines()
    assert first.startswith("error: ") and rest in ([], ["Nothing happened: the same command may be given again."])
    for secret in (SECRET, password_of(desk.environment["DATABASE_URL"])):
        assert secret not in done.text + done.errors


class OldServer:
    """Speaks enough of PostgreSQL's protocol to be asked for its version."""

    def __init__(self, version):
        self._version = version
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            link, _ = self._listener.accept()
            threading.Thread(target=self._answer, args=(link,), daemon=True).start()

    def _answer(self, link):
        def read(size):
            data = b""
            while len(data) < size:
                more = link.recv(size - len(data))
                if not more:
                    raise ConnectionError
                data += more
            return data
        def message(kind, body):
            return kind + struct.pack("!i", len(body) + 4) + body
        ready = message(b"Z", b"I")
        try:
            while True:
                size, code = struct.unpack("!ii", read(8))
                read(size - 8)
                if code not in (80877103, 80877104):  # requests for encryption
                    break
                link.sendall(b"N")
            settings = {"server_version": self._version, "client_encoding": "UTF8", "standard_conforming_strings": "on"}
            link.sendall(message(b"R", struct.pack("!i", 0)) +
                         b"".join(message(b"S", f"{name}\0{value}\0".encode()) for name, value in settings.items()) + ready)
            while True:
                read(1)
                read(struct.unpack("!i", read(4))[0] - 4)
                column = b"x\0" + struct.pack("!ihihih", 0, 0, 25, -1, -1, 0)
                link.sendall(message(b"T", struct.pack("!h", 1) + column) +
                             message(b"D", struct.pack("!hi", 1, 3) + b"off") + message(b"C", b"SHOW\0") + ready)
        except (ConnectionError, OSError):
            link.close()


def test_a_server_that_is_too_old_is_named_with_the_version_needed(cli):
    server = OldServer("12.9")
    done = cli.run("health", "--json", DATABASE_URL=f"postgresql://desk:{SECRET}@127.0.0.1:{server.port}/book")
    message = done.refusal(USAGE, "unsupported")["message"]
    assert "PostgreSQL 12" in message and "13 or later" in message
    assert SECRET not in done.text + done.errors


def test_a_postgresql_book_that_is_halted_says_so(desk):
    desk.ok("halt", "--reason", "drill")
    health = desk.run("health", "--json").expect(HALTED).json
    assert health["ok"] is False and health["dependencies"][0]["state"] == "ok"
    desk.place(batch(order())).refusal(HALTED, "halted")
