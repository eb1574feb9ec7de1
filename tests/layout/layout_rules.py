"""The layout rules as functions: each takes a file's path inside the project and its text, and gives the breaches
as (line number, message) pairs. A message says what to do, not only what is wrong."""

import re
from collections.abc import Callable, Iterator

Breach = tuple[int, str]
LINES_MAX = 500

# Which rooms a room may include. A room is named by the folder that holds it.
_BELOW_ADAPTERS = {"include", "src/core", "src/codec"}
ROOMS = {
    "include": {"include"},
    "src/core": {"include", "src/core"},
    "src/codec": {"include", "src/core", "src/codec"},
    "src/engine": {"include", "src/core", "src/codec", "src/engine"},
    "src/adapters": _BELOW_ADAPTERS,  # and its own folder: see may_include
    "src": _BELOW_ADAPTERS | {"src/engine", "src/adapters", "src"},
    "cli": {"include", "src/core", "src/codec", "cli"},
    "python": {"include", "python"},
    "examples": {"include", "examples"},
    # Of the CLI the settings alone: see HTTP_SERVER_OF_CLI.
    "examples/http_server": {"include", "cli", "examples/http_server"},
}

HTTP_SERVER_OF_CLI = {"cli/settings.hpp", "cli/setting_options.hpp", "cli/input.hpp"}

# Where a third-party header may be included: header prefix -> (folders or files by regular expression, description).
THIRD_PARTY = {
    r"nlohmann/": (r"src/codec/|examples/http_server/json_body\.cpp$", "src/codec or the HTTP server's json_body.cpp"),
    r"boost/": (
        r"examples/http_server/(connection|server)\.[ch]pp$|examples/http_server/asio_sources\.cpp$",
        "the HTTP server's connection, server or asio_sources",
    ),
    r"prometheus/": (r"examples/http_server/(metrics|state_families)\.", "the HTTP server's metrics and state_families"),
    r"spdlog/": (r"examples/http_server/log[^/]*$", "the HTTP server's log"),
    r"pqxx|libpq-fe": (
        r"src/adapters/postgres/(connection\.cpp|link\.hpp)$|bench/postgres_[^/]*$",
        "connection.cpp or link.hpp of src/adapters/postgres, or bench/postgres_*",
    ),
    r"hiredis/": (
        r"src/adapters/redis/(connection|tls)\.cpp$|bench/redis_[^/]*$",
        "connection.cpp or tls.cpp of src/adapters/redis or bench/redis_*",
    ),
    r"openssl/": (
        r"src/adapters/redis/tls\.cpp$|examples/http_server/access[^/]*\.cpp$",
        "src/adapters/redis/tls.cpp or the HTTP server's access",
    ),
    r"librdkafka/": (
        r"src/adapters/kafka/producer\.cpp$|tests/support/kafka_[^/]*$|bench/kafka_[^/]*$",
        "src/adapters/kafka/producer.cpp, the tests' kafka_* support or bench/kafka_*",
    ),
    r"SQLiteCpp/|sqlite3": (
        r"src/adapters/sqlite/|src/adapters/brokers/sqlite_[^/]*$|bench/",
        "src/adapters/sqlite, the brokers' sqlite_* ledger or bench",
    ),
    r"CLI/": (r"cli/|examples/http_server/settings\.cpp$", "cli or the HTTP server's settings.cpp"),
    r"benchmark/": (r"bench/", "bench"),
    r"pybind11|Python\.h|datetime\.h": (r"python/src/", "python/src"),
    r"doctest": (r"tests/|include/orchestrator/testing/", "tests or the shipped contract suites"),
}

CLOCK_FILE = "src/core/system_clock.cpp"
NOT_MONEY = re.compile(r"//\s*not money: \S")


def strip_comments_and_strings(text: str) -> str:
    """C++ text with comments and literals blanked out, line numbers kept."""
    pattern = re.compile(
        r"""//[^\n]* | /\*.*?\*/ | R"(?P<d>[^()\s\\]*)\(.*?\)(?P=d)" | "(?:\\.|[^"\\\n])*"
            | (?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'""",
        re.DOTALL | re.VERBOSE,
    )
    return pattern.sub(lambda m: " " + "\n" * m.group(0).count("\n"), text)


def room_of(path: str) -> str:
    """The folder naming the room of a file, or "" for files outside the rooms."""
    adapter = re.match(r"src/adapters/[^/]+/", path)
    if adapter:
        return adapter.group(0).rstrip("/")
    for room in ("src/core", "src/codec", "src/engine", "src", "include", "cli", "python", "examples/http_server", "examples"):
        if path.startswith(room + "/"):
            return room
    return ""


def may_include(includer: str, included: str) -> bool:
    if includer == included:
        return True
    allowed = ROOMS["src/adapters" if includer.startswith("src/adapters/") else includer]
    return ("src/adapters" if included.startswith("src/adapters/") else included) in allowed


def included_room(path: str, header: str) -> str:
    """The room of an included header; "" for system and third-party headers."""
    if header.startswith("orchestrator/"):
        return "include"
    if re.match(r"(core|codec|engine|adapters)/", header):
        return room_of("src/" + header)
    if re.match(r"(src|cli|python|examples)/", header):
        return room_of(header)
    if header.startswith("../"):
        parts = path.split("/")[:-1]
        while header.startswith("../") and parts:
            header, parts = header[3:], parts[:-1]
        return room_of("/".join(parts + [header]))
    return ""


def includes(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        found = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
        if found:
            yield number, found.group(1)


def is_cpp(path: str) -> bool:
    return path.endswith((".cpp", ".hpp", ".h", ".cc"))


def in_library(path: str) -> bool:
    return is_cpp(path) and path.startswith(("include/", "src/"))


def include_directions(path: str, text: str) -> list[Breach]:
    room = room_of(path)
    if not is_cpp(path) or not room:
        return []
    breaches = []
    for number, header in includes(text):
        other = included_room(path, header)
        if room == "examples/http_server" and other == "cli" and header not in HTTP_SERVER_OF_CLI:
            breaches.append((number, f"{room} may know of cli only its settings and input, not {header}"))
        elif other and not may_include(room, other):
            breaches.append(
                (number, f"{room} may not know {other}: take an interface from include/orchestrator instead of {header}")
            )
    return breaches


def third_party_headers(path: str, text: str) -> list[Breach]:
    if not is_cpp(path):
        return []
    breaches = []
    for number, header in includes(text):
        for prefix, (home, description) in THIRD_PARTY.items():
            at_home = re.match(home, path) or path.startswith("tests/") and not prefix.startswith("CLI")
            if re.match(prefix, header) and not at_home:
                breaches.append((number, f"<{header}> belongs in {description} alone: hide it behind that room's functions"))
    return breaches


def _code_lines(text: str) -> Iterator[tuple[int, str, str]]:
    """Line number, the line without comments and literals, the line as written."""
    written = text.splitlines()
    for number, code in enumerate(strip_comments_and_strings(text).splitlines(), 1):
        yield number, code, written[number - 1]


def floating_point(path: str, text: str) -> list[Breach]:
    if not in_library(path):
        return []
    words = re.compile(r"\b(double|float|stod|stof|stold|strtod|strtof|strtold|atof)\b")
    return [
        (number, f"{found.group(1)}: use Price, Quantity or Money; if it is no amount, end the line with // not money: why")
        for number, code, written in _code_lines(text)
        if (found := words.search(code)) and not NOT_MONEY.search(written)
    ]


def printing_or_exiting(path: str, text: str) -> list[Breach]:
    if not in_library(path):
        return []
    words = re.compile(
        r"std::(cout|cerr|clog|print|println)\b|\b(printf|fprintf|vprintf|puts|putchar|perror)\s*\(|<iostream>"
        r"|\b(abort|exit|_exit|_Exit|quick_exit|terminate)\s*\("
    )
    return [
        (number, f"{found.group(0).strip()}: the library neither prints nor exits; throw orchestrator::Error or use the "
         "log sink (a failure point that must die says so: // failpoint: why)")
        for number, code, written in _code_lines(text)
        if (found := words.search(code)) and not re.search(r"//\s*failpoint: \S", written)
    ]


def wall_clock(path: str, text: str) -> list[Breach]:
    if not in_library(path) or path == CLOCK_FILE:
        return []
    words = re.compile(r"\bsystem_clock::now\b|\b(gettimeofday|clock_gettime)\s*\(|\bstd::time\s*\(")
    return [
        (number, f"{found.group(0)}: ask the Clock that was passed in; only {CLOCK_FILE} reads the wall clock")
        for number, code, _ in _code_lines(text)
        if (found := words.search(code))
    ]


def too_long(path: str, text: str) -> list[Breach]:
    if not (is_cpp(path) or path.endswith((".py", ".sh", ".cmake"))):
        return []
    lines = text.count("\n")
    if lines <= LINES_MAX:
        return []
    return [(lines, f"{lines} lines, at most {LINES_MAX}: split it into two rooms or two files by job")]


def leftover_notes(path: str, text: str) -> list[Breach]:
    words = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK")) + r")\b")
    return [
        (number, f"{found.group(1)}: do it, or open an issue and delete the note")
        for number, line in enumerate(text.splitlines(), 1)
        if (found := words.search(line))
    ]


def machine_paths(path: str, text: str) -> list[Breach]:
    words = re.compile(r"(?<![\w.$}/~-])/(home|Users|root|work|mnt|media)/[\w.-]+|\b[A-Z]:\\Users\\|\.\./shared/")
    return [
        (number, f"{found.group(0)}: a path of one machine; use a path inside the project, a setting or a temporary folder")
        for number, line in enumerate(text.splitlines(), 1)
        if (found := words.search(line))
    ]


RULES: list[Callable[[str, str], list[Breach]]] = [
    include_directions,
    third_party_headers,
    floating_point,
    printing_or_exiting,
    wall_clock,
    too_long,
    leftover_notes,
    machine_paths,
]
