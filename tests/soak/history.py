"""What the clients of a soak remember: JSON lines, on disk before a request leaves and before its answer counts.

    {"what": "asked", "key", "body"}              a placement that is about to be sent, perhaps not for the first time
    {"what": "answered", "key", "receipt"}        its receipt, byte for byte
    {"what": "refused", "key", "code", "why", "overtaken"}
                                                  not placed; "overtaken": unless an earlier attempt, whose answer was
                                                  lost, was still under way then
    {"what": "filled", "order_id", "executions"}  acknowledged by the server
    {"what": "cancelled", "order_id"}             the cancel was acknowledged
    {"what": "changed_answer", "key", "was", "is"}  a replay that is not what was acknowledged: a finding"""

import json
import os
import threading


def read(path):
    """Of a writer that was killed the last line may be torn: it never counted."""
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]
    return [json.loads(line) for line in lines if line]


def unfinished(lines):
    """Keys that were asked for and have no outcome yet, with their bodies."""
    asked = {line["key"]: line["body"] for line in lines if line["what"] == "asked"}
    ended = {line["key"] for line in lines if line["what"] in ("answered", "refused")}
    return {key: body for key, body in asked.items() if key not in ended}


class History:
    def __init__(self, path):
        # What a killed writer left of its last line is ended, so that it spoils no line but itself.
        torn = path.exists() and not path.read_bytes().endswith(b"\n") and path.stat().st_size > 0
        if torn:
            whole = path.read_bytes().rpartition(b"\n")
            path.write_bytes(whole[0] + whole[1])
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._lock = threading.Lock()

    def write(self, what, **more):
        line = json.dumps({"what": what, **more}).encode() + b"\n"
        with self._lock:
            os.write(self._file, line)
        os.fdatasync(self._file)
