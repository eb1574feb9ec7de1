"""Bad input gets a clear error, the right exit status, and nothing changes: no row, no order, and the key stays free."""

import json
import subprocess

import pytest

from cli_driver import DATA, OK, REFUSED, USAGE, Cli, batch, order, statuses, two_orders

GOOD = json.dumps(batch(order()))


def spelled(text, replacement):
    """The good body with one value respelled as JSON would not print it."""
    assert text in GOOD
    return GOOD.replace(text, replacement)


MALFORMED = {
    "empty": "",
    "blank": " \n",
    "word": "hello",
    "400 digits": spelled('"qty": 100', '"qty": ' + "9" * 400),
    "array": "[1, 2]",
    "null": "null",
    "truncated": GOOD[:-20],
    "two documents": GOOD + GOOD,
    "trailing comma": GOOD.replace("}]", "},]"),
    "single quotes": GOOD.replace('"', "'"),
    "comment": "/* now */" + GOOD,
    "NaN": spelled('"qty": 100', '"qty": NaN'),
    "Infinity": spelled('"qty": 100', '"qty": Infinity'),
    "minus infinity": spelled('"price_limit": 2500', '"price_limit": -Infinity'),
    "duplicate key": spelled('"qty": 100', '"qty": 100, "qty": 1'),
    "duplicate key, same value": spelled('"portfolio_id": 1', '"portfolio_id": 1, "portfolio_id": 1'),
    "duplicate key, escaped": spelled('"qty": 100', '"qty": 100, "q\\u0074y": 1'),
    "invalid UTF-8": GOOD.encode().replace(b"BUY", b"B\xff\xfeY"),
    "overlong UTF-8": GOOD.encode().replace(b"BUY", b"B\xc0\xaf"),
    "surrogate": spelled('"BUY"', '"\\ud800"'),
    "NUL": GOOD.encode().replace(b"BUY", b"B\x00Y"),
    "nesting 10,000 deep": "[" * 10_000 + "]" * 10_000,
    "nesting 10,000 deep inside": spelled('"BUY"', '{"a":' * 10_000 + "1" + "}" * 10_000),
    "nesting cut off": "[" * 200_000,
    "orders missing": '{"portfolio_id": 1}',
    "portfolio missing": '{"orders": []}',
    "orders an object": '{"portfolio_id": 1, "orders": {}}',
    "order a number": '{"portfolio_id": 1, "orders": [7]}',
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_json_is_refused(cli, name):
    done = cli.place(MALFORMED[name], "--idempotency-key", "k")
    error = done.refusal(REFUSED, "invalid_json")
    assert len(error["message"]) < 600 and "\x00" not in done.errors, "a message quotes little and nothing unprintable"
    assert list(cli.folder.iterdir()) == [], "not even a database was made"


UNREADABLE = {
    "exponent": (spelled('"qty": 100', '"qty": 1e2'), "qty.invalid_decimal"),
    "negative zero": (spelled('"qty": 100', '"qty": -0'), "qty.invalid_decimal"),
    "negative zero with decimals": (spelled('"price_limit": 2500', '"price_limit": -0.0'), "price.invalid_decimal"),
    "40 digits": (spelled('"qty": 100', '"qty": ' + "9" * 40), "qty.invalid_decimal"),
    "ten decimals": (spelled('"qty": 100', '"qty": 0.0000000001'), "qty.invalid_decimal"),
    "NaN as a string": (spelled('"qty": 100', '"qty": "NaN"'), "qty.invalid_decimal"),
    "blank in a string": (spelled('"qty": 100', '"qty": "100 "'), "qty.invalid_decimal"),
    "plus sign": (spelled('"qty": 100', '"qty": "+100"'), "qty.invalid_decimal"),
    "thousands": (spelled('"qty": 100', '"qty": "1,000"'), "qty.invalid_decimal"),
    "true": (spelled('"qty": 100', '"qty": true'), "qty.invalid_decimal"),
    "an object": (spelled('"qty": 100', '"qty": {"value": 100}'), "qty.invalid_decimal"),
    "no quantity": (spelled('"qty": 100, ', ""), "qty.required"),
    "lower case side": (spelled('"BUY"', '"buy"'), "side.invalid"),
    "side a number": (spelled('"BUY"', "1"), "side.invalid"),
    "no side": (spelled('"side": "BUY", ', ""), "side.required"),
    "unknown field": (spelled('"qty": 100', '"qty": 100, "quantity": 1'), "field.unknown"),
    "unknown field of the body": (spelled('"portfolio_id": 1', '"portfolio_id": 1, "note": "x"'), "field.unknown"),
    "instrument in quotes": (spelled('"instrument_id": 1', '"instrument_id": "1"'), "instrument.invalid"),
    "instrument with decimals": (spelled('"instrument_id": 1', '"instrument_id": 1.0'), "instrument.invalid"),
    "instrument too large": (spelled('"instrument_id": 1', '"instrument_id": 9223372036854775808'),
                             "instrument.invalid"),
    "unknown order type": (spelled('"qty": 100', '"qty": 100, "order_type": "iceberg"'), "order_type.invalid"),
    "unknown policy": (spelled('"portfolio_id": 1', '"portfolio_id": 1, "policy": "some"'), "policy.invalid"),
    "portfolio zero": (spelled('"portfolio_id": 1', '"portfolio_id": 0'), "portfolio.invalid"),
    "key with a blank": (spelled('"portfolio_id": 1', '"portfolio_id": 1, "idempotency_key": "a b"'),
                         "idempotency_key.invalid"),
    "key too long": (spelled('"portfolio_id": 1', '"portfolio_id": 1, "idempotency_key": "' + "k" * 256 + '"'),
                     "idempotency_key.invalid"),
    "empty batch": ('{"portfolio_id": 1, "orders": []}', "batch.empty"),
    "zero quantity": (spelled('"qty": 100', '"qty": 0'), "qty.not_positive"),
    "negative price": (spelled('"price_limit": 2500', '"price_limit": -1'), "price.not_positive"),
    "no price": (spelled(', "price_limit": 2500', ""), "price.required"),
    "unknown broker": (spelled('"qty": 100', '"qty": 100, "broker": "x\'; DROP TABLE orders; --"'), "broker.unknown"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_bad_value_is_a_violation_that_names_its_field(cli, name):
    body, code = UNREADABLE[name]
    done = cli.place(body)
    error = done.refusal(REFUSED, "validation_failed")
    assert code in [violation["code"] for violation in error["violations"]], error
    assert f"({code})" in done.errors
    assert statuses(cli) == []


def test_a_refused_request_leaves_its_key_unused(cli):
    cli.place(batch(order(qty=0)), "--idempotency-key", "k").refusal(REFUSED, "validation_failed")
    cli.place(batch(order()), "--idempotency-key", "k").expect(OK)


def test_the_hostile_batch_shows_one_of_each_violation_and_writes_nothing(cli):
    cli.ok("instrument", "import", DATA / "instruments_plain.csv")
    cli.ok("limit", "set", 9, "--margin-available", 15000000, "--max-notional-order", 10000000,
           "--max-notional-batch", 20000000, "--max-notional-day", 25000000)
    before = cli.book()
    done = cli.run("place", DATA / "bad_orders.json", "--strict", "--price-collar", "0.2", "--max-quantity", 100000,
                   "--duplicates", "refuse", "--json")
    violations = done.refusal(REFUSED, "validation_failed")["violations"]
    assert {violation["code"] for violation in violations} == {
        "qty.not_positive", "qty.below_lot", "qty.off_lot", "qty.above_freeze", "qty.above_limit",
        "price.required", "price.not_allowed", "price.not_positive", "price.off_tick", "price.outside_band",
        "price.outside_collar", "stop_price.required", "stop_price.not_allowed", "stop_price.not_positive",
        "stop_price.off_tick", "notional.order_limit", "notional.batch_limit", "notional.day_limit",
        "notional.unpriced", "margin.insufficient", "instrument.unknown", "broker.unknown", "duplicate.in_batch"}
    assert {violation["order_index"] for violation in violations} >= set(range(0, 16)), "one bad order hides no other"
    assert cli.book() == before


def test_the_hostile_basket_names_the_line_and_field_of_every_bad_value(cli):
    done = cli.run("place", DATA / "bad_orders.csv", "--portfolio-id", 9, "--json")
    violations = done.refusal(REFUSED, "validation_failed")["violations"]
    assert [violation["order_index"] for violation in violations] == list(range(17))
    assert all(f"(line {violation['order_index'] + 2})" in violation["message"] for violation in violations)
    assert [violation["field"] for violation in violations] == [
        "side", "qty", "qty", "qty", "qty", "qty", "price_limit", "price_limit", "price_limit", "stop_price",
        "order_type", "time_in_force", "instrument_id", "instrument_id", "side", "qty", "slice"]


HEADER = b"instrument_id,side,qty,price_limit\n"
MALFORMED_CSV = {
    "empty": b"",
    "no header": b"1,BUY,100,2500\n",
    "unknown column": b"instrument_id,side,qty,price_limit,note\n1,BUY,100,2500,x\n",
    "column twice": b"instrument_id,side,qty,qty\n1,BUY,100,100\n",
    "column missing": b"instrument_id,qty\n1,100\n",
    "row cut off": HEADER + b"1,BUY,100,2500\n2,SEL",
    "too many fields": HEADER + b"1,BUY,1,000,2500\n",
    "quote not closed": HEADER + b'1,"BUY,100,2500\n',
    "text after a quote": HEADER + b'1,"BUY"x,100,2500\n',
    "invalid UTF-8": HEADER + b"1,B\xffY,100,2500\n",
    "NUL": HEADER + b"1,B\x00Y,100,2500\n",
}


@pytest.mark.parametrize("name", MALFORMED_CSV)
def test_a_malformed_basket_is_refused(cli, name):
    done = cli.run("place", "-", "--format", "csv", "--portfolio-id", 1, "--json", stdin=MALFORMED_CSV[name])
    done.refusal(REFUSED, "invalid_csv")
    assert list(cli.folder.iterdir()) == []


def test_a_basket_with_quotes_commas_and_a_mark_is_read(cli):
    basket = '\ufeff"instrument_id","side","qty","price_limit"\r\n"1","BUY","100","2500"\r\n2,SELL,50,2600\r\n'
    cli.run("place", "-", "--format", "csv", "--portfolio-id", 1, stdin=basket).expect(OK)
    assert cli.json("reconcile", 1)["total_value"] == 380000


def test_a_basket_without_a_portfolio_is_a_usage_error(cli):
    cli.run("place", DATA / "basket_50.csv", "--json").refusal(USAGE, "invalid_argument")


def test_100000_orders_are_refused_and_the_message_states_the_limit(cli):
    body = '{"portfolio_id":1,"orders":[' + ",".join(
        ['{"instrument_id":1,"qty":1,"side":"BUY","price_limit":1}'] * 100_000) + "]}"
    error = cli.place(body).refusal(REFUSED, "limit_exceeded")
    assert "10000" in error["message"]
    error = cli.place(body, "--max-bytes", 1000).refusal(REFUSED, "limit_exceeded")
    assert "1000 bytes" in error["message"]
    assert list(cli.folder.iterdir()) == []


def test_the_number_of_orders_is_configurable(cli):
    cli.place(batch(order(), order(2)), "--max-orders", 1).refusal(REFUSED, "limit_exceeded")
    cli.place(batch(order(), order(2)), "--max-orders", 2).expect(OK)


def test_an_endless_input_is_not_read_to_its_end(cli):
    cli.run("place", "/dev/zero", "--json").refusal(REFUSED, "limit_exceeded")


def test_files_that_cannot_be_read_are_named(cli):
    (cli.folder / "folder.json").mkdir()
    for verb in (("place",), ("instrument", "import"), ("calendar", "import", "NSE")):
        error = cli.run(*verb, "absent.json", "--json").refusal(USAGE, "invalid_argument")
        assert "absent.json" in error["message"] and "No such file" in error["message"]
        error = cli.run(*verb, "folder.json", "--json").refusal(USAGE, "invalid_argument")
        assert "folder.json" in error["message"] and "irectory" in error["message"]


def test_a_file_named_dash_is_reachable_and_dash_is_standard_input(cli):
    (cli.folder / "-").write_text(two_orders())
    cli.run("place", "./-").expect(OK)
    cli.run("place", "-").expect(REFUSED)


def test_a_plain_instrument_file_must_be_right_to_the_last_row(cli):
    text = "instrument_id,symbol,lot_size\n1,ONE,75\n2,TWO,0\n"
    done = cli.run("instrument", "import", "-", "--json", stdin=text)
    assert "line 3" in done.refusal(REFUSED, "invalid_csv")["message"]
    assert cli.json("instrument", "list")["instruments"] == []


def test_a_holiday_file_must_be_right(cli):
    done = cli.run("calendar", "import", "NSE", "-", "--json", stdin="2026-01-26\n2026-02-30\n")
    assert "line 2" in done.refusal(REFUSED, "invalid_csv")["message"]
    assert cli.json("calendar", "import", "NSE", DATA / "holidays_nse.txt") == {"calendar": "NSE", "imported": 16}


BAD_COMMANDS = [
    (), ("order",), ("nonsense",), ("order", "nonsense"), ("order", "get"), ("order", "get", "x"),
    ("order", "get", "0"), ("order", "get", "-1"), ("order", "get", "1.0"), ("order", "get", "0x10"),
    ("order", "get", "9223372036854775808"), ("order", "get", "1", "2"), ("order", "list", "--limit", "0"),
    ("order", "list", "--limit", "many"), ("order", "list", "--status", "done"), ("order", "list", "--unknown"),
    ("order", "fill", "1"), ("order", "replace", "1"), ("order", "resolve", "1", "--by", "x", "--reason", "y"),
    ("order", "resolve", "1", "--rejected", "--not-placed", "--by", "x", "--reason", "y"),
    ("order", "resolve", "1", "--rejected", "--reason", "y"), ("settle",), ("settle", "--as-of", "tomorrow"),
    ("settle", "--as-of", "2026-02-29"), ("reconcile", "1", "--format", "xml"), ("reconcile", "1", "--section", "totals"),
    ("reconcile", "1", "--format", "csv"), ("place",), ("place", "x", "--policy", "some"),
    ("place", "x", "--portfolio-id", "0"), ("place", "x", "--wait-timeout", "0"), ("completion", "powershell"),
    ("route", "add"), ("route", "add", "--broker", "alpaca-mock:x"), ("route", "add", "--broker", ":1"),
    ("migrate", "down", "--to", "-1"), ("migrate", "up", "--to", "x"), ("event", "follow", "--poll-ms", "0"),
    ("limit", "set"), ("broker", "set"), ("--max-orders", "0", "health"), ("--duplicates", "maybe", "health"),
    ("--price-collar", "-0.1", "health"), ("--price-collar", "1e-1", "health"), ("--lease-ms", "x", "health"),
    ("--deployment", "toolong", "health"), ("--database-url", "mysql://x", "health"), ("--database-url", "x.db", "health"),
    ("--strict=maybe", "health"), ("--strict=99999999999999999999", "health"),
    ("reconcile", "1", "--tolerance-qty", "-1"), ("reconcile", "1", "--broker", "--tolerance-fees", "-0.01"),
    ("broker", "set", "alpaca-mock", "--active", "--inactive"),
]

EMPTY_VALUES = [
    ("place", "-", "--idempotency-key"), ("place", "-", "--idempotency-key", "--wait"), ("place",),
    ("place", "-", "--format"), ("order", "list", "--client-order-id"),
    ("order", "fill", "1", "--qty", "1", "--price"), ("halt", "--reason"), ("broker", "set", "alpaca-mock", "--config"),
    ("broker", "enable"), ("order", "get"), ("health", "--tenant"), ("health", "--database-url"),
    ("health", "--events-file"), ("reconcile", "1", "--format"),
]


@pytest.mark.parametrize("command", EMPTY_VALUES, ids=" ".join)
def test_an_empty_value_is_a_usage_error_and_not_as_good_as_none(cli, command):
    switches = [word for word in command[3:] if word == "--wait"]
    words = [word for word in command if word not in switches]
    forms = [[*words, "", *switches]]
    if words[-1].startswith("--"):
        forms.append([*words[:-1], words[-1] + "=", *switches])
    for form in forms:
        error = cli.run(*form, "--json", stdin=two_orders()).refusal(USAGE, "invalid_argument")
        if words[-1].startswith("--") and words[-1] != "--format":
            assert f"{words[-1]} must not be empty" in error["message"]
    assert list(cli.folder.iterdir()) == []


@pytest.mark.parametrize("command", BAD_COMMANDS, ids=" ".join)
def test_a_wrong_command_line_is_a_usage_error_with_and_without_json(cli, command):
    if command[:2] == ("order", "replace"):
        cli.place(two_orders()).expect(OK)
    done = cli.run(*command, "--json")
    assert done.expect(USAGE).json["error"]["code"] in ("invalid_argument", "configuration"), done.text
    plain = cli.run(*command)
    if command[:3] == ("reconcile", "1", "--format") and command[3] == "csv":
        plain.expect(4)  # only together with --json it contradicts itself
    else:
        assert plain.expect(USAGE).text == "" and plain.errors.startswith("error: ")


def test_decimals_of_options_are_exact_or_refused(cli):
    cli.place(two_orders()).expect(OK)
    for price, qty in (("2500", "1e2"), ("NaN", "1"), ("2500", "0.0000000001"), ("2,500", "1"), ("2500", "+1")):
        cli.run("order", "fill", 1, "--price", price, "--qty", qty, "--json").expect(REFUSED)
    for price, qty in (("2500", "0"), ("-1", "1"), ("2500", "-1")):
        assert cli.run("order", "fill", 1, "--price", price, "--qty", qty, "--json").status in (USAGE, REFUSED)
    assert statuses(cli) == ["acked", "acked"]


def test_a_brokers_words_do_not_steer_the_terminal(cli):
    evil = "\x1b]0;owned\x07\x1b[2J"
    done = cli.place(batch(order(broker=evil)))
    assert "\x1b" not in done.errors and done.json["error"]["violations"]
    cli.ok("halt", "--reason", evil)
    assert "\x1b" not in cli.run("health").text
    cli.ok("resume")
    (cli.folder / "evil.csv").write_text(f"instrument_id,symbol\n5,{evil}\n")
    if cli.run("instrument", "import", "evil.csv").status == OK:
        assert "\x1b" not in cli.ok("instrument", "list").text


def test_the_program_answers_when_standard_output_is_full(tmp_path):
    cli = Cli(tmp_path)
    with open("/dev/full", "wb") as full:
        done = subprocess.run(cli.command("place", DATA / "two_orders.json", "--idempotency-key", "k", "--json"),
                              stdout=full, stderr=subprocess.PIPE, cwd=tmp_path, env=cli.environment, check=False)
    assert done.returncode == 1 and b"standard output" in done.stderr
    assert statuses(cli) == ["acked", "acked"], "what was done stays done"
    assert len(cli.place(two_orders(), "--idempotency-key", "k").expect(OK).json["orders"]) == 2
