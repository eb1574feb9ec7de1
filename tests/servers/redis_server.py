"""Redis for the tests: it keeps nothing on disk, so that it returns empty from every restart."""

import secrets
import shutil
import socket
from typing import List

from server_process import Server, Unavailable


class Redis(Server):
    name = "redis"
    variable = "ORCHESTRATOR_TEST_REDIS_URL"

    def prepare(self) -> None:
        program = shutil.which("redis-server")
        if program is None:
            raise Unavailable("no redis-server: install Redis (Debian: redis-server)")
        self._program = program
        self._password = secrets.token_hex(12)
        self._settings = self.folder / "redis.conf"
        self._settings.touch(0o600)
        self._settings.write_text("\n".join((
            "bind 127.0.0.1", f"port {self.port}", f"requirepass {self._password}", "daemonize no", 'save ""',
            "appendonly no", f"dir {self.folder}", "")))

    def command(self) -> List[str]:
        return [self._program, str(self._settings)]

    def answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                return connection.makefile("rb").read(len("+OK\r\n+PONG\r\n")) == b"+OK\r\n+PONG\r\n"
        except OSError:
            return False

    @property
    def url(self) -> str:
        # The user is named: older redis-cli and libraries take an empty one literally.
        return f"redis://default:{self._password}@127.0.0.1:{self.port}/0"
