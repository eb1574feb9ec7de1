"""The servers of docker-compose.yml without containers: the same settings on free ports of the loopback."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Dict, List

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "servers"))

from kafka_server import Kafka  # noqa: E402
from postgres_server import Postgres  # noqa: E402
from redis_server import Redis  # noqa: E402
from server_process import Server, free_port  # noqa: E402

PASSWORD = "compose0password"


def with_password(text: str) -> str:
    """What Compose makes of ${NAME:?...} and ${NAME:-...}."""
    return re.sub(r"\$\{\w+:[?-][^}]*\}", PASSWORD, text)


class ComposedPostgres(Postgres):
    """Made by initdb with POSTGRES_INITDB_ARGS and user, as the image does, and run by the service's command."""

    def __init__(self, folder: Path, cache: Path, service: dict):
        super().__init__(folder, cache)
        self._environment = service["environment"]
        self._password = PASSWORD
        program, *options = service["command"]
        assert program == "postgres" and options[::2] == ["-c"] * (len(options) // 2)
        self._settings.update(option.split("=", 1) for option in options[1::2])

    def prepare(self) -> None:
        self._find_programs()
        password_file = self.folder / "password"
        password_file.write_text(PASSWORD)
        self._own(self.folder, password_file)
        self.run_tool([str(self._programs / "initdb"), "--pgdata", str(self._data), "--no-sync", "--pwfile",
                       str(password_file), "--username", self._environment["POSTGRES_USER"],
                       *self._environment["POSTGRES_INITDB_ARGS"].split()], 120)

    def make_database(self) -> None:
        name, user = self._environment["POSTGRES_DB"], self._environment["POSTGRES_USER"]
        subprocess.run([str(self._programs / "createdb"), "--host=127.0.0.1", f"--port={self.port}", f"--username={user}",
                        name], check=True, env={**self.environment, "PGPASSWORD": PASSWORD}, timeout=60)


class ComposedRedis(Redis):
    """Run by the service's command, but for the port."""

    def __init__(self, folder: Path, cache: Path, service: dict):
        super().__init__(folder, cache)
        self.password = PASSWORD
        self._arguments = [with_password(word) for word in service["command"]]
        assert self._arguments.pop(0) == "redis-server"

    def command(self) -> List[str]:
        return [self._program, "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder),
                *self._arguments]


class ComposedKafka(Kafka):
    """Its properties are the service's, with the addresses of this machine and other ports."""

    def __init__(self, folder: Path, cache: Path, service: dict):
        super().__init__(folder, cache)
        self._environment = dict(service["environment"])
        self._cluster = self._environment.pop("CLUSTER_ID")
        self._ports = {"9092": self.port, "29092": free_port(), "9093": free_port()}

    def properties(self) -> Dict[str, str]:
        found = {}
        for name, value in self._environment.items():
            assert name.startswith("KAFKA_"), name
            value = re.sub(r"(?<=[/@])(kafka|127\.0\.0\.1)?:(\d+)", lambda at: f"127.0.0.1:{self._ports[at[2]]}", value)
            found[name.removeprefix("KAFKA_").lower().replace("_", ".")] = value
        found["log.dirs"] = str(self.folder / "data")
        return found

    def _write_settings(self, path: Path, data: Path) -> None:
        if data != self.folder / "data":  # of the template that others share
            super()._write_settings(path, data)
            return
        path.write_text("".join(f"{name}={value}\n" for name, value in self.properties().items()))

    def make_data(self, data: Path) -> None:
        self.run_tool([*self._java_command(self._home), "-Xmx256m", "kafka.tools.StorageTool", "format", "-t",
                       self._cluster, "-c", str(self._settings)], 120)


COMPOSED = {"postgres": ComposedPostgres, "redis": ComposedRedis, "kafka": ComposedKafka}


def started(name: str, folder: Path, service: dict) -> Server:
    server = COMPOSED[name](folder, ROOT / "build" / "servers", service)
    server.folder.mkdir()
    folder.chmod(0o755)
    server.prepare()
    server.start()
    return server
