"""Clients that do not play by the rules: each gets a 4xx problem or is closed, inside the limits, while others are
served."""

import json
import resource
import socket
import struct
import time

import pytest

from http_driver import TWO_ORDERS, read_to_end, status_of

BODY = json.dumps(TWO_ORDERS).encode()
POST = b"POST /api/v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
GET = b"GET /api/v1/batches HTTP/1.1\r\nHost: localhost\r\n"


def with_length(body=BODY, more=b""):
    return POST + more + b"Content-Length: %d\r\n\r\n" % len(body) + body


def batches(server):
    return len(server.get("/api/v1/batches").json()["batches"])


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize("request_bytes", [
    POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + SMUGGLED,
    POST + b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n" + SMUGGLED,
    POST + b"Content-Length: 44\r\nContent-Length: 44\r\n\r\n" + SMUGGLED,
    POST + b"Content-Length: +44\r\n\r\n" + SMUGGLED,
    POST + b"Content-Length: 4 4\r\n\r\n" + SMUGGLED,
    POST + b"Content-Length: -1\r\n\r\n" + SMUGGLED,
    POST + b"Content-Length: 99999999999999999999\r\n\r\n" + SMUGGLED,
    POST + b"Content-Length: 0x10\r\n\r\n" + SMUGGLED,
    POST + b"Content-Length : 0\r\n\r\n" + SMUGGLED,
    POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
    POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    POST + b"X-A: b\r\n c\r\nContent-Length: 0\r\n\r\n" + SMUGGLED,
    POST + b"X-A: b\r\n\tc\r\nContent-Length: 0\r\n\r\n" + SMUGGLED,
    POST + b"X-A: b\nContent-Length: 0\r\n\r\n" + SMUGGLED,
    POST + b"X-A: b\rContent-Length: 0\r\n\r\n" + SMUGGLED,
    POST + b"X-A: b\x00c\r\nContent-Length: 0\r\n\r\n" + SMUGGLED,
    POST.replace(b"HTTP/1.1", b"HTTP/1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + SMUGGLED,
    POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n" + SMUGGLED,
    POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n" + SMUGGLED,
    POST.replace(b"\r\n", b"\n") + b"\n" + SMUGGLED,
    b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n" + SMUGGLED,
    b"GET /health HTTP/1.1\r\n\r\n" + SMUGGLED,
    b"GET  /health HTTP/1.1\r\nHost: localhost\r\n\r\n" + SMUGGLED,
    b"GET /health HTTP/2.0\r\nHost: localhost\r\n\r\n" + SMUGGLED,
    b"GET /health\r\n\r\n" + SMUGGLED,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n" + SMUGGLED,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SMUGGLED,
])
def test_what_two_servers_could_read_differently_is_refused_and_the_connection_closed(server, request_bytes):
    answer = server.raw(request_bytes)
    assert status_of(answer) in (400, 413, 501, 505), answer
    assert answer.count(b"HTTP/1.1 ") == 1 and b"Connection: close" in answer
    assert b"application/problem+json" in answer
    assert batches(server) == 0


def test_pipelined_requests_are_answered_in_order(server):
    one = with_length(more=b"X-Request-Id: a\r\n") + GET + b"X-Request-Id: b\r\n\r\n"
    last = GET + b"X-Request-Id: c\r\nConnection: close\r\n\r\n"
    answer = server.raw(one * 50 + last)
    ids = [line.split(b": ")[1] for line in answer.split(b"\r\n") if line.startswith(b"X-Request-Id")]
    assert ids == [b"a", b"b"] * 50 + [b"c"]
    assert answer.count(b"HTTP/1.1 200 OK") == 101


def test_a_half_closed_client_gets_its_answer(server):
    with server.connect() as client:
        client.sendall(with_length())
        client.shutdown(socket.SHUT_WR)
        answer = read_to_end(client)
    assert status_of(answer) == 200 and b'"batch_id":1' in answer


def test_half_a_request_that_ends_is_none(server):
    with server.connect() as client:
        client.sendall(with_length()[:-1])
        client.shutdown(socket.SHUT_WR)
        assert read_to_end(client) == b""
    assert batches(server) == 0


def test_a_request_is_read_however_it_is_cut(server):
    with server.connect() as client:
        for byte in with_length(more=b"Connection: close\r\n"):
            client.sendall(bytes([byte]))
        assert status_of(read_to_end(client)) == 200


def test_a_chunked_body_and_an_expectation_are_served(server):
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(BODY[i:i + 7]), BODY[i:i + 7]) for i in range(0, len(BODY), 7))
    answer = server.raw(POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
    assert status_of(answer) == 200, answer
    with server.connect() as client:
        client.sendall(POST + b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(BODY))
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(BODY)
        assert status_of(read_to_end(client)) == 200


@pytest.mark.parametrize("request_bytes, status", [
    (POST + b"Content-Length: 1048577\r\n\r\n", 413),
    (POST + b"Transfer-Encoding: chunked\r\n\r\n" + (b"10000\r\n" + b" " * 65536 + b"\r\n") * 17, 413),
    (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 431),
    (GET + b"X-A: " + b"a" * 9000, 431),
    (GET + b"A: b\r\n" * 3000 + b"\r\n", 431),
    (POST + b"Expect: more\r\nContent-Length: 0\r\n\r\n", 417),
], ids=["length", "chunks", "target", "line", "lines", "expectation"])
def test_what_is_too_large_is_refused_at_once(server, request_bytes, status):
    answer = server.raw(request_bytes)
    assert status_of(answer) == status, answer[:200]


def test_a_body_of_the_largest_size_is_read(server):
    body = b" " * 524_200 + BODY
    body += b" " * (1_048_576 - len(body))
    assert server.post("/api/v1/orders", body).status == 200
    assert server.post("/api/v1/orders", body + b" ").status == 413


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b"1", b'"x"', b"\xff\xfe", b"{}", b"{\"portfolio_id\":1,\"orders\":[]}",
    b"[" * 100_000, b'{"a":' * 100_000, b'{"portfolio_id":1,"portfolio_id":2,"orders":[]}',
    BODY.replace(b"2500.0", b"NaN"), BODY.replace(b"2500.0", b"Infinity"), BODY.replace(b"2500.0", b"1e309"),
    BODY.replace(b"2500.0", b"1e-30"), BODY.replace(b"2500.0", b"-0"), BODY.replace(b"2500.0", b"9" * 40),
    BODY.replace(b"2500.0", b'"100 "'), BODY.replace(b"100", b"-5"), BODY.replace(b"BUY", b"BU\x00Y"),
    BODY.replace(b'"BUY"', b'"HOLD"'), BODY.replace(b'"portfolio_id": 1', b'"portfolio_id": 9223372036854775808'),
    json.dumps({**TWO_ORDERS, "orders": TWO_ORDERS["orders"][:1] * 10_001}).encode(),
    BODY.replace(b'"portfolio_id"', b'"portfolio_id\\u0000"'), BODY + b"x",
], ids=lambda body: body[:20].decode(errors="replace") + f"-{len(body)}")
@pytest.mark.parametrize("path", ["/api/v1/orders", "/api/v1/halt", "/api/v1/orders/1/simulate_fill"])
def test_a_body_that_cannot_be_meant_is_a_problem_and_writes_nothing(server, path, body):
    if path.endswith("simulate_fill"):
        server.post("/api/v1/orders", TWO_ORDERS)
    answer = server.post(path, body)
    assert 400 <= answer.status < 500, (answer.status, answer.body[:300])
    problem = answer.json()
    assert problem["status"] == answer.status and problem["request_id"] == answer.headers["X-Request-Id"]
    assert server.get("/health").json()["status"] == "ok"
    assert batches(server) == (1 if path.endswith("simulate_fill") else 0)


@pytest.mark.parametrize("target", [
    "/api/v1/orders/../../health", "/api/v1/orders/%2e%2e", "/api/v1/orders/1%00", "/api/v1/orders/%zz", "/%",
    "/api/v1/orders/1;drop", "/api/v1/orders/99999999999999999999", "/api/v1/orders/-1", "/api/v1/orders/0",
    "/api/v1/orders/01", "/api/v1/orders/1/", "//health", "/api/v1/orders?limit=0", "/api/v1/orders?limit=1001",
    "/api/v1/orders?limit=x", "/api/v1/orders?cursor=-1", "/api/v1/orders?nix=1", "/api/v1/orders?status=nix",
    "/api/v1/orders?limit=1&limit=2", "/api/v1/events?after=x", "/api/v1/batches/1/wait?timeout_ms=60001", "*",
    "http://localhost/health", "/api/v1/orders?broker=%0d%0aSet-Cookie:%20a", "/api/v1/orders?batch_id=1%27--",
])
def test_a_target_that_names_nothing_is_a_problem(server, target):
    answer = server.raw(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    if "broker=" in target:  # a name that no broker has
        assert b'"orders":[]' in answer and b"Set-Cookie" not in answer.split(b"\r\n\r\n")[0]
    else:
        assert status_of(answer) in (400, 404), answer


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "CONNECT", "get", "BREW"])
def test_another_method_is_told_which_there_are(server, method):
    answer = server.raw(f"{method} /api/v1/orders HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert status_of(answer) == 405 and b"Allow: POST, GET, HEAD\r\n" in answer, answer


@pytest.mark.parametrize("given, sane", [("abc-1.2_3:4", True), ("a b", False), ("<script>", False), ("a" * 65, False)])
def test_a_request_id_comes_back_when_it_can_do_no_harm(server, given, sane):
    answer = server.get("/health", headers={"X-Request-Id": given})
    assert (answer.headers["X-Request-Id"] == given) == sane and answer.headers["X-Request-Id"]


@pytest.mark.parametrize("headers, code", [
    ({"Host": "example.com"}, "foreign_host"), ({"Host": "localhost.example.com"}, "foreign_host"),
    ({"Origin": "https://example.com"}, "foreign_origin"), ({"Origin": "null"}, "foreign_origin"),
])
def test_without_keys_a_page_of_another_site_reaches_nothing(server, headers, code):
    for answer in (server.get("/api/v1/orders", headers=headers), server.post("/api/v1/orders", TWO_ORDERS, headers=headers)):
        assert (answer.status, answer.json()["code"]) == (403, code)
    assert batches(server) == 0


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_what_a_form_of_another_site_can_send_is_refused(server, content_type):
    answer = server.post("/api/v1/orders", TWO_ORDERS, headers={"Content-Type": content_type})
    assert (answer.status, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.slow
def test_slow_clients_are_cut_off_while_others_are_served(server):
    head, body = server.connect(60), server.connect(60)
    head.sendall(GET)
    body.sendall(with_length()[:-10])
    idle = [server.connect() for _ in range(300)]
    begin = time.monotonic()
    while time.monotonic() - begin < 11:  # a byte now and then does not buy more time
        head.sendall(b"X")
        assert server.get("/health").status == 200
        time.sleep(0.5)
    assert status_of(read_to_end(head)) == 408
    assert server.post("/api/v1/orders", TWO_ORDERS).status == 200
    assert status_of(read_to_end(body)) == 408
    for client in idle + [head, body]:
        client.close()


def test_connections_beyond_the_limit_are_told_so(start_server):
    server = start_server(options=["--max-connections", "10"])
    held = [server.connect() for _ in range(10)]
    for client in held:  # accepted for sure
        client.sendall(GET + b"\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 200")
    with server.connect() as one_more:
        assert status_of(read_to_end(one_more)) == 503
    for client in held:
        client.close()


def test_a_low_limit_on_open_files_is_raised_as_far_as_it_may_be(start_server):
    low, high = resource.getrlimit(resource.RLIMIT_NOFILE)
    if high < 1024:
        pytest.skip("this account may not open enough files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, high))  # what the server is born with
    try:
        server = start_server()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (low, high))
    held = [server.connect() for _ in range(200)]
    for client in held:
        client.sendall(GET + b"\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 200")
    for client in held:
        client.close()


def test_bodies_under_way_are_bounded_together(server):
    begun = [server.connect() for _ in range(128)]
    for client in begun:
        client.sendall(POST + b"Expect: 100-continue\r\nContent-Length: 1048576\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 100 ")
    answer = server.raw(with_length())
    assert status_of(answer) == 503 and b'"code":"overloaded"' in answer and b"Retry-After: 1" in answer
    assert server.get("/api/v1/batches").status == 200
    for client in begun:
        client.close()
    while status_of(server.raw(with_length(more=b"Connection: close\r\n"))) == 503:
        pass  # until the server has seen them go


def test_a_client_that_resets_harms_nobody(server):
    for _ in range(50):
        client = server.connect()
        client.sendall(with_length())
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    assert server.get("/health").status == 200
