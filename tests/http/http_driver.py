"""Starts the server as a process of its own and talks to it, politely (Server.call) or byte by byte (Server.raw)."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import urllib.error
import urllib.request

import pytest

JSON = {"Content-Type": "application/json"}
TWO_ORDERS = {
    "portfolio_id": 1,
    "orders": [
        {"instrument_id": 1, "qty": 100, "side": "BUY", "price_limit": 2500.0},
        {"instrument_id": 2, "qty": 50, "side": "SELL", "price_limit": 2600.0},
    ],
}


def program():
    """The server beside the command line program of the build under test."""
    path = os.environ.get("ORCHESTRATOR_HTTP_BIN")
    if not path and os.environ.get("ORCHESTRATOR_CLI_FAILPOINTS_BIN"):
        path = str(pathlib.Path(os.environ["ORCHESTRATOR_CLI_FAILPOINTS_BIN"]).with_name("orchestrator_http"))
    if not path or not os.path.exists(path):
        pytest.skip("orchestrator_http was not built: set ORCHESTRATOR_HTTP_BIN")
    return path


def make_key(folder, name, role, tenant=None):
    words = [program(), "--keys-file", str(folder / "keys"), "key", name, "--role", role]
    made = subprocess.run(words + (["--of-tenant", tenant] if tenant else []), cwd=folder, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def bearer(key):
    return {"Authorization": f"Bearer {key}", **JSON} if key else JSON


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


def until(reached):
    """What comes with the server's own steps."""
    ready = threading.Event()
    for _ in range(400):
        if reached():
            return
        ready.wait(0.05)
    raise AssertionError("it did not come to pass")


class Server:
    def __init__(self, folder, database_url=None, options=(), environment=None):
        self.folder, self.options = pathlib.Path(folder), list(options)
        self.database_url = database_url or f"sqlite:///{self.folder}/orders.db"
        self.environment = environment or {}
        self.start()

    def start(self, port=0):
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("ORCHESTRATOR_HTTP_", "DATABASE_URL"))}
        environment.update(self.environment, DATABASE_URL=self.database_url)
        self.log = open(self.folder / "server.log", "ab")
        self.process = subprocess.Popen(
            [program(), "--port", str(port), "--mock-ledger", str(self.folder / "brokers"), *self.options],
            cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.port = self._read_port()

    def _read_port(self):
        said = b""
        for line in self.process.stderr:
            said += line
            found = re.search(rb"listening on .*port (\d+)", line)
            if found:
                # From now on nobody reads it here: into the file it goes.
                self.log_copier = threading.Thread(target=self._copy_log, args=(self.process.stderr, said), daemon=True)
                self.log_copier.start()
                return int(found.group(1))
        raise AssertionError(f"the server ended with {self.process.wait()}: {said.decode(errors='replace')}")

    def _copy_log(self, stream, said):
        self.log.write(said)
        for line in stream:
            self.log.write(line)
            self.log.flush()

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def call(self, method, path, body=None, headers=None, timeout=30):
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        given = dict(JSON) if data is not None else {}
        given.update(headers or {})
        request = urllib.request.Request(self.url(path), data=data, headers=given, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read())

    def get(self, path, **more):
        return self.call("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.call("POST", path, {} if body is None else body, **more)

    def connect(self, timeout=20):
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def raw(self, data, timeout=20):
        """Sends these bytes and gives all that comes until the server closes."""
        with self.connect(timeout) as client:
            client.sendall(data)
            return read_to_end(client)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, timeout=40):
        """SIGTERM; gives the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def close(self):
        if self.process.poll() is None:
            self.kill()


def read_to_end(client):
    said = b""
    while True:
        try:
            part = client.recv(65536)
        except ConnectionResetError:
            return said
        if not part:
            return said
        said += part


def status_of(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else None
