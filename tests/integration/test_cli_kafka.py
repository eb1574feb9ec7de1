"""Events to Kafka from the command line: what does not work is told, hides no secret and stops no order."""

import pytest

from cli_driver import OK, USAGE, batch, two_orders

NOBODY = "127.0.0.1:1"


def events_wait(cli, *words, **environment):
    """Placing works all the same; `event publish` and `health` say why the events are still here."""
    cli.place(two_orders(), **environment).expect(OK)
    done = cli.run("event", "publish", "--json", **environment).expect(OK)
    assert done.json["published"] == 0 and done.json["waiting"] > 0
    kafka = next(part for part in cli.run("health", "--json", **environment).expect(OK).json["dependencies"]
                 if part["role"] == "event_publisher")
    assert (kafka["name"], kafka["state"]) == ("kafka", "down")
    for word in words:
        assert word in done.errors and word in kafka["detail"]
    return done.errors + str(kafka)


def test_kafka_that_is_not_there(cli):
    events_wait(cli, NOBODY, "Connection refused", KAFKA_BOOTSTRAP_SERVERS=NOBODY)
    done = cli.json("event", "publish", "--events-file", "events.jsonl")
    assert done["published"] > 0 and done["waiting"] == 0


def test_a_topic_that_is_missing(cli, kafka_address):
    events_wait(cli, "no.such.topic", KAFKA_BOOTSTRAP_SERVERS=kafka_address, KAFKA_TOPIC="no.such.topic")


def test_a_connection_that_is_refused_shows_no_secret(cli, kafka_address):
    told = events_wait(cli, kafka_address.split(",")[0], KAFKA_BOOTSTRAP_SERVERS=kafka_address,
                       KAFKA_SECURITY_PROTOCOL="sasl_plaintext", KAFKA_SASL_MECHANISM="PLAIN",
                       KAFKA_SASL_USERNAME="desk", KAFKA_SASL_PASSWORD="hunter2")
    assert "hunter2" not in told


@pytest.mark.parametrize("settings, word", [
    ({"KAFKA_BOOTSTRAP_SERVERS": "kafka://desk:hunter2@broker:9092"}, "host:port"),
    ({"KAFKA_BOOTSTRAP_SERVERS": "broker:port"}, "host:port"),
    ({"KAFKA_TOPIC": "our orders"}, "topic"),
    ({"KAFKA_SECURITY_PROTOCOL": "tls"}, "security.protocol"),
    ({"KAFKA_SECURITY_PROTOCOL": "sasl_ssl"}, "sasl.mechanism"),
    ({"KAFKA_SECURITY_PROTOCOL": "sasl_ssl", "KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SASL_USERNAME": "desk"},
     "sasl.password"),
    ({"KAFKA_SECURITY_PROTOCOL": "sasl_ssl", "KAFKA_SASL_MECHANISM": "NONE", "KAFKA_SASL_PASSWORD": "hunter2"}, "NONE"),
    ({"KAFKA_SECURITY_PROTOCOL": "ssl", "KAFKA_SSL_CA_LOCATION": "no/such.pem"}, "PEM file"),
    ({"KAFKA_SECURITY_PROTOCOL": "ssl", "KAFKA_SSL_CERTIFICATE_LOCATION": "order.json"}, "PEM file"),
])
def test_kafka_settings_that_are_wrong_are_one_clear_line(cli, settings, word):
    (cli.folder / "order.json").write_text("{}")
    done = cli.run("health", "--json", **{"KAFKA_BOOTSTRAP_SERVERS": NOBODY, **settings})
    assert word in done.refusal(USAGE, "configuration")["message"]
    assert len(done.errors.splitlines()) == 1 and "hunter2" not in done.text + done.errors


def test_settings_of_kafka_that_make_no_sense(cli):
    error = cli.place(batch(), KAFKA_BOOTSTRAP_SERVERS=NOBODY, KAFKA_SECURITY_PROTOCOL="hunter2").refusal(
        USAGE, "configuration")
    assert "security.protocol" in error["message"] and "hunter2" not in error["message"]
    cli.place(batch(), "--events-file", "events.jsonl", KAFKA_BOOTSTRAP_SERVERS=NOBODY).refusal(USAGE, "configuration")
    assert not (cli.folder / "events.jsonl").exists()
    cli.run("event", "publish", "--kafka-sasl-password", "hunter2").expect(USAGE)
