"""Apache Kafka for the tests: one node that is broker and controller, fetched once from Maven Central into the cache.

The cache holds libs/ (the jars) and template/ (an empty data folder, formatted: that takes a second)."""

import hashlib
import os
import shutil
import socket
import struct
import tempfile
from pathlib import Path

from server_process import Server, Unavailable, free_port

POM = Path(__file__).resolve().parent / "kafka" / "pom.xml"
CLUSTER_ID = "b3JjaGVzdHJhdG9yLXRlcw"  # any 16 bytes in base64
FETCH_SECONDS_MAX = 300
ADMINISTRATION_SECONDS_MAX = 30  # more than the broker gives itself


def text(value: str) -> bytes:
    """A string of Kafka's protocol."""
    return struct.pack(">h", len(value)) + value.encode()


def ask(address: str, key: int, version: int, body: bytes, seconds_max: int = 5) -> bytes:
    """One request of Kafka's protocol to host:port, and the body of its answer."""
    host, _, port = address.rpartition(":")
    request = struct.pack(">hhi", key, version, 1) + text("orchestrator-tests") + body
    with socket.create_connection((host, int(port)), timeout=seconds_max) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        answer = connection.makefile("rb")
        (size,) = struct.unpack(">i", answer.read(4).ljust(4, b"\0"))
        return answer.read(size)[4:]


def broker_count(address: str) -> int:
    """How many brokers a Kafka at host:port names in its metadata (request 3, version 4, no topics)."""
    _, brokers = struct.unpack_from(">ii", ask(address, 3, 4, struct.pack(">ib", 0, 0)).ljust(8, b"\0"))
    return brokers


def make_topic(address: str, name: str, partitions: int = 1) -> None:
    """Of one replica (request 19, version 2)."""
    body = struct.pack(">i", 1) + text(name) + struct.pack(">ihii", partitions, 1, 0, 0) + struct.pack(">ib", 10_000, 0)
    answer = ask(address, 19, 2, body, ADMINISTRATION_SECONDS_MAX)
    (error,) = struct.unpack_from(">h", answer, 8 + len(text(name)))
    assert error == 0, f"the topic was not made: error {error}"


class Kafka(Server):
    name = "kafka"
    variable = "ORCHESTRATOR_TEST_KAFKA"

    def prepare(self) -> None:
        java = shutil.which("java")
        if java is None:
            raise Unavailable("no java: install a runtime of version 17 or later (Debian: default-jre-headless)")
        self._java = java
        self._controller_port = free_port()
        self._settings = self.folder / "server.properties"
        self._write_settings(self._settings, self.folder / "data")
        self._home = self.cache / f"kafka-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"
        if not self._home.exists():
            self._fetch()
        self.make_data(self.folder / "data")

    def command(self) -> list[str]:
        return [*self._java_command(self._home), "-Xmx512m", "-XX:+UseSerialGC",
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "kafka.Kafka", str(self._settings)]

    def answers(self) -> bool:
        try:
            return broker_count(self.url) == 1
        except OSError:
            return False

    @property
    def url(self) -> str:
        return f"127.0.0.1:{self.port}"

    def listeners(self) -> dict[str, int]:
        """Security protocols and their ports. The broker itself uses PLAINTEXT."""
        return {"PLAINTEXT": self.port}

    def more_settings(self) -> list[str]:
        return []

    def make_data(self, data: Path) -> None:
        shutil.copytree(self._home / "template", data)

    def format_data(self, settings: Path, home: Path, *options: str) -> None:
        self.run_tool([*self._java_command(home), "-Xmx256m", "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID,
                       "-c", str(settings), *options], 120)

    def _java_command(self, home: Path) -> list[str]:
        return [self._java, "-XX:TieredStopAtLevel=1", "-cp", f"{home}/libs/*"]

    def _fetch(self) -> None:
        maven = shutil.which("mvn")
        if maven is None:
            raise Unavailable("no mvn to fetch Kafka with: install Maven (Debian: maven)")
        self.cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.cache) as folder:
            home = Path(folder) / "kafka"
            self.run_tool([maven, "-B", "-q", "-ntp", "-Dstyle.color=never", "--strict-checksums", "-f",
                           str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={home}/libs"], FETCH_SECONDS_MAX)
            settings = Path(folder) / "server.properties"
            self._write_settings(settings, home / "template")
            self.format_data(settings, home)
            try:
                os.rename(home, self._home)
            except OSError:
                if not self._home.exists():  # else another run was faster
                    raise

    def _write_settings(self, path: Path, data: Path) -> None:
        names = self.listeners()
        listeners = ",".join(f"{name}://127.0.0.1:{port}" for name, port in names.items())
        protocols = ",".join(f"{name}:{name}" for name in names)
        controller = f"127.0.0.1:{self._controller_port}"
        path.write_text("\n".join((
            "process.roles=broker,controller", "node.id=1", f"controller.quorum.voters=1@{controller}",
            f"listeners={listeners},CONTROLLER://{controller}", f"advertised.listeners={listeners}",
            f"listener.security.protocol.map={protocols},CONTROLLER:PLAINTEXT",
            "controller.listener.names=CONTROLLER", "inter.broker.listener.name=PLAINTEXT", f"log.dirs={data}",
            "num.partitions=1", "auto.create.topics.enable=false", "log.cleaner.enable=false",
            "offsets.topic.replication.factor=1", "offsets.topic.num.partitions=1",
            "transaction.state.log.replication.factor=1", "transaction.state.log.min.isr=1",
            "transaction.state.log.num.partitions=1", "group.initial.rebalance.delay.ms=0",
            # Short, or a broker that was killed is kept out for ten seconds when it returns.
            "broker.session.timeout.ms=1000", "broker.heartbeat.interval.ms=200",
            *self.more_settings(), "")))
