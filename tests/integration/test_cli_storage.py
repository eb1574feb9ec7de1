"""Trouble with the database: a clear error, exit status 6, and nothing changed."""

import os
import shutil
import sqlite3
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest

from cli_driver import OK, PROGRAM, STORAGE, TIMEOUT_S, USAGE, Cli, Result, batch, need, statuses, two_orders

NOBODY = 65534


@pytest.fixture
def placed(cli):
    """A folder with a batch in its database."""
    cli.place(two_orders(), "--idempotency-key", "k").expect(OK)
    return cli


def test_a_locked_database_is_busy_after_a_bounded_wait_and_may_be_called_again(placed):
    other = sqlite3.connect(placed.folder / "orchestrator.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    error = placed.place(batch(), "--busy-timeout-ms", 200, "--idempotency-key", "n").refusal(STORAGE, "storage_busy")
    assert error["retryable"] is True and error["in_doubt"] is False
    other.execute("ROLLBACK")
    other.close()
    placed.place(batch(), "--idempotency-key", "n").expect(OK)
    assert statuses(placed) == ["acked"] * 3


def test_a_reader_does_not_wait_for_a_writer(placed):
    other = sqlite3.connect(placed.folder / "orchestrator.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert statuses(placed, "--busy-timeout-ms", 200) == ["acked", "acked"]
    other.close()


def test_a_corrupt_database_is_said_to_be_corrupt_and_left_alone(placed):
    path = placed.folder / "orchestrator.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    for name in ("-wal", "-shm"):
        Path(str(path) + name).unlink(missing_ok=True)
    content = bytearray(path.read_bytes())
    content[100:] = bytes(byte ^ 0x5A for byte in content[100:])
    path.write_bytes(content)
    placed.place(batch()).refusal(STORAGE, "storage_corrupt")
    assert path.read_bytes()[100:200] == bytes(content[100:200])


@pytest.mark.parametrize("content", [b"not a database at all, but long enough to be looked at " * 40,
                                     b"SQLite format 3\x00" + b"\xff" * 5000], ids=["text", "bad header"])
def test_a_file_that_is_no_database_is_left_alone(cli, content):
    path = cli.folder / "orchestrator.db"
    path.write_bytes(content)
    cli.place(batch()).expect(STORAGE)
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_left_alone(cli):
    path = cli.folder / "orchestrator.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    connection.close()
    before = path.read_bytes()
    cli.place(batch()).refusal(STORAGE, "foreign_database")
    assert path.read_bytes() == before


def test_a_newer_schema_is_refused_with_what_to_do(placed):
    with sqlite3.connect(placed.folder / "orchestrator.db") as connection:
        connection.execute("INSERT INTO schema_migrations (version, name, checksum) VALUES (9999, 'later', 'x')")
        connection.execute("PRAGMA user_version = 9999")
    connection.close()
    for command in (("order", "list"), ("migrate", "up"), ("migrate", "down")):
        error = placed.run(*command, "--json").refusal(STORAGE, "schema_too_new")
        assert "9999" in error["message"]


def test_a_changed_migration_is_noticed(placed):
    with sqlite3.connect(placed.folder / "orchestrator.db") as connection:
        connection.execute("UPDATE schema_migrations SET checksum = 'tampered' WHERE version = 1")
    connection.close()
    placed.run("order", "list", "--json").expect(STORAGE)


@pytest.mark.parametrize("name", ["orchestrator.db", "orchestrator.db-wal", "orchestrator.db.lock",
                                  "orchestrator.db.brokers", "orchestrator.db.brokers.lock", "link", "notes.txt"])
def test_no_file_but_an_events_file_is_taken_for_one(placed, name):
    (placed.folder / "notes.txt").write_text("one line\nand the beginning of a second")
    os.link(placed.folder / "orchestrator.db", placed.folder / "link")
    path = placed.folder / name
    before = path.read_bytes() if path.exists() else b""
    for events_file in (name, f"./{name}", path):
        placed.run("event", "publish", "--events-file", events_file, "--json").refusal(USAGE, "configuration")
    assert (path.read_bytes() if path.exists() else b"") == before
    assert statuses(placed) == ["acked", "acked"]


def test_a_device_is_no_events_file(cli):
    cli.run("event", "publish", "--events-file", "/dev/full", "--json").refusal(USAGE, "configuration")


def test_the_mock_brokers_files_are_private_to_their_owner(placed):
    files = list(placed.folder.glob("orchestrator.db.brokers*"))
    assert {path.name for path in files} >= {"orchestrator.db.brokers", "orchestrator.db.brokers.lock"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_a_folder_that_does_not_exist_is_named(cli):
    error = cli.run("order", "list", "--database-url", "sqlite:///no/such/folder/o.db", "--json")
    assert "no/such/folder/o.db" in error.refusal(STORAGE, "storage_unavailable")["message"]


# --- permissions: as a user without any, in a folder that anybody may enter ---


@pytest.fixture
def open_folder():
    need(PROGRAM)
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    shutil.copy(PROGRAM, folder / "program")
    yield folder
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir():
            path.chmod(0o755)
    shutil.rmtree(folder)


def run_unprivileged(cli, *arguments, stdin=""):
    """Root may write anywhere, so that a test as root steps down first."""
    prefix = []
    if os.geteuid() == 0:
        prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    done = subprocess.run([*prefix, *cli.command(*arguments)], input=stdin.encode(), cwd=cli.folder, capture_output=True,
                          env=cli.environment, timeout=TIMEOUT_S, check=False)
    return Result(done, arguments)


def make_read_only(folder):
    for path in folder.iterdir():
        if path.name != "program":
            path.chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)
    folder.chmod(0o555)


def test_a_read_only_database_takes_no_orders(open_folder):
    cli = Cli(open_folder, open_folder / "program")
    cli.place(two_orders()).expect(OK)
    make_read_only(open_folder)
    done = run_unprivileged(cli, "place", "-", "--json", stdin=two_orders()).expect(STORAGE)
    assert done.json["error"]["code"] in ("storage_read_only", "permission_denied")
    open_folder.chmod(0o755)
    for path in open_folder.iterdir():
        path.chmod(0o755 if path.name == "program" else 0o644)
    assert statuses(cli) == ["acked", "acked"]


def test_a_database_without_permission_to_read_is_said_to_be_that(open_folder):
    cli = Cli(open_folder, open_folder / "program")
    cli.place(two_orders()).expect(OK)
    for path in open_folder.glob("orchestrator.db*"):
        path.chmod(0)
    done = run_unprivileged(cli, "order", "list", "--json").expect(STORAGE)
    assert done.json["error"]["code"] in ("permission_denied", "storage_read_only")
    assert "orchestrator.db" in done.json["error"]["message"]


def test_a_folder_without_permission_to_write_gets_no_database(open_folder):
    cli = Cli(open_folder, open_folder / "program")
    open_folder.chmod(0o555)
    done = run_unprivileged(cli, "place", "-", "--json", stdin=two_orders()).expect(STORAGE)
    assert done.json["error"]["code"] in ("permission_denied", "storage_read_only", "storage_unavailable")


def test_an_input_file_without_permission_is_named(open_folder):
    cli = Cli(open_folder, open_folder / "program")
    secret = open_folder / "secret.json"
    secret.write_text(two_orders())
    secret.chmod(0)
    done = run_unprivileged(cli, "place", "secret.json", "--json").expect(2)
    assert "secret.json" in done.json["error"]["message"]


# --- a full disk: a small file system of our own ---


def on_a_small_disk(script, folder):
    """Runs a shell script in which $disk is a file system of 1 MB that exists for this script only."""
    disk = folder / "disk"
    disk.mkdir()
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    mount = f'mount -t tmpfs -o size=1m none "{disk}" && cd "{disk}"'
    def probe_with(command):
        return subprocess.run([*command, "sh", "-c", mount], capture_output=True, text=True, check=False)
    probe = probe_with(unshare)
    if probe.returncode != 0:  # in a chroot the root is no mount point whose propagation could be changed
        unshare += ["--propagation", "unchanged"]
        probe = probe_with(unshare)
    if probe.returncode != 0:
        pytest.skip(f"no file system of our own can be mounted here: {probe.stderr.strip()}")
    return subprocess.run([*unshare, "sh", "-c", f"{mount} && {script}"], capture_output=True, text=True,
                          timeout=TIMEOUT_S, check=False, env=Cli(folder).environment)


def test_a_full_disk_refuses_the_batch_and_goes_on_when_there_is_room(cli):
    (cli.folder / "two.json").write_text(two_orders())
    place = f'"{cli.program}" place "{cli.folder}/two.json" --json'
    done = on_a_small_disk(
        f"{place} --idempotency-key first >/dev/null || exit 90; "
        "dd if=/dev/zero of=filler bs=1k >/dev/null 2>&1; "
        f"{place} --idempotency-key second; status=$?; rm filler; "
        f"{place} --idempotency-key second >/dev/null || exit 91; "
        f'"{cli.program}" order list --json || exit 92; exit $status', cli.folder)
    refused, listed = (Result.__new__(Result) for _ in range(2))
    refused.text, listed.text = [line + "\n" for line in done.stdout.splitlines()]
    assert refused.json["error"]["code"] == "storage_full", done.stdout + done.stderr
    assert refused.json["error"]["retryable"] is True
    assert [row["status"] for row in listed.json["orders"]] == ["acked"] * 4
    assert done.returncode == STORAGE
