"""Holds the HTTP server against the library in a process of its own: the same bodies on the same disk, in turns, slice by
slice; each ratio is the median of the pairs. The load generator (wrk) shares the machine with the server.

    python3 bench/http/run.py SERVER IN_PROCESS [--folder FOLDER] [--pairs N] [--seconds N]
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent


@contextlib.contextmanager
def server(program, folder, database):
    with subprocess.Popen([program, "--port", "0", "--mock-ledger", "memory:", "--database-url", f"sqlite:///{database}"],
                          cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        port = None
        while port is None:
            found = re.search(r"listening on .*port (\d+)", process.stderr.readline())
            port = found and int(found.group(1))
        try:
            yield port
        finally:
            process.terminate()


def wrk(port, connections, seconds, *script, path="", lua="place.lua"):
    command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--latency", "-s", str(HERE / lua),
               f"http://127.0.0.1:{port}{path}", "--", *map(str, script)]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    result = json.loads(said[said.index("RESULT") + 7:].splitlines()[0])
    if result["failed"]:
        raise SystemExit(f"{result['failed']} requests failed: {command}")
    return result


def pairs(arguments, name, connections, orders):
    """Both sides in turns, on databases of their own."""
    ours, theirs = [], []
    for turn in range(arguments.pairs):
        inside, outside = (arguments.folder / f"{name}-{turn}-{side}.db" for side in ("in", "out"))
        said = subprocess.run([arguments.in_process, f"sqlite:///{inside}", str(connections), str(orders),
                               str(arguments.seconds)], stdout=subprocess.PIPE, check=True).stdout
        theirs.append(json.loads(said))
        with server(arguments.server, arguments.folder, outside) as port:
            ours.append(wrk(port, connections, arguments.seconds, orders, f"run-{turn}"))
    return ours, theirs


def middle(results, field):
    return statistics.median(result[field] for result in results)


def ratio(ours, theirs, field):
    return statistics.median(a[field] / b[field] for a, b in zip(ours, theirs))


def replays(arguments):
    """A key's replay against the server's own smallest answer, in turns on one server."""
    replay, echo = [], []
    with server(arguments.server, arguments.folder, arguments.folder / "replay.db") as port:
        for turn in range(arguments.pairs):
            replay.append(wrk(port, 32, arguments.seconds, 2, "", "one-key"))
            echo.append(wrk(port, 32, arguments.seconds, lua="echo.lua", path="/nowhere"))
    return replay, echo


def next_client_ms(port):
    """How long a new client waits for its first answer, in milliseconds: the worst of fifty."""
    worst = 0.0
    for _ in range(50):
        begin = time.monotonic()
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert client.recv(65536).startswith(b"HTTP/1.1 404")
        worst = max(worst, (time.monotonic() - begin) * 1000)
    return worst


def idle(arguments):
    with server(arguments.server, arguments.folder, arguments.folder / "idle.db") as port:
        alone = next_client_ms(port)
        held = [socket.create_connection(("127.0.0.1", port)) for _ in range(1000)]
        beside = next_client_ms(port)
        for client in held:
            client.close()
    return alone, beside


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("server", type=os.path.abspath)
    parser.add_argument("in_process", type=os.path.abspath)
    parser.add_argument("--folder", type=lambda text: pathlib.Path(text).resolve(), default=pathlib.Path("build/bench-data/http"))
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    arguments = parser.parse_args()
    shutil.rmtree(arguments.folder, ignore_errors=True)
    arguments.folder.mkdir(parents=True)
    print(f"{'':34}{'http/s':>9}{'in process/s':>14}{'ratio':>8}{'p50 us':>9}{'p99 us':>9}")
    for name, connections, orders in (("2 orders, 32 connections", 32, 2), ("100 orders, 32 connections", 32, 100),
                                      ("2 orders, 1 connection", 1, 2)):
        ours, theirs = pairs(arguments, name.replace(" ", "-").replace(",", ""), connections, orders)
        print(f"{name:34}{middle(ours, 'rate'):9.0f}{middle(theirs, 'rate'):14.0f}{ratio(ours, theirs, 'rate'):8.2f}"
              f"{middle(ours, 'p50'):9.0f}{middle(ours, 'p99'):9.0f}"
              f"   p50 {ratio(ours, theirs, 'p50'):.2f} x in process, p99 {middle(ours, 'p99') / middle(ours, 'p50'):.1f} x p50",
              flush=True)
    replay, echo = replays(arguments)
    print(f"{'replay of a key, 32 connections':34}{middle(replay, 'rate'):9.0f}{middle(echo, 'rate'):14.0f}"
          f"{ratio(replay, echo, 'rate'):8.2f}{middle(replay, 'p50'):9.0f}{middle(replay, 'p99'):9.0f}   against its own echo")
    print("next client, worst of 50: %.1f ms alone, %.1f ms beside 1,000 idle connections" % idle(arguments))


if __name__ == "__main__":
    main()
