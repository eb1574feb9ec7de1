"""The servers answer, obey ctl, and never outlive the run that started them."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from kafka_server import broker_count

HERE = Path(__file__).resolve().parent
RUN = str(HERE / "run")
CTL = str(HERE / "ctl")
SECONDS_MAX = 90

pytestmark = pytest.mark.slow


def need_program(name):
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")


# bash does not end at a failing `! command`.
FAILS = 'fails() { if "$@" 2>/dev/null; then echo "succeeds: $*"; exit 99; fi; }\n'


def run_own(names, script, **environment):
    """A shell script with servers of its own: the ones shared with other tests stay as they are."""
    return subprocess.run([RUN, "--own", "--only", names, "bash", "-euc", FAILS + script], capture_output=True, text=True,
                          timeout=SECONDS_MAX, check=False, env={**os.environ, "CTL": CTL, **environment})


def all_or_skip(done):
    if "servers: no " in done.stderr:
        pytest.skip(next(line for line in done.stderr.splitlines() if line.startswith("servers: no ")))
    return done


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(condition):
    give_up = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.02)


# --- the servers that all tests share -------------------------------------------------------------------------------

def test_postgres_answers(postgres_url):
    need_program("psql")
    done = subprocess.run(["psql", "-X", "-At", "-d", postgres_url, "-c", "select 6 * 7"], capture_output=True,
                          text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("42\n", "")


def test_redis_answers(redis_url):
    need_program("redis-cli")
    done = subprocess.run(["redis-cli", "--no-auth-warning", "-u", redis_url, "ping"], capture_output=True, text=True,
                          timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("PONG\n", "")


def test_kafka_answers(kafka_address):
    assert broker_count(kafka_address.split(",")[0]) >= 1


# --- ctl ------------------------------------------------------------------------------------------------------------

POSTGRES = 'psql() { command psql -X -q -At -d "$ORCHESTRATOR_TEST_POSTGRES_URL" -c "$1"; }\n'
REDIS = 'redis() { redis-cli --no-auth-warning -u "$ORCHESTRATOR_TEST_REDIS_URL" "$@"; }\n'


@pytest.mark.parametrize("verb", ["kill", "stop"])
def test_postgres_returns_with_what_was_committed(verb):
    need_program("psql")
    done = all_or_skip(run_own("postgres", POSTGRES + f"""
        psql 'create table kept (n integer); insert into kept values (1)'
        command psql -X -q -d "$ORCHESTRATOR_TEST_POSTGRES_URL" -c 'begin; select pg_sleep(600)' 2>/dev/null & busy=$!
        until [ "$(psql "select count(*) from pg_stat_activity where wait_event = 'PgSleep'")" = 1 ]; do :; done
        "$CTL" {verb} postgres
        fails psql 'select 1'
        fails wait $busy
        "$CTL" start postgres
        psql 'select n from kept'"""))
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr


@pytest.mark.parametrize("verb", ["kill", "stop"])
def test_redis_returns_empty(verb):
    need_program("redis-cli")
    done = all_or_skip(run_own("redis", REDIS + f"""
        redis set key value
        "$CTL" {verb} redis
        "$CTL" start redis
        redis dbsize"""))
    assert (done.returncode, done.stdout) == (0, "OK\n0\n"), done.stderr


@pytest.mark.parametrize("verb", ["kill", "stop"])
def test_kafka_returns_on_the_same_port(verb):
    done = all_or_skip(run_own("kafka", f"""
        ask() {{ "$PYTHON" -B -c 'import os, kafka_server
print(kafka_server.broker_count(os.environ["ORCHESTRATOR_TEST_KAFKA"]))'; }}
        ask
        "$CTL" {verb} kafka
        fails ask
        "$CTL" start kafka
        ask""", PYTHON=sys.executable, PYTHONPATH=str(HERE)))
    assert (done.returncode, done.stdout) == (0, "1\n1\n"), done.stderr


def test_a_paused_server_is_silent_until_it_is_resumed():
    need_program("redis-cli")
    need_program("psql")
    done = all_or_skip(run_own("redis,postgres", REDIS + POSTGRES + """
        stopped_children() {
          cat /proc/[0-9]*/stat 2>/dev/null | awk -v parent="$1" '$3 == "T" && $4 == parent { print $1 }'
        }
        "$CTL" pause redis
        redis ping & pinged=$!
        "$CTL" pause postgres
        servers=$(stopped_children $PPID)
        [ $(wc -w <<<"$servers") = 2 ]
        [ $(for server in $servers; do stopped_children $server; done | wc -l) -ge 4 ]
        echo silent
        "$CTL" resume redis
        wait $pinged
        "$CTL" resume postgres
        psql 'select 1'"""))
    assert (done.returncode, done.stdout) == (0, "silent\nPONG\n1\n"), done.stderr


@pytest.mark.parametrize("request_, reply", [
    ("start redis", "redis is running already"), ("kill kafka", "kafka was not started here, so it is left alone"),
    ("shake redis", "no such request: shake redis"), ("kill mysql", "no such request: kill mysql")])
def test_a_request_that_makes_no_sense_is_refused(request_, reply):
    done = all_or_skip(run_own("redis", f'"$CTL" {request_}'))
    assert done.returncode == 1 and f"ctl: {reply}\n" in done.stderr


# --- nothing is left behind -----------------------------------------------------------------------------------------

PRINT = 'echo "$ORCHESTRATOR_TEST_SERVERS $ORCHESTRATOR_TEST_REDIS_URL"; '


def where(line):
    """The run's folder, and the port of its Redis."""
    folder, _, url = line.strip().partition(" ")
    if not url:
        pytest.skip("Redis does not run here")
    return Path(folder), urlsplit(url).port


@pytest.mark.parametrize("end, status", [("exit 7", 7), ("kill -9 $$", 137), ('"$CTL" pause redis', 0)])
def test_the_servers_end_with_the_command_and_its_status_is_handed_on(end, status):
    done = all_or_skip(run_own("redis", PRINT + end))
    folder, port = where(done.stdout)
    assert done.returncode == status
    assert not folder.exists() and not is_open(port)


@pytest.mark.parametrize("number, leaves_folder", [(signal.SIGTERM, False), (signal.SIGINT, False),
                                                   (signal.SIGKILL, True)])
def test_the_servers_end_when_the_run_is_killed(number, leaves_folder):
    command = [RUN, "--own", "--only", "redis", "bash", "-c", PRINT + "exec sleep 600"]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        folder, port = where(run.stdout.readline())
        assert is_open(port)
        if number == signal.SIGINT:
            os.killpg(run.pid, number)  # as the terminal does
        else:
            run.send_signal(number)
        assert run.wait(60) == (-9 if number == signal.SIGKILL else 128 + number)
        wait_until(lambda: not is_open(port))
        assert folder.exists() == leaves_folder
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)  # the command too, which nobody waits for if its run was killed
        run.stdout.close()
    if leaves_folder:
        assert run_own("redis", "true").returncode == 0
        assert not folder.exists()  # the next run has removed it


# --- what is not started --------------------------------------------------------------------------------------------

def test_a_server_that_the_user_names_is_left_to_him():
    done = subprocess.run([RUN, "--only", "redis", "bash", "-c", 'echo "$ORCHESTRATOR_TEST_REDIS_URL"'],
                          capture_output=True, text=True, timeout=SECONDS_MAX, check=False,
                          env={**os.environ, "ORCHESTRATOR_TEST_REDIS_URL": "redis://elsewhere"})
    assert (done.stdout, done.stderr) == ("redis://elsewhere\n", "")


def test_a_server_that_is_not_installed_is_missing_with_a_reason(tmp_path):
    (tmp_path / "bash").symlink_to(shutil.which("bash"))
    done = run_own("redis,kafka", 'echo "$ORCHESTRATOR_TEST_REDIS_MISSING"; echo "$ORCHESTRATOR_TEST_KAFKA_MISSING"',
                   PATH=str(tmp_path))
    assert done.returncode == 0
    assert done.stdout == ("no redis-server: install Redis (Debian: redis-server)\n"
                           "no java: install a runtime of version 17 or later (Debian: default-jre-headless)\n")
