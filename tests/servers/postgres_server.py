"""PostgreSQL for the tests, from the system's packages but apart from any cluster of the system."""

import glob
import os
import pwd
import secrets
import shutil
import signal
from pathlib import Path

from server_process import Server, Unavailable

OWNER = "orchestrator"


def _newest_first(folder: str) -> list[int]:
    return [-int(number) for number in Path(folder).parent.name.split(".") if number.isdigit()]


class Postgres(Server):
    name = "postgres"
    variable = "ORCHESTRATOR_TEST_POSTGRES_URL"
    stop_signal = signal.SIGINT  # a fast shutdown: SIGTERM would wait for the clients
    end_signal = signal.SIGQUIT  # at once, but unlike SIGKILL it gives the shared memory back

    def __init__(self, folder: Path, cache: Path):
        super().__init__(folder, cache)
        self._password = secrets.token_hex(12)
        self._settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "",
                          "max_connections": 300,
                          # Nothing in /dev/shm that would outlive a kill.
                          "dynamic_shared_memory_type": "mmap",
                          # Else a start after a kill opens and syncs a thousand files one by one: seconds.
                          "recovery_init_sync_method": "syncfs"}

    def prepare(self) -> None:
        self._find_programs()
        password_file = self.folder / "password"
        password_file.write_text(self._password)
        password_file.chmod(0o600)
        self._own(self.folder, password_file)
        self.run_tool([str(self._programs / "initdb"), "--pgdata", str(self._data), "--username", OWNER,
                       "--pwfile", str(password_file), "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale",
                       "--no-sync"], 120)

    def _find_programs(self) -> None:
        packaged = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=_newest_first)
        initdb = shutil.which("initdb", path=os.pathsep.join([*packaged, os.environ.get("PATH", "")]))
        if initdb is None:
            raise Unavailable("no initdb: install PostgreSQL's server (Debian: postgresql)")
        self._programs = Path(initdb).resolve().parent
        # PGPORT, PGDATA and their kind are the user's own server.
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        if os.getuid() == 0:  # which PostgreSQL refuses to be
            try:
                self.account = pwd.getpwnam("postgres")
            except KeyError:
                raise Unavailable("PostgreSQL does not run as root, and there is no user postgres") from None

    def _own(self, *paths: Path) -> None:
        for path in paths if self.account else ():
            os.chown(path, self.account.pw_uid, self.account.pw_gid)

    def command(self) -> list[str]:
        return [str(self._programs / "postgres"), "-D", str(self._data),
                *[f"--{name}={value}" for name, value in self._settings.items()]]

    def answers(self) -> bool:
        """What pg_ctl looks at: the lines of postmaster.pid begin with the process id, and the eighth is its state. To
        try a connection instead would fill the log with refusals while a server that was killed recovers."""
        lines = self._state()
        return len(lines) >= 8 and lines[7].strip() == "ready"

    def _state(self) -> list[str]:
        """The lines of postmaster.pid, if it is of the process that was launched."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []
        return lines if lines[:1] == [str(self.pid)] else []

    @property
    def url(self) -> str:
        return self.url_of(self.port)

    def url_of(self, *ports: int) -> str:
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        return f"postgresql://{OWNER}:{self._password}@{hosts}/postgres"

    @property
    def _data(self) -> Path:
        return self.folder / "data"


class Primary(Postgres):
    """One with a standby. With `waits` a commit returns when the standby has it too."""

    name = "primary"

    def __init__(self, folder: Path, cache: Path, waits: bool):
        super().__init__(folder, cache)
        self._settings["synchronous_standby_names"] = "*" if waits else ""


class Standby(Postgres):
    name = "standby"

    def __init__(self, folder: Path, cache: Path, primary: Primary):
        super().__init__(folder, cache)
        self._primary = primary
        self._password = primary._password

    def prepare(self) -> None:
        self._find_programs()
        self._own(self.folder)
        self.environment["PGPASSWORD"] = self._password
        self.run_tool([str(self._programs / "pg_basebackup"), "--host", "127.0.0.1", "--port", str(self._primary.port),
                       "--username", OWNER, "--pgdata", str(self._data), "--write-recovery-conf", "--wal-method=stream",
                       "--checkpoint=fast", "--no-sync"], 120)

    def answers(self) -> bool:
        lines = self._state()
        return len(lines) >= 8 and lines[7].strip() in ("standby", "ready")

    def promote(self) -> None:
        self.run_tool([str(self._programs / "pg_ctl"), "promote", "--pgdata", str(self._data), "--wait"], 60)
