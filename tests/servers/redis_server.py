"""Redis for the tests: it keeps nothing on disk, so that it returns empty from every restart."""

import secrets
import shutil
import socket
from pathlib import Path

from server_process import Server, Unavailable


class Redis(Server):
    name = "redis"
    variable = "ORCHESTRATOR_TEST_REDIS_URL"

    def __init__(self, folder: Path, cache: Path):
        super().__init__(folder, cache)
        self.password = secrets.token_hex(12)

    def prepare(self) -> None:
        program = shutil.which("redis-server")
        if program is None:
            raise Unavailable("no redis-server: install Redis (Debian: redis-server)")
        self._program = program
        self._settings = self.folder / "redis.conf"
        self._settings.touch(0o600)
        self._settings.write_text("\n".join((
            "bind 127.0.0.1", f"port {self.port}", f"requirepass {self.password}", "daemonize no", 'save ""',
            "appendonly no", f"dir {self.folder}",
            "repl-diskless-sync-delay 0", *self.more_settings(), "")))

    def more_settings(self) -> list[str]:
        return []

    def command(self) -> list[str]:
        return [self._program, str(self._settings)]

    def answers(self) -> bool:
        try:
            return self.ask("PING") == "+PONG"
        except OSError:
            return False

    def ask(self, command: str) -> str:
        """One command; the first line of the answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(f"AUTH {self.password}\r\n{command}\r\n".encode())
            lines = connection.makefile("rb")
            lines.readline()
            return lines.readline().decode().rstrip()

    @property
    def url(self) -> str:
        # The user is named: older redis-cli and libraries take an empty one literally.
        return f"redis://default:{self.password}@127.0.0.1:{self.port}/0"


class Replica(Redis):
    name = "redis-replica"

    def __init__(self, folder: Path, cache: Path, primary: Redis):
        super().__init__(folder, cache)
        self._primary = primary
        self.password = primary.password

    def more_settings(self) -> list[str]:
        return [f"masterauth {self.password}", f"replicaof 127.0.0.1 {self._primary.port}"]

    def lose_its_primary(self) -> None:
        """It stays a replica, and hears nothing any more."""
        assert self.ask("REPLICAOF 127.0.0.1 1") == "+OK"

    def take_over_the_address(self) -> None:
        """Of the primary, which is dead."""
        assert self.ask(f"CONFIG SET port {self._primary.port}") == "+OK"
        self.port = self._primary.port

    def promote(self) -> None:
        assert self.ask("REPLICAOF NO ONE") == "+OK"
