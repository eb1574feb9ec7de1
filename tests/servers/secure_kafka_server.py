"""Apache Kafka that knows its clients: by name and password over TLS (SASL_SSL), by certificate (SSL). Who comes over
PLAINTEXT is the operator."""

import secrets
import struct
import subprocess
from pathlib import Path

from kafka_server import ADMINISTRATION_SECONDS_MAX, Kafka, ask, make_topic, text
from server_process import free_port

TOPIC, LITERAL, ALLOW = 2, 3, 3  # numbers of the protocol
WRITE, DESCRIBE = 4, 8
OPERATOR = "User:ANONYMOUS"


def make_authority(folder: Path, name: str) -> None:
    """NAME.key and NAME.pem: who vouches for others."""
    _openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem",
             "-subj", f"/CN={name}")


def make_certificate(folder: Path, name: str, authority: str, key_password: str = "") -> None:
    """NAME.key and NAME.pem, signed, for the address 127.0.0.1."""
    (folder / "password").write_text(key_password)
    locked = ["-passout", "file:password"] if key_password else ["-nodes"]
    _openssl(folder, "req", "-newkey", "rsa:2048", *locked, "-keyout", f"{name}.key", "-out", "request.pem", "-subj",
             f"/CN={name}")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1")
    _openssl(folder, "x509", "-req", "-in", "request.pem", "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key",
             "-CAcreateserial", "-extfile", "names", "-out", f"{name}.pem")


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


class SecureKafka(Kafka):
    name = "secure-kafka"

    def prepare(self) -> None:
        self.tls_port, self.sasl_port = free_port(), free_port()
        self.password = secrets.token_hex(12)  # of `desk`, who may do anything, and `reader`, who may do nothing yet
        make_authority(self.folder, "authority")
        make_certificate(self.folder, "broker", "authority")
        (self.folder / "keystore.pem").write_text((self.folder / "broker.key").read_text() +
                                                  (self.folder / "broker.pem").read_text())
        super().prepare()

    def listeners(self) -> dict[str, int]:
        return {"PLAINTEXT": self.port, "SASL_SSL": self.sasl_port, "SSL": self.tls_port}

    def more_settings(self) -> list[str]:
        plain = "org.apache.kafka.common.security.plain.PlainLoginModule"
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule"
        return [
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            f"super.users={OPERATOR};User:desk;User:CN=desk",
            "ssl.keystore.type=PEM", f"ssl.keystore.location={self.folder}/keystore.pem",
            "ssl.truststore.type=PEM", f"ssl.truststore.location={self.folder}/authority.pem",
            "listener.name.ssl.ssl.client.auth=required", "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256",
            f'listener.name.sasl_ssl.plain.sasl.jaas.config={plain} required user_desk="{self.password}" '
            f'user_reader="{self.password}";',
            f"listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config={scram} required;"]

    def make_data(self, data: Path) -> None:
        self.format_data(self._settings, self._home, "--add-scram",
                         f"SCRAM-SHA-256=[name=desk,password={self.password}]")

    def make_topic(self, name: str) -> None:
        make_topic(self.url, name)

    def allow(self, user: str, operation: int, topic: str) -> None:
        body = struct.pack(">ib", 1, TOPIC) + text(topic) + struct.pack(">b", LITERAL) + text(f"User:{user}") + text("*")
        answer = ask(self.url, 30, 1, body + struct.pack(">bb", operation, ALLOW), ADMINISTRATION_SECONDS_MAX)
        (error,) = struct.unpack_from(">h", answer, 8)
        assert error == 0, f"the permission was not given: error {error}"
