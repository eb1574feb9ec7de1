"""Kafka that wants TLS, a password or a certificate: the settings get through; what is refused is told, holds no secret,
and leaves the events where they are."""

import shutil
import sys
import tempfile
import time
from pathlib import Path

import pytest

from cli_driver import OK, USAGE, batch, two_orders

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "servers"))

from secure_kafka_server import DESCRIBE, WRITE, SecureKafka, make_authority, make_certificate  # noqa: E402
from server_process import Unavailable  # noqa: E402

CACHE = Path(__file__).resolve().parents[2] / "build" / "servers"
TOPIC = "orders.events"
KEY_PASSWORD = "hunter2"
PERMISSION_SECONDS_MAX = 60

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("secure-kafka")]


@pytest.fixture(scope="module")
def broker():
    if not shutil.which("openssl"):
        pytest.skip("needs openssl")
    with tempfile.TemporaryDirectory(prefix="orchestrator-kafka-", dir="/var/tmp") as name:
        server = SecureKafka(Path(name), CACHE)
        server.folder.mkdir()
        try:
            server.prepare()
            server.start()
            server.make_topic(TOPIC)
        except Unavailable as error:
            pytest.skip(str(error))
        make_certificate(server.folder, "desk", "authority", KEY_PASSWORD)
        make_authority(server.folder, "stranger")
        yield server
        server.end()


def by_password(broker, **changed):
    return {"KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{broker.sasl_port}", "KAFKA_SECURITY_PROTOCOL": "sasl_ssl",
            "KAFKA_SSL_CA_LOCATION": str(broker.folder / "authority.pem"), "KAFKA_SASL_MECHANISM": "PLAIN",
            "KAFKA_SASL_USERNAME": "desk", "KAFKA_SASL_PASSWORD": broker.password, **changed}


def by_certificate(broker, **changed):
    return {"KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{broker.tls_port}", "KAFKA_SECURITY_PROTOCOL": "ssl",
            "KAFKA_SSL_CA_LOCATION": str(broker.folder / "authority.pem"),
            "KAFKA_SSL_CERTIFICATE_LOCATION": str(broker.folder / "desk.pem"),
            "KAFKA_SSL_KEY_LOCATION": str(broker.folder / "desk.key"), "KAFKA_SSL_KEY_PASSWORD": KEY_PASSWORD, **changed}


def kafka_of(cli, **environment):
    health = cli.run("health", "--json", **environment).expect(OK).json
    return next(part for part in health["dependencies"] if part["role"] == "event_publisher")


def publish(cli, broker, **environment):
    """What `event publish` does with two new orders and says, and what `health` says then; no secret is in it."""
    cli.place(two_orders()).expect(OK)
    done = cli.run("event", "publish", "--json", **environment).expect(OK)
    kafka = kafka_of(cli, **environment)
    told = done.text + done.errors + str(kafka)
    assert broker.password not in told and KEY_PASSWORD not in told
    return done, kafka


def events_arrive(cli, broker, **environment):
    done, kafka = publish(cli, broker, **environment)
    assert done.json["published"] > 0 and done.json["waiting"] == 0
    assert kafka["state"] == "ok" and kafka["latency_us"] > 0


def events_wait(cli, broker, *words, **environment):
    done, kafka = publish(cli, broker, **environment)
    assert done.json["published"] == 0 and done.json["waiting"] > 0
    assert kafka["state"] == "down"
    for word in words:
        assert word in done.errors and word in kafka["detail"]


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
def test_a_password_over_tls_lets_events_through(cli, broker, mechanism):
    events_arrive(cli, broker, **by_password(broker, KAFKA_SASL_MECHANISM=mechanism))


def test_the_password_may_come_from_the_env_file(cli, broker):
    cli.place(two_orders()).expect(OK)
    env_file = cli.folder / ".env"
    env_file.touch(0o600)
    env_file.write_text("".join(f"{name}='{value}'\n" for name, value in by_password(broker).items()))
    done = cli.json("event", "publish")
    assert done["published"] > 0 and done["waiting"] == 0


def test_a_certificate_of_ours_lets_events_through(cli, broker):
    events_arrive(cli, broker, **by_certificate(broker))


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
def test_a_wrong_password_keeps_events_waiting_and_is_shown_nowhere(cli, broker, mechanism):
    refused = by_password(broker, KAFKA_SASL_MECHANISM=mechanism, KAFKA_SASL_PASSWORD="hunter2")
    events_wait(cli, broker, "uthentication failed", **refused)
    events_arrive(cli, broker, **by_password(broker))  # what waited goes as well


def test_a_broker_that_no_known_authority_vouches_for_gets_nothing(cli, broker):
    stranger = str(broker.folder / "stranger.pem")
    events_wait(cli, broker, "certificate verify failed", **by_password(broker, KAFKA_SSL_CA_LOCATION=stranger))
    events_wait(cli, broker, "certificate verify failed", **by_certificate(broker, KAFKA_SSL_CA_LOCATION=stranger))


def test_a_broker_under_another_name_than_its_certificates_gets_nothing(cli, broker):
    events_wait(cli, broker, "certificate verify failed",
                **by_password(broker, KAFKA_BOOTSTRAP_SERVERS=f"localhost:{broker.sasl_port}"))


def test_a_desk_without_tls_or_without_a_certificate_is_told_so(cli, broker):
    events_wait(cli, broker, f"127.0.0.1:{broker.sasl_port}",
                KAFKA_BOOTSTRAP_SERVERS=f"127.0.0.1:{broker.sasl_port}")
    events_wait(cli, broker, "certificate", **by_certificate(broker, KAFKA_SSL_CERTIFICATE_LOCATION="",
                                                            KAFKA_SSL_KEY_LOCATION="", KAFKA_SSL_KEY_PASSWORD=""))


def test_a_key_that_its_password_does_not_open_is_refused_at_once(cli, broker):
    for password in ("hunter3", ""):
        wrong = by_certificate(broker, KAFKA_SSL_KEY_PASSWORD=password)
        message = cli.place(batch(), **wrong).refusal(USAGE, "configuration")["message"]
        assert "ssl.key.location" in message and "its password has to be right" in message
        assert "hunter3" not in message


def test_a_topic_that_is_not_ours_keeps_events_waiting(cli, broker):
    events_wait(cli, broker, f"'{TOPIC}'", "uthorization failed", "right to write",
                **by_password(broker, KAFKA_SASL_USERNAME="reader"))


def test_a_topic_that_is_read_only_keeps_events_waiting_until_it_may_be_written(cli, broker):
    for topic in ("looked.at", "elsewhere"):
        broker.make_topic(topic)
    broker.allow("reader", DESCRIBE, "looked.at")
    reader = by_password(broker, KAFKA_SASL_USERNAME="reader", KAFKA_TOPIC="looked.at")
    for writable in (None, "elsewhere"):  # who may write nowhere is refused earlier, and otherwise
        if writable:
            broker.allow("reader", WRITE, writable)
        done, _ = publish(cli, broker, **reader)
        assert done.json["published"] == 0 and done.json["waiting"] > 0
        for word in ("'looked.at'", "uthorization failed", "right to write"):
            assert word in done.errors
    broker.allow("reader", WRITE, "looked.at")
    give_up = time.monotonic() + PERMISSION_SECONDS_MAX  # the broker may learn of it a little later
    while cli.json("event", "publish", **reader)["waiting"] > 0:
        assert time.monotonic() < give_up, "events wait though they may be written"
    events_arrive(cli, broker, **reader)
