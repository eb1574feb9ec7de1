"""A primary dies and its standby takes over; and PgBouncer stands between. Each ends with the audit: what the brokers
hold is what the book holds."""

import contextlib
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from cli_driver import PROGRAM, STORAGE, Cli, batch, need, order

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "servers"))

from pgbouncer_server import PgBouncer  # noqa: E402
from postgres_server import Postgres, Primary, Standby  # noqa: E402
from server_process import Unavailable  # noqa: E402

CACHE = Path()
RUNS_MAX = 200

pytestmark = pytest.mark.slow


@pytest.fixture
def servers(postgres_url):  # where the tests have no PostgreSQL, they have none here
    """Starts servers of this test's own."""
    del postgres_url
    with contextlib.ExitStack() as at_end, tempfile.TemporaryDirectory(prefix="orchestrator-failover-",
                                                                       dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o711)

        def start(make, *arguments):
            server = make(folder, CACHE, *arguments)
            server.folder.mkdir()
            try:
                server.prepare()
                at_end.callback(server.end)
                server.start()
            except Unavailable as error:
                pytest.skip(str(error))
            return server
        yield start
        at_end.close()


def cli_at(folder, url):
    need(PROGRAM)
    return Cli(folder, DATABASE_URL=url)


def body_of(number):
    return batch(order(qty=number + 1, broker="alpaca-mock"), order(2, 50, "SELL", 2600, broker="alpaca-mock"),
                 idempotency_key=f"key-{number}")


class Desk(threading.Thread):
    """Places one batch behind the other, each again under its key until it is acknowledged."""

    def __init__(self, cli, count):
        super().__init__()
        self.cli, self.count = cli, count
        self.receipts = {}
        self.refusals = []
        self.some = threading.Event()
        self.refused = threading.Event()

    def run(self):
        for number in range(self.count):
            for _ in range(RUNS_MAX):
                done = self.cli.place(body_of(number))
                if done.status == 0:
                    self.receipts[number] = done.output
                    break
                self.refusals.append(done)
                self.refused.set()
            if number == self.count // 3:
                self.some.set()


def sql(server, statement):
    done = subprocess.run(["psql", "-X", "-At", "-d", server.url, "-c", statement], capture_output=True, text=True,
                          timeout=60, check=True)
    return done.stdout.strip()


def wait_for_replay(primary, standby):
    written = sql(primary, "SELECT pg_current_wal_flush_lsn()")
    give_up = time.monotonic() + 60
    while sql(standby, f"SELECT pg_last_wal_replay_lsn() >= '{written}'") != "t":
        assert time.monotonic() < give_up
        time.sleep(0.05)


def check_book(cli, count):
    cli.ok("recover")
    audit = cli.json("audit", "--brokers")
    assert audit["findings"] == [], audit
    orders = cli.json("order", "list", "--limit", "1000")["orders"]
    assert sorted(one["status"] for one in orders) == ["acked"] * 2 * count
    assert len({one["ext_order_id"] for one in orders}) == 2 * count


def test_a_standby_that_takes_over_has_everything_that_was_acknowledged(servers, tmp_path):
    primary = servers(Primary, True)
    standby = servers(Standby, primary)
    url = primary.url_of(primary.port, standby.port) + "?target_session_attrs=read-write&connect_timeout=2"
    desk = Desk(cli_at(tmp_path, url), 15)
    desk.start()
    assert desk.some.wait(60)
    primary.kill()
    assert desk.refused.wait(60)
    standby.promote()
    desk.join(120)
    assert len(desk.receipts) == desk.count
    for refusal in desk.refusals:
        refusal.expect(STORAGE)
        assert standby._password not in refusal.errors
    for number, receipt in desk.receipts.items():
        assert desk.cli.place(body_of(number)).output == receipt
    check_book(desk.cli, desk.count)


def test_what_a_lagging_standby_never_got_is_not_placed_twice(servers, redis_url, tmp_path):
    primary = servers(Primary, False)
    standby = servers(Standby, primary)
    url = primary.url_of(primary.port, standby.port) + "?target_session_attrs=read-write&connect_timeout=2"
    cli = cli_at(tmp_path, url)
    cli.environment["REDIS_URL"] = redis_url  # it remembers what the standby does not have: another book
    cli.place(body_of(0)).expect(0)
    standby_has = cli.json("order", "list")["orders"]
    wait_for_replay(primary, standby)
    standby.kill()
    lost = cli.place(body_of(1)).expect(0).json
    primary.kill()
    standby.start()
    standby.promote()
    assert [one["id"] for one in cli.json("order", "list")["orders"]] == [one["id"] for one in standby_has]
    again = cli.place(body_of(1)).expect(0).json
    assert [one["client_order_id"] for one in again["orders"]] == [one["client_order_id"] for one in lost["orders"]]
    check_book(cli, 2)


def settings_of(server):
    """Of the sessions that the server gives, several times over."""
    return {sql(server, "SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings WHERE name LIKE "
                        "'%timeout%' OR name IN ('jit', 'enable_seqscan', 'plan_cache_mode')") for _ in range(6)}


def test_pgbouncer_in_transaction_mode_may_stand_between(servers, tmp_path):
    postgres = servers(Postgres)
    bouncer = servers(PgBouncer, postgres.url)
    as_they_were = settings_of(bouncer)
    desks = [Desk(cli_at(tmp_path, bouncer.url), 6) for _ in range(4)]  # of the same keys
    for desk in desks:
        desk.start()
    for desk in desks:
        desk.join(120)
        assert [refusal.errors for refusal in desk.refusals] == []
    assert all(desk.receipts == desks[0].receipts for desk in desks)
    check_book(desks[0].cli, 6)
    assert settings_of(bouncer) == as_they_were
