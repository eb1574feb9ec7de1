"""A Redis beside the database: it answers keys that other processes placed, and never more than that."""

import sqlite3

from cli_driver import CONFLICT, OK, STORAGE, USAGE, batch, two_orders

SECRET = "hunter2"


def cache_of(cli, **environment):
    health = cli.json("health", **environment)
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
    assert "order store" in cache["detail"] and SECRET not in str(cache)


def test_a_redis_url_or_login_that_is_wrong_is_one_clear_line_without_its_secret(cli, redis_url):
    place = redis_url.partition("@")[2]
    for url, status, code in ((f"http://desk:{SECRET}@cache", USAGE, "configuration"),
                              (f"redis://desk:{SECRET}@cache:none", USAGE, "configuration"),
                              (f"redis://desk:{SECRET}@{place}", STORAGE, "permission_denied")):
        done = cli.run("health", "--json", REDIS_URL=url)
        done.refusal(status, code)
        assert SECRET not in done.text + done.errors
