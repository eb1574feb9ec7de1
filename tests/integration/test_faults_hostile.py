"""Hostile input: numbers that are none, bodies built to exhaust memory, and texts meant for other programs. Each is
refused with the field named, or kept and shown exactly as it came; nothing else happens."""

import json
import resource
import sqlite3
import subprocess

import pytest

from cli_driver import FAILPOINTS_PROGRAM, OK, REFUSED, TIMEOUT_S, USAGE, Cli, Result, batch, need, order, statuses

# --- numbers ---

NUMBERS = ["NaN", "nan", "-NaN", "Infinity", "-Infinity", "inf", "-0", "-0.0", "1e309", "1e-30", "1E5", "1e2",
           "9223372036854775808", "18446744073709551616", "9" * 40, "0." + "0" * 39 + "1", "0.0000000001", "100 ", " 100",
           "100\t", "100\n", "+100", ".5", "5.", "00", "0100", "1,5", "1_000", "0x64", "1/2", "--1", "१००", "１００", "∞",
           "100\u00a0", "'; DROP TABLE orders; --", "%d", ""]
FIELDS = {"qty": "qty", "price_limit": "price", "stop_price": "stop_price"}


def body_with(field, text):
    """A batch whose one order has this text for a number, as it stands or in quotes."""
    good = {"instrument_id": 1, "side": "BUY", "qty": 100, "price_limit": 2500, "stop_price": 2500,
            "order_type": "stop_limit", field: "@"}
    return json.dumps({"portfolio_id": 1, "orders": [good]}).replace('"@"', text)


def nothing_was_made(cli):
    return not list(cli.folder.glob("*.db*")) or statuses(cli) == []


@pytest.mark.parametrize("field", FIELDS)
def test_a_number_that_is_none_is_refused_by_its_field(cli, field):
    for number in NUMBERS:
        quoted = cli.place(body_with(field, json.dumps(number))).refusal(REFUSED, "validation_failed")
        assert [row["code"] for row in quoted["violations"]] == [f"{FIELDS[field]}.invalid_decimal"], number
        assert quoted["violations"][0]["field"] == field and quoted["violations"][0]["order_index"] == 0
        if number.strip(" \t\n") == "100":
            continue  # blanks around a number are JSON's own
        error = cli.place(body_with(field, number)).expect(REFUSED).json["error"]
        if error["code"] == "validation_failed":
            assert [row["field"] for row in error["violations"]] == [field], number
        else:
            assert error["code"] == "invalid_json" and "line 1" in error["message"], number
    assert nothing_was_made(cli)


@pytest.mark.parametrize("field", FIELDS)
def test_a_number_that_is_none_is_refused_in_a_basket_too(cli, field):
    names = ["instrument_id", "side", "qty", "price_limit", "stop_price", "order_type"]
    for number in NUMBERS:
        if number == "" and field != "qty":
            continue  # an empty field is left out
        row = {"instrument_id": "1", "side": "BUY", "qty": "100", "price_limit": "2500", "stop_price": "2500",
               "order_type": "stop_limit", field: number}
        text = ",".join(names) + "\n" + ",".join('"' + row[name].replace('"', '""') + '"' for name in names) + "\n"
        done = cli.run("place", "-", "--format", "csv", "--portfolio-id", 1, "--json", stdin=text)
        error = done.expect(REFUSED).json["error"]
        assert [violation["field"] for violation in error["violations"]] == [field], (number, error)
    assert nothing_was_made(cli)


def test_a_number_that_is_none_is_refused_as_an_option_too(cli):
    cli.place(batch(order())).expect(OK)
    for number in NUMBERS:
        for command in (("order", "fill", 1, "--price", 2500, f"--qty={number}"),
                        ("order", "fill", 1, f"--price={number}", "--qty", 1),
                        ("order", "replace", 1, f"--qty={number}"),
                        ("limit", "set", 1, f"--max-quantity={number}")):
            done = cli.run(*command, "--json")
            assert done.status in (USAGE, REFUSED), (command, done.text)
            assert done.json["error"]["code"] in ("invalid_argument", "invalid_decimal", "number_overflow"), command
    shown = cli.json("order", "get", 1)
    assert (shown["status"], shown["qty"], shown["fill_qty"]) == ("acked", 100, 0)


@pytest.mark.parametrize("number", ["9223372036854775808", "-9223372036854775809", "9" * 40, "1e3", "1.5", "-1", "0",
                                    "true", '"1"', "[1]", "NaN"])
def test_an_id_that_is_none_is_refused_by_its_field(cli, number):
    for field, text in (("instrument_id", json.dumps(batch(order(instrument_id="@")))),
                        ("portfolio_id", json.dumps(batch(order(), portfolio_id="@"))),
                        ("user_id", json.dumps(batch(order(), user_id="@")))):
        error = cli.place(text.replace('"@"', number)).expect(REFUSED).json["error"]
        if error["code"] == "validation_failed":
            assert [row["field"] for row in error["violations"]] == [field]
        else:
            assert error["code"] == "invalid_json"
    assert nothing_was_made(cli)


# --- size ---

BODY_MAX = 16 * 1024 * 1024
# All that the program writes to, the body and itself included.
MEMORY_MAX = 4 * BODY_MAX


def limited(cli, memory, *arguments, stdin=b""):
    """Runs the program with so much memory, and no more than a minute of work."""
    def lower():
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
    done = subprocess.run(cli.command(*arguments), input=stdin, cwd=cli.folder, capture_output=True, env=cli.environment,
                          timeout=TIMEOUT_S, check=False, preexec_fn=lower)
    return Result(done, arguments)


def skip_if_memory_cannot_be_limited(cli):
    if limited(cli, 2 * BODY_MAX, "--version").status != OK:
        pytest.skip("this build needs more memory to start (a sanitizer's)")


ORDER = b'{"instrument_id":1,"qty":1,"side":"BUY","price_limit":1}'
HUGE = {
    "a million orders": b'{"portfolio_id":1,"orders":[' + b",".join([ORDER] * 1_000_000) + b"]}",
    "as many orders as fit": b'{"portfolio_id":1,"orders":[' + b",".join([ORDER] * (BODY_MAX // 60)) + b"]}",
    "one long string": b'{"portfolio_id":1,"orders":[{"instrument_id":1,"qty":1,"side":"' + b"B" * (BODY_MAX - 100) + b'"}]}',
    "one long key": b'{"' + b"k" * (BODY_MAX - 100) + b'":1}',
    "one long number": b'{"portfolio_id":' + b"1" * (BODY_MAX - 100) + b"}",
    "only opening": b"[" * (BODY_MAX - 1),
    "only opening objects": b'{"a":' * (BODY_MAX // 5 - 1),
    "empty orders": b'{"portfolio_id":1,"orders":[' + b",".join([b"{}"] * (BODY_MAX // 4)) + b"]}",
    "bad fields": b'{"portfolio_id":1,"orders":[{' + b",".join(b'"f%d":0' % n for n in range(1_000_000)) + b"}]}",
    "blanks": b" " * BODY_MAX,
    "line ends": b"\n" * (BODY_MAX - 1) + b"?",
    "blanks behind a value": b'{"portfolio_id":1' + b"\t" * (BODY_MAX - 100) + b"!",
    "just not too many line ends": b'{"a":[' + b"1," * (7 * BODY_MAX // 16) + b"\n" * 520_000 + b"?",
    "words": b'{"a":[' + b"null," * (BODY_MAX // 5 - 10) + b"!",
    "brackets": b'{"a":[' + b"[],\n" * (BODY_MAX // 4 - 10) + b"!",
    "escapes": b'{"portfolio_id":1,"orders":[{"side":"' + b"\\u0000" * (BODY_MAX // 6 - 20) + b'"}]}',
}


@pytest.mark.parametrize("name", HUGE)
def test_a_huge_body_is_refused_within_bounded_memory(cli, name):
    skip_if_memory_cannot_be_limited(cli)
    done = limited(cli, MEMORY_MAX, "place", "-", "--json", stdin=HUGE[name])
    error = done.expect(REFUSED).json["error"]
    assert error["code"] in ("limit_exceeded", "invalid_json", "validation_failed"), error
    assert len(error["message"]) < 1000 and len(error.get("violations", [])) <= 1000
    assert list(cli.folder.iterdir()) == []


def test_more_than_the_memory_holds_is_an_error_and_not_a_crash(cli):
    skip_if_memory_cannot_be_limited(cli)
    done = limited(cli, MEMORY_MAX, "place", "-", "--json", "--max-orders", 1_000_000, "--max-bytes", 100_000_000,
                   stdin=HUGE["a million orders"])
    assert done.status > 0, f"ended by signal {-done.status}"
    assert done.json["error"]["message"] and done.errors.startswith("error: ")
    assert nothing_was_made(cli)


# --- texts for other programs ---

TEXTS = ["'; DROP TABLE orders; --", '"; DROP TABLE orders; --', "x' OR '1'='1", "%s%n%x%99999d", "{0}{}%(a)s",
         "a\r\nSet-Cookie: b", "a\nb", "../../../../tmp/escaped", "/etc/passwd", "$(touch pwned)", "`touch pwned`", "| touch pwned",
         "=1+1", "<script>alert(1)</script>", "\u202egnirts", "\U0001f4a3", "NULL", "null", "\\", '\\"', "--help", "-1",
         "\x1b[2J", "a" * 5000]
VISIBLE = [text for text in TEXTS if all(" " < letter < "\x7f" for letter in text) and len(text) < 256]


def check_untouched(cli):
    database = sqlite3.connect(cli.folder / "orchestrator.db")
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert database.execute("SELECT count(*) FROM orders").fetchone()[0] >= 1
    database.close()
    lawful = ("orchestrator.db", "instruments.csv", "settings", "days.txt")
    assert all(path.name.startswith(lawful) for path in cli.folder.iterdir()), list(cli.folder.iterdir())


def test_reasons_names_and_tenants_are_kept_and_shown_as_they_came(cli):
    cli.place(batch(order())).expect(OK)
    for text in TEXTS:
        cli.ok("halt", "--reason=" + text)
        assert [row["reason"] for row in cli.run("health", "--json").json["halts"]] == [text]
        cli.ok("resume")
        placed = cli.place(batch(order()), "--tenant=" + text)
        if len(text) > 255:
            placed.refusal(USAGE, "invalid_argument")
        else:
            mine = cli.json("order", "list", "--tenant=" + text)["orders"]
            assert [row["batch_id"] for row in mine] == [placed.expect(OK).json["batch_id"]]
        (cli.folder / "days.txt").write_text("2026-01-26\n")
        assert cli.ok("calendar", "import", "--json", "--", text, "days.txt").json["calendar"] == text
        assert cli.json("order", "list", "--client-order-id=" + text)["orders"] == []
    check_untouched(cli)


def test_keys_are_kept_and_shown_as_they_came_or_refused(cli):
    for text in TEXTS:
        done = cli.place(batch(order()), "--idempotency-key=" + text)
        if text in VISIBLE:
            assert done.expect(OK).json["idempotency_key"] == text
            assert [row["idempotency_key"] for row in cli.json("batch", "list", "--idempotency-key=" + text)["batches"]] == [text]
        else:
            assert done.status in (USAGE, REFUSED), text
    assert len(cli.json("batch", "list")["batches"]) == len(VISIBLE)
    check_untouched(cli)


def test_symbols_of_an_instrument_file_are_kept_as_they_came_or_refused(cli):
    cli.place(batch(order())).expect(OK)
    for number, text in enumerate(TEXTS, start=10):
        quoted = '"' + text.replace('"', '""') + '"'
        (cli.folder / "instruments.csv").write_text(f"instrument_id,symbol\n{number},{quoted}\n", newline="")
        done = cli.run("instrument", "import", "instruments.csv", "--json")
        if done.status == OK:
            found = [row for row in cli.json("instrument", "list")["instruments"] if row["id"] == number]
            assert [row["symbol"] for row in found] == [text]
        else:
            done.refusal(REFUSED, "invalid_csv")
    check_untouched(cli)


def test_brokers_and_words_of_a_body_are_refused_by_their_field_and_never_used(cli):
    cli.place(batch(order())).expect(OK)
    for text in TEXTS:
        for field in ("broker", "side", "order_type", "time_in_force"):
            error = cli.place(batch(order(**{field: text}))).refusal(REFUSED, "validation_failed")
            assert [row["field"] for row in error["violations"]] == [field]
            assert "\x1b" not in error["message"] and "\n" not in error["message"]
        assert cli.run("broker", "set", "--json", "--", text).status != OK
    assert statuses(cli) == ["acked"]
    check_untouched(cli)


def test_a_decision_about_an_order_keeps_the_words_of_whoever_took_it(tmp_path):
    need(FAILPOINTS_PROGRAM)
    cli = Cli(tmp_path, FAILPOINTS_PROGRAM)
    cli.ok("broker", "set", "zerodha-mock", "--config", '{"quiet_period_ms": 1}')
    texts = [text for text in TEXTS if text]
    for number, text in enumerate(texts, start=1):
        cli.place(batch(order(broker="zerodha-mock")), ORCHESTRATOR_FAILPOINT="dispatch.before_send:1:kill")
        cli.ok("recover")
        cli.ok("order", "resolve", number, "--rejected", "--by=" + text, "--reason=" + text)
        resolved = [event for event in cli.json("event", "list", "--order", number)["events"]
                    if event["type"] == "order.resolved"]
        assert [event["data"]["reason"] for event in resolved] == [f"decided by {text}: {text}"]
    check_untouched(cli)
