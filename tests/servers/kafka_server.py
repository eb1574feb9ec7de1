"""Apache Kafka for the tests: one node that is broker and controller, fetched once from Maven Central into the cache.

The cache holds libs/ (the jars) and template/ (an empty data folder, formatted: that takes a second)."""

import hashlib
import os
import shutil
import socket
import struct
import tempfile
from pathlib import Path
from typing import List

from server_process import Server, Unavailable, free_port

POM = Path(__file__).resolve().parent / "kafka" / "pom.xml"
CLUSTER_ID = "b3JjaGVzdHJhdG9yLXRlcw"  # any 16 bytes in base64
FETCH_SECONDS_MAX = 300


def broker_count(address: str) -> int:
    """How many brokers a Kafka at host:port names in its metadata (request 3, version 4, no topics)."""
    host, _, port = address.rpartition(":")
    client = b"orchestrator-tests"
    body = struct.pack(">hhih", 3, 4, 1, len(client)) + client + struct.pack(">ib", 0, 0)
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(struct.pack(">i", len(body)) + body)
        answer = connection.makefile("rb")
        (size,) = struct.unpack(">i", answer.read(4).ljust(4, b"\0"))
        _, _, brokers = struct.unpack_from(">iii", answer.read(size).ljust(12, b"\0"))
    return brokers


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
        shutil.copytree(self._home / "template", self.folder / "data")

    def command(self) -> List[str]:
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

    def _java_command(self, home: Path) -> List[str]:
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
            self.run_tool([*self._java_command(home), "-Xmx256m", "kafka.tools.StorageTool", "format",
                           "-t", CLUSTER_ID, "-c", str(settings)], 120)
            try:
                os.rename(home, self._home)
            except OSError:
                if not self._home.exists():  # else another run was faster
                    raise

    def _write_settings(self, path: Path, data: Path) -> None:
        listener = f"PLAINTEXT://127.0.0.1:{self.port}"
        controller = f"127.0.0.1:{self._controller_port}"
        path.write_text("\n".join((
            "process.roles=broker,controller", "node.id=1", f"controller.quorum.voters=1@{controller}",
            f"listeners={listener},CONTROLLER://{controller}", f"advertised.listeners={listener}",
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "controller.listener.names=CONTROLLER", "inter.broker.listener.name=PLAINTEXT", f"log.dirs={data}",
            "num.partitions=1", "auto.create.topics.enable=false", "log.cleaner.enable=false",
            "offsets.topic.replication.factor=1", "offsets.topic.num.partitions=1",
            "transaction.state.log.replication.factor=1", "transaction.state.log.min.isr=1",
            "transaction.state.log.num.partitions=1", "group.initial.rebalance.delay.ms=0",
            # Short, or a broker that was killed is kept out for ten seconds when it returns.
            "broker.session.timeout.ms=1000", "broker.heartbeat.interval.ms=200", "")))
