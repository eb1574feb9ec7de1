"""PostgreSQL for the tests, from the system's packages but apart from any cluster of the system."""

import glob
import os
import pwd
import secrets
import shutil
import signal
from pathlib import Path
from typing import List

from server_process import Server, Unavailable

OWNER = "orchestrator"


def _newest_first(folder: str) -> List[int]:
    return [-int(number) for number in Path(folder).parent.name.split(".") if number.isdigit()]


class Postgres(Server):
    name = "postgres"
    variable = "ORCHESTRATOR_TEST_POSTGRES_URL"
    stop_signal = signal.SIGINT  # a fast shutdown: SIGTERM would wait for the clients
    end_signal = signal.SIGQUIT  # at once, but unlike SIGKILL it gives the shared memory back

    def prepare(self) -> None:
        packaged = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=_newest_first)
        initdb = shutil.which("initdb", path=os.pathsep.join([*packaged, os.environ.get("PATH", "")]))
        if initdb is None:
            raise Unavailable("no initdb: install PostgreSQL's server (Debian: postgresql)")
        self._programs = Path(initdb).resolve().parent
        # PGPORT, PGDATA and their kind are the user's own server.
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        self._password = secrets.token_hex(12)
        password_file = self.folder / "password"
        password_file.write_text(self._password)
        password_file.chmod(0o600)
        if os.getuid() == 0:  # which PostgreSQL refuses to be
            try:
                self.account = pwd.getpwnam("postgres")
            except KeyError:
                raise Unavailable("PostgreSQL does not run as root, and there is no user postgres") from None
            for path in (self.folder, password_file):
                os.chown(path, self.account.pw_uid, self.account.pw_gid)
        self.run_tool([str(self._programs / "initdb"), "--pgdata", str(self._data), "--username", OWNER,
                       "--pwfile", str(password_file), "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale",
                       "--no-sync"], 120)

    def command(self) -> List[str]:
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "",
                    "max_connections": 300,
                    # Nothing in /dev/shm that would outlive a kill.
                    "dynamic_shared_memory_type": "mmap",
                    # Else a start after a kill opens and syncs a thousand files one by one: seconds.
                    "recovery_init_sync_method": "syncfs"}
        return [str(self._programs / "postgres"), "-D", str(self._data),
                *[f"--{name}={value}" for name, value in settings.items()]]

    def answers(self) -> bool:
        """What pg_ctl looks at: the lines of postmaster.pid begin with the process id, and the eighth is its state. To
        try a connection instead would fill the log with refusals while a server that was killed recovers."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0] == str(self.pid) and lines[7].strip() == "ready"

    @property
    def url(self) -> str:
        return f"postgresql://{OWNER}:{self._password}@127.0.0.1:{self.port}/postgres"

    @property
    def _data(self) -> Path:
        return self.folder / "data"
