"""A server of the tests: one process with its children, on a free port of the loopback, in a folder of its own.

It is a child of the process that started it and is killed by the kernel when that one dies, whatever it died of."""

import ctypes
import os
import pwd
import random
import signal
import socket
import subprocess
import time
from pathlib import Path

START_SECONDS_MAX = 90
STOP_SECONDS_MAX = 30
POLL_SECONDS = 0.02

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class Unavailable(Exception):
    """This machine cannot run the server; the text says why."""


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port() -> int:
    """Outside the range from which outgoing connections get their ports. Inside it, a client that calls the port of a
    server that is down gets that very port for itself one day, is connected to itself, and the server cannot return."""
    low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    ports = [port for port in range(10240, 65536) if not low <= port <= high] or list(range(low, high + 1))
    for port in random.sample(ports, min(len(ports), 200)):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise Unavailable("no free port on 127.0.0.1")


def _parent_and_state(pid: int) -> list[str] | None:
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return None
    return [parent, state]


def _children(pid: int) -> list[int]:
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return [child for child in pids if (_parent_and_state(child) or [""])[0] == str(pid)]


def _is_gone(pid: int) -> bool:
    found = _parent_and_state(pid)
    return found is None or found[1] in "ZX"


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


class Server:
    """What the servers have in common. A derived class says how to prepare its folder, what to run, and how to see
    that it answers."""

    name = ""
    variable = ""  # of the environment, where tests find the server
    stop_signal = signal.SIGTERM  # asks for a clean end
    end_signal = signal.SIGKILL  # when the folder is thrown away next

    def __init__(self, folder: Path, cache: Path):
        self.folder = folder / self.name
        self.cache = cache
        self.port = free_port()
        self.log = folder / f"{self.name}.log"
        self.environment: dict[str, str] = dict(os.environ)
        self.account: pwd.struct_passwd | None = None  # None: the one that runs the tests
        self.wanted = False  # it should be running: nothing has stopped it
        self._process: subprocess.Popen | None = None

    def prepare(self) -> None:
        raise NotImplementedError

    def command(self) -> list[str]:
        raise NotImplementedError

    def answers(self) -> bool:
        raise NotImplementedError

    @property
    def url(self) -> str:
        raise NotImplementedError

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def run_tool(self, command: list[str], seconds_max: int) -> None:
        """One of the server's own programs, to its end."""
        try:
            with open(self.log, "ab") as log:
                subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True,
                               timeout=seconds_max, preexec_fn=_die_with_parent, **self._as_account())
        except OSError as error:
            raise Unavailable(f"{command[0]} cannot be run: {error.strerror}") from error
        except subprocess.SubprocessError as error:
            raise Unavailable(f"{Path(command[0]).name} failed:\n{self.log_end()}") from error

    def launch(self) -> None:
        with open(self.log, "ab") as log:
            # A session of its own: Ctrl-C at the terminal is for the tests, which still need the server to end well.
            self._process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=_die_with_parent, **self._as_account())
        self.wanted = True

    def wait_until_it_answers(self) -> None:
        give_up = time.monotonic() + START_SECONDS_MAX
        while not self.answers():
            if not self.is_running:
                raise Unavailable(f"{self.name} ended while it started:\n{self.log_end()}")
            if time.monotonic() > give_up:
                raise Unavailable(f"{self.name} did not answer in {START_SECONDS_MAX} s:\n{self.log_end()}")
            time.sleep(POLL_SECONDS)

    def start(self) -> None:
        self.launch()
        self.wait_until_it_answers()

    def kill(self) -> None:
        """As a power cut would: every process at once, and none of it left on return."""
        self.wanted = False
        self.signal_all(signal.SIGSTOP)
        family = self._family()  # now, for what outlives its parent is nobody's child
        for pid in family:
            _send(pid, signal.SIGKILL)
        self._wait_until_gone(family)

    def pause(self) -> None:
        self.signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        self.signal_all(signal.SIGCONT)

    def stop(self) -> None:
        self._end_by(self.stop_signal)

    def end(self) -> None:
        """For good, and soon: nothing of its data will be read again."""
        if self.is_running:
            self._end_by(self.end_signal)

    def signal_all(self, number: int) -> None:
        """The server first: once it is stopped, it has no further child."""
        _send(self.pid, number)
        for child in _children(self.pid):
            _send(child, number)

    def log_end(self, lines: int = 15) -> str:
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(f"  {self.name}: {line}" for line in text.splitlines()[-lines:])

    def _as_account(self) -> dict:
        # Its own folder as the current one: an account of its own may have no right to enter ours.
        options: dict = {"cwd": self.folder, "env": self.environment}
        if self.account is not None:
            options.update(user=self.account.pw_uid, group=self.account.pw_gid, extra_groups=[])
        return options

    def _family(self) -> list[int]:
        return [self.pid, *_children(self.pid)]

    def _end_by(self, number: int) -> None:
        assert self._process is not None
        self.wanted = False
        family = self._family()
        self.signal_all(signal.SIGCONT)
        _send(self.pid, number)
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
        self._wait_until_gone(family)

    def _wait_until_gone(self, pids: list[int]) -> None:
        assert self._process is not None
        self._process.wait()
        give_up = time.monotonic() + STOP_SECONDS_MAX
        while not all(_is_gone(pid) for pid in pids):
            if time.monotonic() > give_up:
                raise RuntimeError(f"{self.name}: a process does not end though it was killed")
            time.sleep(POLL_SECONDS)
