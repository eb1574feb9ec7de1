"""PgBouncer in transaction mode, in front of a PostgreSQL of the tests."""

import os
import pwd
import shutil
import socket
from pathlib import Path
from urllib.parse import urlsplit

from server_process import Server, Unavailable


class PgBouncer(Server):
    name = "pgbouncer"

    def __init__(self, folder: Path, cache: Path, postgres_url: str):
        super().__init__(folder, cache)
        self._target = urlsplit(postgres_url)

    def prepare(self) -> None:
        self._program = shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin")
        if self._program is None:
            raise Unavailable("no pgbouncer: install it (Debian: pgbouncer)")
        users = self.folder / "users.txt"
        users.write_text(f'"{self._target.username}" "{self._target.password}"\n')
        users.chmod(0o600)
        # Two sessions for all clients: whatever needs a session of its own cannot work.
        self._settings = self.folder / "pgbouncer.ini"
        self._settings.write_text(f"""[databases]
* = host={self._target.hostname} port={self._target.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
default_pool_size = 2
max_client_conn = 100
ignore_startup_parameters = extra_float_digits,options
""")
        if os.getuid() == 0:  # which PgBouncer refuses to be
            self.account = pwd.getpwnam("postgres")
            for path in (self.folder, users, self._settings):
                os.chown(path, self.account.pw_uid, self.account.pw_gid)

    def command(self) -> list[str]:
        return [str(self._program), str(self._settings)]

    def answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def url(self) -> str:
        target = self._target
        return f"postgresql://{target.username}:{target.password}@127.0.0.1:{self.port}{target.path}"
