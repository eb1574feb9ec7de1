"""What an operator does: brokers, routing, limits, halts, events, tenants, migrations."""

import json
import signal
import threading

from cli_driver import (BROKER, CONFLICT, DATA, HALTED, NOT_FOUND, OK, REFUSED, USAGE, batch, one_document, order,
                        statuses, two_orders)


def test_a_halt_refuses_new_orders_and_reads_still_answer(cli):
    cli.place(two_orders(), "--idempotency-key", "before").expect(OK)
    halt = cli.json("halt", "--reason", "drill")
    assert (halt["scope"], halt["reason"]) == ("all", "drill")
    cli.place(batch(), "--idempotency-key", "k").refusal(HALTED, "halted")
    health = cli.run("health", "--json").expect(HALTED)
    assert health.json["ok"] is False and health.json["halts"][0]["reason"] == "drill"
    assert statuses(cli) == ["acked", "acked"]
    assert cli.place(two_orders(), "--idempotency-key", "before").expect(OK).json["batch_id"] == 1
    assert cli.json("resume") == {"resumed": True}
    assert cli.json("resume") == {"resumed": False}
    cli.place(batch(), "--idempotency-key", "k").expect(OK)


def test_a_halt_of_one_portfolio_leaves_the_others(cli):
    cli.ok("halt", "--portfolio-id", 1, "--reason", "limit breach")
    cli.place(batch(portfolio_id=1)).refusal(HALTED, "halted")
    cli.place(batch(portfolio_id=2)).expect(OK)
    assert cli.json("resume", "--portfolio-id", 1) == {"resumed": True}


def test_a_halt_of_everything_and_of_one_part_exclude_each_other(cli):
    cli.run("halt", "--portfolio-id", 1, "--broker", "alpaca-mock", "--reason", "x", "--json").refusal(
        USAGE, "invalid_argument")
    cli.run("halt", "--json").refusal(USAGE, "invalid_argument")


def test_brokers_are_listed_configured_disabled_and_enabled(cli):
    names = {row["broker_name"]: row for row in cli.json("broker", "list")["brokers"]}
    assert set(names) == {"alpaca-mock", "zerodha-mock"} and all(row["simulated"] for row in names.values())
    changed = cli.json("broker", "set", "alpaca-mock", "--config", '{"fill_model": "immediate"}')
    assert changed["config_json"] == {"fill_model": "immediate"} and changed["active"] is True
    assert cli.json("broker", "disable", "alpaca-mock")["active"] is False
    assert cli.json("broker", "set", "alpaca-mock", "--active")["config_json"] == {"fill_model": "immediate"}
    cli.place(batch(order(broker="alpaca-mock"))).expect(OK)
    assert statuses(cli) == ["filled"]


def test_an_explicit_broker_that_is_switched_off_is_never_replaced_by_another(cli):
    cli.ok("broker", "disable", "alpaca-mock")
    cli.place(batch(order(broker="alpaca-mock"))).expect(REFUSED)
    cli.place(batch(order())).expect(OK)
    assert cli.json("order", "get", 1)["broker"] == "zerodha-mock"


def test_settings_a_broker_does_not_take_are_refused_and_change_nothing(cli):
    before = cli.json("broker", "list")
    for config in ('{"fill_model": "sometimes"}', '{"unknown": 1}', "{", "[]"):
        assert cli.run("broker", "set", "alpaca-mock", "--config", config, "--json").status != OK, config
        assert cli.json("broker", "list") == before, config


def test_a_fault_script_is_kept_with_the_other_settings_and_does_what_it_says(cli):
    cli.ok("broker", "set", "alpaca-mock", "--config", '{"quiet_period_ms": 50, "seed": 4}')
    script = "# of the second order nothing is heard\nplace nth=2: lose_answer\norder nth=2: drop_reports\n"
    (cli.folder / "faults.txt").write_text(script)
    changed = cli.json("broker", "set", "alpaca-mock", "--fault-script", "faults.txt")["config_json"]
    assert changed == {"quiet_period_ms": 50, "seed": 4, "fault_script": script}
    rows = [order(number, broker="alpaca-mock") for number in (1, 2, 3)]
    cli.place(batch(*rows)).expect(OK)
    assert statuses(cli) == ["acked", "unknown", "acked"]
    cli.ok("recover")
    assert statuses(cli) == ["acked"] * 3
    assert len(cli.json("broker", "orders", "alpaca-mock")["orders"]) == 3
    changed = cli.json("broker", "set", "alpaca-mock", "--fault-script", "-", stdin="")["config_json"]
    assert changed == {"quiet_period_ms": 50, "seed": 4, "fault_script": ""}


def test_a_fault_script_that_does_not_parse_names_its_line_and_changes_nothing(cli):
    cli.ok("broker", "set", "zerodha-mock", "--fault-script", "-", stdin="place nth=9: hang\n")
    before = cli.json("broker", "list")
    bad = b"# fine\nplace nth=2: lose_answer\nplace every=x: lose_answer\n"
    error = cli.run("broker", "set", "zerodha-mock", "--fault-script", "-", "--json", stdin=bad).refusal(
        USAGE, "configuration")
    assert "fault_script line 3: every= must be a whole number" in error["message"]
    cli.run("broker", "set", "zerodha-mock", "--fault-script", "missing.txt", "--json").refusal(
        USAGE, "invalid_argument")
    assert cli.json("broker", "list") == before


def test_unknown_brokers_are_said_to_be_unknown(cli):
    for command in (("orders", "nobody"), ("enable", "nobody"), ("disable", "nobody"), ("set", "nobody")):
        cli.run("broker", *command, "--json").refusal(BROKER, "unknown_broker")
    cli.run("route", "add", "--broker", "nobody", "--json").refusal(BROKER, "unknown_broker")


def test_the_brokers_own_view_carries_our_ids(cli):
    receipt = cli.place(batch(order(), order(2, broker="zerodha-mock"))).expect(OK).json
    ours = [leg["client_order_id"] for leg in receipt["orders"]]
    for broker, client_order_id in zip(("alpaca-mock", "zerodha-mock"), ours):
        view = cli.json("broker", "orders", broker)
        assert view["broker"] == broker
        assert [row["client_order_id"] for row in view["orders"]] == [client_order_id]
    kite = cli.json("broker", "orders", "zerodha-mock")["orders"][0]["ext_order_id"]
    alpaca = cli.json("broker", "orders", "alpaca-mock")["orders"][0]["ext_order_id"]
    assert kite.isdigit() and alpaca.count("-") == 4


def test_rules_route_by_exchange_and_say_so_in_the_receipt(cli):
    cli.ok("instrument", "import", DATA / "instruments_kite.csv")
    rule = cli.json("route", "add", "--exchange", "NSE", "--broker", "zerodha-mock", "--broker", "alpaca-mock:0")
    assert [target["weight"] for target in rule["targets"]] == [1, 0]
    receipt = cli.place(batch(order(738561, price_limit=1566))).expect(OK).json
    assert receipt["proposed_routing"][0]["broker"] == "zerodha-mock"
    assert f"rule {rule['id']}" in receipt["proposed_routing"][0]["reason"]
    cli.ok("broker", "disable", "zerodha-mock")
    moved = cli.place(batch(order(738561, price_limit=1566))).expect(OK).json
    assert moved["proposed_routing"][0]["broker"] == "alpaca-mock"
    assert cli.json("route", "list")["rules"] == [rule]
    assert cli.json("route", "remove", rule["id"]) == {"removed": rule["id"]}
    cli.run("route", "remove", rule["id"], "--json").refusal(NOT_FOUND, "not_found")


def test_setting_no_limit_is_refused_and_names_the_options(cli):
    error = cli.run("limit", "set", 1, "--json").refusal(USAGE, "invalid_argument")
    assert "--max-notional-day" in error["message"]
    assert cli.json("limit", "list")["limits"] == []


def test_limits_are_set_kept_and_taken_away(cli):
    limits = cli.json("limit", "set", 1, "--margin-available", "300000", "--max-quantity", "500")
    assert (limits["margin_available"], limits["max_quantity"]) == (300000, 500)
    limits = cli.json("limit", "set", 1, "--max-quantity", "none", "--margin-rate", "0.5")
    assert (limits["margin_available"], limits["max_quantity"]) == (300000, None)
    cli.place(batch(order(qty=200))).expect(OK)
    assert cli.json("limit", "list")["limits"][0]["usage"]["margin_reserved"] == 250000
    refused = cli.place(batch(order(qty=100))).refusal(REFUSED, "validation_failed")
    assert [violation["code"] for violation in refused["violations"]] == ["margin.insufficient"]
    cli.ok("order", "cancel", 1)
    cli.place(batch(order(qty=100))).expect(OK)
    cli.ok("limit", "set", 0, "--max-notional-order", 1000)
    cli.place(batch(portfolio_id=3)).refusal(REFUSED, "validation_failed")
    cli.run("limit", "set", 1, "--max-quantity", "-1", "--json").refusal(USAGE, "invalid_argument")
    cli.run("limit", "set", "-1", "--json").refusal(USAGE, "invalid_argument")


def test_events_have_a_sequence_without_holes_per_subject(cli):
    cli.place(two_orders()).expect(OK)
    cli.ok("order", "fill", 1, "--price", 2500, "--qty", 60)
    cli.ok("order", "cancel", 1)
    events = cli.json("event", "list")["events"]
    for subject in {event["subject"] for event in events}:
        own = [event for event in events if event["subject"] == subject and event["type"].startswith("order.")]
        numbers = [int(event["id"].rsplit("/", 1)[1]) for event in own]
        assert numbers == list(range(1, len(numbers) + 1)), subject
    types = [event["type"] for event in cli.json("event", "list", "--order", 1)["events"]]
    assert types == ["order.placed", "order.acked", "order.partially_filled", "order.cancel_pending",
                     "order.cancelled"]
    assert {event["specversion"] for event in events} == {"1.0"}


def test_event_list_goes_on_from_its_cursor(cli):
    cli.place(two_orders()).expect(OK)
    first = cli.json("event", "list")
    cli.ok("order", "cancel", 1)
    rest = cli.json("event", "list", "--after", first["next_cursor"])
    assert rest["events"] and not [event for event in rest["events"] if event in first["events"]]
    assert cli.json("event", "list", "--after", rest["next_cursor"])["events"] == []
    whole = cli.json("event", "list")["events"]
    assert whole == first["events"] + rest["events"]


def test_follow_streams_lines_as_events_come_and_ends_on_a_signal(cli):
    cli.place(two_orders()).expect(OK)
    for stop in (signal.SIGTERM, signal.SIGINT):
        follower = cli.start("event", "follow", "--json", "--poll-ms", "20")
        watchdog = threading.Timer(60, follower.kill)
        watchdog.start()
        known = [one_document(follower.stdout.readline().decode()) for _ in range(3)]
        assert "order.placed" in {event["type"] for event in known}
        before = len(cli.json("event", "list")["events"])
        cli.place(batch(order(7))).expect(OK)
        wanted = cli.json("event", "list")["events"]
        while len(known) < len(wanted):
            known.append(one_document(follower.stdout.readline().decode()))
        assert known == wanted and len(wanted) > before
        follower.send_signal(stop)
        output, errors = follower.communicate(timeout=60)
        watchdog.cancel()
        assert (follower.returncode, output, errors) == (OK, b"", b""), stop


def test_follow_ends_after_its_limit(cli):
    cli.place(two_orders()).expect(OK)
    lines = cli.ok("event", "follow", "--limit", 2).text.splitlines()
    assert [json.loads(line) for line in lines] == json.loads(cli.ok("event", "list", "--json").text)["events"][:2]


def test_published_events_are_the_listed_ones_and_leave_the_outbox(cli):
    cli.place(two_orders()).expect(OK)
    cli.run("event", "publish", "--json").refusal(USAGE, "configuration")
    waiting = cli.json("health")["outbox"]["rows"]
    assert waiting > 0
    done = cli.json("event", "publish", "--events-file", "events.jsonl")
    lines = (cli.folder / "events.jsonl").read_text().splitlines()
    assert done["published"] == len(lines) and done["waiting"] == 0
    assert [one_document(line + "\n") for line in lines] == cli.json("event", "list")["events"]
    assert cli.json("event", "publish", "--events-file", "events.jsonl")["published"] == 0
    cli.place(batch(), ORCHESTRATOR_EVENTS_FILE="events.jsonl").expect(OK)
    assert cli.json("health")["outbox"]["rows"] == 0, "with an events file, a change publishes what it did"


def test_a_tenant_sees_only_what_is_its_own(cli):
    cli.place(batch(idempotency_key="k"), "--tenant", "north").expect(OK)
    cli.place(batch(idempotency_key="k"), "--tenant", "south").expect(OK)
    assert [row["id"] for row in cli.json("order", "list", "--tenant", "south")["orders"]] == [2]
    assert [row["id"] for row in cli.json("batch", "list", "--tenant", "north")["batches"]] == [1]
    assert len(statuses(cli)) == 2
    for command in (("order", "get", 1), ("order", "cancel", 1), ("order", "fill", 1, "--price", 1, "--qty", 1),
                    ("order", "replace", 1, "--qty", 1), ("batch", "get", 1), ("batch", "cancel", 1),
                    ("reconcile", 1), ("reconcile", 1, "--broker"), ("event", "list", "--batch", 1),
                    ("event", "follow", "--order", 1),
                    ("order", "resolve", 1, "--rejected", "--by", "x", "--reason", "y")):
        cli.run(*command, "--tenant", "south", "--json").refusal(NOT_FOUND, "not_found")
    assert statuses(cli) == ["acked", "acked"]


def test_health_names_every_part_with_its_version_and_state(cli):
    parts = cli.json("health", "--events-file", "events.jsonl")["dependencies"]
    assert [(part["role"], part["name"], part["location"], part["state"], part["detail"]) for part in parts] == [
        ("order_store", "sqlite", "orchestrator.db", "ok", None), ("idempotency_store", "memory", None, "ok", None),
        ("event_publisher", "file", "events.jsonl", "ok", None)]
    assert all(part["version"] for part in parts) and parts[0]["latency_us"] >= 0
    assert parts[0]["version"].startswith("3.")
    table = cli.ok("health", "--events-file", "events.jsonl").text
    assert "order_store" in table and "sqlite" in table and parts[0]["version"] in table


def test_migrations_go_up_down_and_up_again(cli):
    up = cli.json("migrate", "up")
    assert up["version"] == up["latest"] >= 1 and all(step["applied"] for step in up["steps"])
    down = cli.json("migrate", "down", "--to", 0)
    assert down["version"] == 0 and not any(step["applied"] for step in down["steps"])
    assert cli.json("migrate", "status") == down
    assert cli.json("migrate", "up") == up
    cli.place(two_orders()).expect(OK)
    assert cli.json("migrate", "status") == up


def test_migrate_down_does_not_drop_a_book_by_accident(cli):
    cli.place(two_orders()).expect(OK)
    cli.run("migrate", "down", "--json").refusal(CONFLICT, "invalid_state")
    assert statuses(cli) == ["acked", "acked"]
    assert cli.json("migrate", "down", "--to", 0, "--yes")["version"] == 0


def test_an_old_schema_is_refused_when_migrating_by_itself_is_switched_off(cli):
    cli.ok("migrate", "up")
    cli.ok("migrate", "down", "--to", 0)
    cli.run("order", "list", "--no-auto-migrate", "--json").expect(6)
    cli.ok("order", "list")


def test_what_is_not_there_is_not_found(cli):
    for command in (("order", "get", 99), ("batch", "get", 99), ("reconcile", 99), ("order", "cancel", 99),
                    ("order", "fill", 99, "--price", 1, "--qty", 1), ("batch", "cancel", 99)):
        cli.run(*command, "--json").refusal(NOT_FOUND, "not_found")
