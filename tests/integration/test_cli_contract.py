"""What scripts and people rely on for every command: pure JSON, stable exit statuses, help with an example, completion,
and settings that say where they came from."""

import os
import pty
import re
import shutil
import sqlite3
import subprocess
import threading

import pytest

from cli_driver import (BROKER, CONFLICT, DATA, HALTED, NOT_FOUND, OK, REFUSED, ROOT, STORAGE, USAGE, batch, order,
                        statuses, two_orders)

# Every command, in an order in which each finds what it needs, with its exit status.
COMMANDS = [
    (("migrate", "up"), OK),
    (("migrate", "status"), OK),
    (("place", DATA / "two_orders.json", "--idempotency-key", "k"), OK),
    (("place", DATA / "two_orders.json", "--idempotency-key", "k"), OK),
    (("place", DATA / "two_orders.json", "--dry-run"), OK),
    (("place", DATA / "bad_orders.csv", "--portfolio-id", "1"), REFUSED),
    (("order", "get", "1"), OK),
    (("order", "get", "77"), NOT_FOUND),
    (("order", "list", "--limit", "1"), OK),
    (("order", "fill", "1", "--price", "2500", "--qty", "100"), OK),
    (("order", "replace", "2", "--qty", "60"), OK),
    (("order", "cancel", "2"), OK),
    (("order", "cancel", "2"), CONFLICT),
    (("order", "resolve", "2", "--rejected", "--by", "a", "--reason", "b"), CONFLICT),
    (("batch", "get", "1"), OK),
    (("batch", "list"), OK),
    (("batch", "cancel", "1"), OK),
    (("reconcile", "1"), OK),
    (("reconcile", "1", "--broker"), OK),
    (("settle", "--as-of", "2099-01-05"), OK),
    (("recover",), OK),
    (("broker", "list"), OK),
    (("broker", "set", "alpaca-mock", "--config", "{}"), OK),
    (("broker", "disable", "alpaca-mock"), OK),
    (("broker", "enable", "alpaca-mock"), OK),
    (("broker", "orders", "alpaca-mock"), OK),
    (("broker", "orders", "nobody"), BROKER),
    (("event", "list"), OK),
    (("event", "follow", "--limit", "1"), OK),
    (("event", "publish"), USAGE),
    (("event", "publish", "--events-file", "events.jsonl"), OK),
    (("instrument", "import", DATA / "instruments_kite.csv"), OK),
    (("instrument", "list", "738561"), OK),
    (("limit", "set", "1", "--margin-available", "1000000"), OK),
    (("limit", "list"), OK),
    (("route", "add", "--broker", "alpaca-mock"), OK),
    (("route", "list"), OK),
    (("route", "remove", "1"), OK),
    (("calendar", "import", "NSE", DATA / "holidays_nse.txt"), OK),
    (("halt", "--reason", "drill"), OK),
    (("place", DATA / "two_orders.json"), HALTED),
    (("health",), HALTED),
    (("resume",), OK),
    (("health",), OK),
    (("completion", "bash"), OK),
    (("migrate", "down", "--yes"), OK),
    (("order", "list", "--database-url", "sqlite:////proc/no/such.db"), STORAGE),
]


@pytest.mark.parametrize("front", [True, False], ids=["json before the verb", "json behind the verb"])
def test_json_prints_exactly_one_document_whatever_happens(cli, front):
    for command, status in COMMANDS:
        words = ("--json", *command) if front else (*command, "--json")
        done = cli.run(*words).expect(status)
        document = done.json
        assert isinstance(document, dict), command
        assert ("error" in document) == (status not in (OK, HALTED) or (status == HALTED and command[0] == "place"))
        if status == OK:
            assert "error:" not in done.errors, command


def test_without_json_results_go_to_standard_output_and_words_to_standard_error(cli):
    for command, status in COMMANDS:
        done = cli.run(*command).expect(status)
        if status == OK:
            assert done.text.endswith("\n"), command
            assert "\x1b" not in done.text + done.errors, "no colour unless a terminal reads it"
            assert not any(line != line.rstrip() for line in done.text.splitlines()), command
        elif command[0] != "health":
            assert done.text == "" and done.errors.startswith("error: "), command


def help_of(cli, path):
    return cli.ok(*path, "--help").text


def verbs_of(text):
    """The words of the section that lists subcommands."""
    section = re.split(r"(?im)^subcommands:\s*$", text)
    if len(section) < 2:
        return []
    block = re.split(r"\n\s*\n", section[1])[0]
    return [line.split()[0] for line in block.splitlines() if re.match(r" {2}\S", line)]


def all_commands(cli):
    for noun in verbs_of(help_of(cli, [])):
        verbs = verbs_of(help_of(cli, [noun]))
        yield from ([noun, verb] for verb in verbs) if verbs else [[noun]]


def test_every_command_has_help_with_an_example_of_itself(cli):
    commands = list(all_commands(cli))
    assert {" ".join(command) for command in commands} == {
        "place", "order get", "order list", "order cancel", "order replace", "order fill", "order resolve", "batch get",
        "batch list", "batch cancel", "reconcile", "settle", "recover", "halt", "resume", "health", "audit", "broker list",
        "broker set", "broker enable", "broker disable", "broker orders", "event list", "event follow", "event publish",
        "instrument import", "instrument list", "limit set", "limit list", "route add", "route list", "route remove",
        "calendar import", "migrate up", "migrate down", "migrate status", "copy", "completion"}
    for command in commands:
        text = help_of(cli, command)
        assert f"Example:\n  orchestrator {' '.join(command)}" in text, command
    assert "Example:\n  orchestrator " in help_of(cli, [])
    assert list(cli.folder.iterdir()) == [], "help touches no database"


def test_every_command_is_in_the_reference(cli):
    text = (ROOT / "docs" / "cli.md").read_text()
    for command in all_commands(cli):
        assert f"`{' '.join(command)}" in text, command


def test_exit_statuses_are_the_same_in_help_and_in_the_reference(cli):
    shown = dict(re.findall(r"^ +(\d+)  (.+)$", help_of(cli, []).split("Exit status:")[1], re.M))
    documented = dict(re.findall(r"^\| (\d+) \| (.+?) \|", (ROOT / "docs" / "cli.md").read_text(), re.M))
    assert shown == documented and sorted(map(int, shown)) == list(range(12))


def test_settings_are_the_same_in_help_in_the_reference_and_in_the_example_file(cli):
    names = r"(?:ORCHESTRATOR|KAFKA)_[A-Z_]+|DATABASE_URL|REDIS_URL"
    variables = set(re.findall(rf"\b({names})\b", help_of(cli, [])))
    assert len(variables) >= 19
    documented = set(re.findall(rf"^\| (?:`--[a-z-]+`|\(no option\)).*?`({names})`",
                                (ROOT / "docs" / "cli.md").read_text(), re.M))
    example = set(re.findall(rf"^#?({names})=", (ROOT / ".env.example").read_text(), re.M))
    assert variables == documented == example


def test_the_example_settings_file_is_valid_and_holds_the_defaults(cli):
    text = (ROOT / ".env.example").read_text()
    (cli.folder / ".env").write_text(re.sub(r"(?m)^#(?=[A-Z_]+=)", "", text))
    cli.place(two_orders()).expect(OK)
    assert (cli.folder / "orchestrator.db").exists() and (cli.folder / "orchestrator.db.brokers").exists()


def test_version_is_that_of_the_library(cli):
    text = (ROOT / "include/orchestrator/version.hpp").read_text()
    version = re.search(r'#define ORCHESTRATOR_VERSION "(.+)"', text).group(1)
    assert cli.ok("--version").text == f"orchestrator {version}\n"


# --- completion ---


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_valid_and_know_every_command(cli, shell):
    script = cli.ok("completion", shell).text
    for command in all_commands(cli):
        assert command[-1] in script
    assert "--idempotency-key" in script or "-l idempotency-key" in script
    if shutil.which(shell):  # bash is everywhere; the other two are checked where they are
        checker = "-n" if shell != "fish" else "--no-execute"
        done = subprocess.run([shell, checker], input=script, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("line,wanted,unwanted", [
    ("orchestrator ord", ["order"], ["place"]),
    ("orchestrator order ", ["get", "list", "fill"], ["place"]),
    ("orchestrator --json order list --st", ["--status"], ["--side"]),
    ("orchestrator order resolve --no", ["--not-placed"], []),
    ("orchestrator order list --js", ["--json"], []),
    ("orchestrator --dat", ["--database-url"], ["place"]),
    ("orchestrator order get 17 x", [], ["get"]),
])
def test_bash_completes(cli, line, wanted, unwanted):
    words = line.split(" ")
    script = cli.ok("completion", "bash").text + (
        f"COMP_WORDS=({' '.join(word or chr(34) * 2 for word in words)}); COMP_CWORD={len(words) - 1}\n"
        '_orchestrator; printf "%s\\n" "${COMPREPLY[@]}"\n')
    done = subprocess.run(["bash"], input=script, text=True, capture_output=True, check=True)
    offered = done.stdout.split()
    assert set(wanted) <= set(offered) and not set(unwanted) & set(offered), done.stdout + done.stderr


# --- settings ---


def test_option_beats_environment_beats_file_beats_default(cli):
    (cli.folder / ".env").write_text("DATABASE_URL=sqlite:///file.db\n")
    cli.ok("migrate", "up")
    cli.ok("migrate", "up", DATABASE_URL="sqlite:///environment.db")
    cli.ok("migrate", "up", "--database-url", "sqlite:///option.db", DATABASE_URL="sqlite:///environment.db")
    (cli.folder / ".env").unlink()
    cli.ok("migrate", "up")
    names = {path.name for path in cli.folder.glob("*.db")}
    assert names == {"file.db", "environment.db", "option.db", "orchestrator.db"}


def test_the_settings_file_knows_quotes_comments_and_export(cli):
    (cli.folder / ".env").write_bytes(
        b"\xef\xbb\xbf# comment\r\n\r\n  export DATABASE_URL = ignored\r\n".replace(b" = ignored", b"='sqlite:///a # b.db'")
        + b'ORCHESTRATOR_EVENTS_FILE="ev\\"ents.jsonl" # comment\r\nORCHESTRATOR_STRICT=on # comment\r\nOTHER_TOOL=x\r\n')
    cli.place(batch(order(7))).refusal(REFUSED, "validation_failed")
    cli.place(batch(order(7)), "--no-strict").expect(OK)
    assert (cli.folder / "a # b.db").exists() and (cli.folder / 'ev"ents.jsonl').exists()


@pytest.mark.parametrize("text,line", [
    ("A=1\nDATABASE_URL\n", 2), ("1A=2\n", 1), ("A B=2\n", 1), ("A='x\n", 1), ('A="x\\y"\n', 1), ('A="x" y\n', 1),
    ("A=1\n\nA=2\n", 3), ("=x\n", 1),
    ("A=1\nORCHESTRATOR_TENANT=a\0b\n", 2), ("# a\0b\n", 1),
])
def test_a_bad_line_of_the_settings_file_is_named_and_its_value_is_not(cli, text, line):
    (cli.folder / ".env").write_text(text)
    error = cli.run("health", "--json").refusal(USAGE, "configuration")
    assert f".env line {line}:" in error["message"]


def test_a_bad_setting_is_named_with_its_source_and_without_its_value(cli):
    secret = "s3cret-value"
    error = cli.run("health", "--json", ORCHESTRATOR_LEASE_MS=secret).refusal(USAGE, "configuration")
    assert "environment variable ORCHESTRATOR_LEASE_MS" in error["message"] and secret not in error["message"]
    error = cli.run("health", "--json", "--lease-ms", secret).refusal(USAGE, "configuration")
    assert "--lease-ms" in error["message"] and secret not in error["message"]
    (cli.folder / ".env").write_text(f"\nORCHESTRATOR_LEASE_MS={secret}\n")
    error = cli.run("health", "--json").refusal(USAGE, "configuration")
    assert ".env line 2" in error["message"] and secret not in error["message"]
    (cli.folder / ".env").write_text(f"DATABASE_URL=mysql://user:{secret}@host/db\n")
    done = cli.run("health", "--json").expect(USAGE)
    assert secret not in done.text + done.errors


def test_settings_reach_the_library(cli):
    cli.place(batch(order(7)), ORCHESTRATOR_STRICT="1").refusal(REFUSED, "validation_failed")
    cli.place(batch(order(), order()), ORCHESTRATOR_DUPLICATES="refuse").refusal(REFUSED, "validation_failed")
    cli.place(batch(order(), order()), ORCHESTRATOR_MAX_ORDERS="1").refusal(REFUSED, "limit_exceeded")
    cli.place(batch(order()), ORCHESTRATOR_MAX_QUANTITY="99").refusal(REFUSED, "validation_failed")
    cli.place(batch(order()), ORCHESTRATOR_MAX_DEPTH="2").expect(USAGE)
    assert statuses(cli) == []
    receipt = cli.place(batch(order()), "--deployment", "z9", "--event-source", "/desk/7").expect(OK).json
    assert receipt["orders"][0]["client_order_id"].startswith("z9")
    assert {event["source"] for event in cli.json("event", "list", "--event-source", "/desk/7")["events"]} == {"/desk/7"}
    cli.ok("instrument", "import", DATA / "instruments_kite.csv")
    far = batch(order(738561, price_limit=2000))
    cli.place(far, ORCHESTRATOR_PRICE_COLLAR="0.1").refusal(REFUSED, "validation_failed")
    cli.place(far).expect(OK)
    again = batch(order(738561, price_limit=2000))
    cli.place(again, ORCHESTRATOR_DUPLICATES="refuse", ORCHESTRATOR_DUPLICATE_WINDOW_S="3600").refusal(
        REFUSED, "validation_failed")
    expired = cli.place(again, "--idempotency-key", "k", ORCHESTRATOR_IDEMPOTENCY_TTL_S="1").expect(OK)
    assert expired.json["batch_id"] == 3


# --- terminals ---


class Terminal:
    """The program with standard output and standard error on a terminal."""

    def __init__(self, cli, *arguments, **environment):
        self.end, theirs = pty.openpty()
        self.process = subprocess.Popen(cli.command(*arguments), cwd=cli.folder, stdin=subprocess.DEVNULL,
                                        stdout=theirs, stderr=theirs, env={**cli.environment, **environment})
        os.close(theirs)
        self.watchdog = threading.Timer(60, self.process.kill)
        self.watchdog.start()
        self.shown = b""

    def read(self):
        """False at the end."""
        try:
            chunk = os.read(self.end, 65536)
        except OSError:  # the other end is closed
            chunk = b""
        self.shown += chunk
        return bool(chunk)

    def finish(self):
        while self.read():
            pass
        os.close(self.end)
        assert self.process.wait() == OK, self.shown
        self.watchdog.cancel()
        return self.shown.decode()


def test_colour_appears_on_a_terminal_and_not_with_no_color(cli):
    cli.place(two_orders()).expect(OK)
    cli.ok("order", "fill", 1, "--price", 2500, "--qty", 100)
    assert "\x1b[32mfilled\x1b[0m" in Terminal(cli, "order", "list").finish()
    assert "\x1b" not in Terminal(cli, "order", "list", NO_COLOR="1").finish()
    assert "\x1b" not in Terminal(cli, "order", "list", "--json").finish()


def test_long_work_shows_a_sign_of_life_on_a_terminal_and_takes_it_away(cli):
    cli.ok("migrate", "up")
    other = sqlite3.connect(cli.folder / "orchestrator.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # the import waits for as long as we like
    terminal = Terminal(cli, "instrument", "import", DATA / "instruments_kite.csv", "--busy-timeout-ms", 60_000)
    while b"importing instruments [" not in terminal.shown:
        assert terminal.read(), terminal.shown
    other.execute("ROLLBACK")
    other.close()
    shown = terminal.finish()
    assert shown.rsplit("\x1b[K", 1)[1].endswith("imported 50 instruments\r\n")
