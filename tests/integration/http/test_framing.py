"""Requests that two servers could read in two ways, or that are refused by their
head: answered at once, with one head, on both listeners; what follows on the
connection is no request (RFC 9112)."""

import json
import re
import socket
import time

import pytest
from harness.client import key_path
from harness.wait import wait_until

AT_ONCE_S = 2
HOST = "Host: 127.0.0.1\r\n"
TYPE = "Content-Type: application/json\r\n"
CHUNKED = HOST + TYPE + "Transfer-Encoding: chunked\r\n"
BODY = '{"value":"x"}'
WRITE = "PUT /v1/records/framing"
# What a proxy may take for the body, and Sluice must not take for a request.
NEXT = "GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def write(headers, body=BODY, version="1.1"):
    return f"{WRITE} HTTP/{version}\r\n{headers}\r\n{body}"


def read(headers="", target="/livez", version="1.1"):
    return f"GET {target} HTTP/{version}\r\n{headers}\r\n"


def length(value):
    return HOST + TYPE + f"Content-Length: {value}\r\n"


def coding(value):
    return HOST + TYPE + f"Transfer-Encoding: {value}\r\n"


# What it is, the bytes, the statuses that are right.
MALFORMED = [
    ("a blank before the colon of a length", write(HOST + f"Content-Length : {len(NEXT)}\r\n", NEXT), {400}),
    ("a tab before the colon of a length", write(HOST + f"Content-Length\t: {len(NEXT)}\r\n", NEXT), {400}),
    ("a blank before the colon of a coding", write(HOST + "Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), {400}),
    ("an unknown coding", write(coding("xchunked")), {400, 501}),
    ("identity", write(coding("identity")), {400, 501}),
    ("gzip", write(coding("gzip")), {400, 501}),
    ("two codings", write(coding("gzip, chunked")), {400, 501}),
    ("chunked, then another", write(coding("chunked, identity")), {400, 501}),
    ("chunked twice", write(CHUNKED + "Transfer-Encoding: chunked\r\n", "0\r\n\r\n"), {400}),
    ("chunked in HTTP/1.0", write(CHUNKED, "0\r\n\r\n", "1.0"), {400}),
    ("chunked and a length", write(CHUNKED + "Content-Length: 5\r\n", "0\r\n\r\n"), {400}),
    ("a length and chunked", write(length(5) + "Transfer-Encoding: chunked\r\n", "0\r\n\r\n"), {400}),
    ("two lengths", write(length(13) + "Content-Length: 5\r\n"), {400}),
    ("a list of lengths", write(length("13, 13")), {400}),
    ("a length with a sign", write(length("+13")), {400}),
    ("a length below zero", write(length("-1")), {400}),
    ("a length in hexadecimal", write(length("0x0d")), {400}),
    ("no digits", write(length("x")), {400}),
    ("an empty length", write(length("")), {400}),
    ("a length of 2^63", write(length(2**63)), {400, 413}),
    ("a length of 2^64 - 1", write(length(2**64 - 1)), {400, 413}),
    ("a length of 2^64", write(length(2**64)), {400, 413}),
    ("a length of forty digits", write(length("9" * 40)), {400, 413}),
    ("no Host", read(), {400}),
    ("two Hosts", read(HOST + HOST), {400}),
    ("a Host with a blank", read("Host: a b\r\n"), {400}),
    ("a Host with a user", read("Host: a@127.0.0.1\r\n"), {400}),
    ("a Host with a path", read("Host: 127.0.0.1/x\r\n"), {400}),
    ("a Host with a bad port", read("Host: 127.0.0.1:8x\r\n"), {400}),
    ("a Host in open brackets", read("Host: [::1\r\n"), {400}),
    ("a name with a blank", read(HOST + "X Y: z\r\n"), {400}),
    ("an empty name", read(HOST + ": z\r\n"), {400}),
    ("a folded line", read(HOST + "X: y\r\n z\r\n"), {400}),
    ("a name that is folded into a length", write(HOST + "Content-Len: 13\r\n gth\r\n"), {400}),
    ("a first line that is folded", read(" X: y\r\n" + HOST), {400}),
    ("a line without a colon", read(HOST + "nothing\r\n"), {400}),
    ("a bare LF", read("Host: 127.0.0.1\nX: y\r\n"), {400}),
    ("a bare LF behind the request line", "GET /livez HTTP/1.1\n" + HOST + "\r\n", {400}),
    ("a bare CR in a value", read(HOST + "X: y\rHost: z\r\n"), {400}),
    ("a bare CR behind a value", read("X: y\r\r\n" + HOST), {400}),
    ("a bare CR behind the last value", read(HOST + "X: y\r\r\n"), {400}),
    ("a bare CR in the path", read(HOST, "/livez\rx"), {400}),
    ("a bare CR in the query", read(HOST, "/livez?a=\rx"), {400}),
    ("a line in the path", read(HOST, "/livez HTTP/1.1\rX: GET /livez"), {400}),
    ("a blank in the path", read(HOST, "/livez x"), {400}),
    ("a tab in the query", read(HOST, "/livez?\tx"), {400}),
    ("a bare CR in the method", "G\rT /livez HTTP/1.1\r\n" + HOST + "\r\n", {400}),
    ("a method that is no token", "G(T /livez HTTP/1.1\r\n" + HOST + "\r\n", {400}),
    ("a NUL in the method", "GET\0 /livez HTTP/1.1\r\n" + HOST + "\r\n", {400}),
    ("a name behind NULs in the method", "GET\0\0\0: /livez HTTP/1.1\r\n" + HOST + "\r\n", {400}),
    ("a NUL in a value", read(HOST + "X: y\0z\r\n"), {400}),
    ("a NUL behind a value", read(HOST + "X: y\0\r\n"), {400}),
    ("a NUL where a value begins", read("X: \0y\r\n" + HOST), {400}),
    ("two NULs where a value begins", read("X: \0\0y\r\n" + HOST), {400}),
    ("NULs in a name that is a length", write(CHUNKED + "Content-: \0\0\0Length: 1\r\n", "0\r\n\r\n"), {400}),
    ("NULs in a last value", read(HOST + "X: \0\0\0Y: z\r\n"), {400}),
    ("a NUL in the path", read(HOST, "/livez\0x"), {400}),
    ("a NUL in the query", read(HOST, "/livez?a=\0x"), {400}),
    ("a target without a slash", read(HOST, "livez"), {400}),
    ("another scheme", read(HOST, "ftp://127.0.0.1/livez"), {400}),
    ("a URL without a host", read(HOST, "http:///livez"), {400}),
    ("an unknown version", read(HOST, version="3.0"), {505}),
    ("no version", "GET /livez\r\n\r\n", {400}),
    ("an old version", read(HOST, version="0.9"), {505}),
    ("parameters without end", read(HOST, "/livez?" + "&" * 2000), {431}),
]  # fmt: skip
# A daemon may refuse the route first; what matters is that nobody waits.
BAD_CHUNKS = [
    ("a chunk of 2^64 - 1", "f" * 16 + "\r\nabc"),
    ("a chunk of 2^64", "1" + "0" * 16 + "\r\nabc"),
    ("a size with a sign", "+3\r\nabc\r\n"),
    ("a size with 0x", "0x3\r\nabc\r\n"),
    ("a size below zero", "-3\r\nabc\r\n"),
    ("no size", "\r\nabc\r\n"),
    ("a bare LF behind the size", "3\nabc\r\n0\r\n\r\n"),
    ("a bare LF behind an extension", "3;a=b\nabc\r\n0\r\n\r\n"),
    ("a bare LF behind the data", "3\r\nabc\n3\r\nabc\r\n0\r\n\r\n"),
    ("more than was said", "3\r\nabcdef\r\n0\r\n\r\n"),
]
HEADS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")


def exchange(port, message):
    """What is said until the connection ends, and how long that takes."""
    began = time.monotonic()
    said = b""
    with socket.create_connection(("127.0.0.1", port), AT_ONCE_S) as s:
        s.sendall(message if isinstance(message, bytes) else message.encode("latin-1"))
        try:
            while data := s.recv(65536):
                said += data
        except ConnectionResetError:
            pass
    return said, time.monotonic() - began


def listener(request, api, writer):
    return {"api": api.http.port, "admin": api.admin.port, "writer": writer.admin.port}[request]


@pytest.fixture(params=["api", "admin", "writer"])
def port(request, world, api):
    (writer,) = world.of("writer")
    return listener(request.param, api, writer)


def refused(port, message, statuses):
    """One answer, which is the last."""
    said, seconds = exchange(port, message)
    found = HEADS.findall(said)
    assert len(found) == 1 and int(found[0]) in statuses, said
    assert seconds < AT_ONCE_S
    head, _, body = said.partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower(), said
    return head, body


def is_problem(head, body):
    assert b"Content-Type: application/problem+json" in head, head
    problem = json.loads(body)
    assert problem["type"].startswith("urn:sluice:problem:") and problem["detail"], problem
    assert head.split()[1] == str(problem["status"]).encode()


# libmicrohttpd says these itself, before anything is asked.
BY_THE_LIBRARY = ("colon", "version")


@pytest.mark.parametrize("what, message, statuses", MALFORMED, ids=[m[0] for m in MALFORMED])
def test_malformed(port, what, message, statuses):
    head, body = refused(port, message + NEXT, statuses)
    if not what.endswith(BY_THE_LIBRARY):
        is_problem(head, body)


@pytest.mark.parametrize("what, body", BAD_CHUNKS, ids=[b[0] for b in BAD_CHUNKS])
def test_malformed_chunks(api, what, body):
    for target, more in ((WRITE, ""), ("POST /v1/records", "Prefer: wait=5\r\n")):
        message = f"{target} HTTP/1.1\r\n{CHUNKED}{more}\r\n{body}"
        refused(api.http.port, message, {400, 413})


def test_malformed_chunks_of_an_operator(world):
    (writer,) = world.of("writer")
    for what, body in BAD_CHUNKS:
        message = f"POST /rejections/0-1/requeue HTTP/1.1\r\n{CHUNKED}\r\n{body}"
        refused(writer.admin.port, message, {400, 413, 403})


def test_chunks_that_are_well_formed(http, api):
    """Each byte of it alone, too, and with extensions and trailers."""
    for body in (
        "d\r\n" + BODY + "\r\n0\r\n\r\n",
        "5;a=b\r\n" + BODY[:5] + "\r\n08\r\n" + BODY[5:] + "\r\n0\r\nX: y\r\n\r\n",
    ):
        message = (f"{WRITE} HTTP/1.1\r\n{CHUNKED}Connection: close\r\n\r\n{body}").encode()
        said, _ = exchange(api.http.port, message)
        assert said.startswith(b"HTTP/1.1 202"), said
        with socket.create_connection(("127.0.0.1", api.http.port), 10) as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for i in range(len(message)):
                s.sendall(message[i : i + 1])
            assert s.recv(65536).startswith(b"HTTP/1.1 202")


def test_a_blank_behind_chunked(api):
    """Legal. Before 1.0 libmicrohttpd cannot be brought to take it: then it is refused
    at once, where it hung."""
    body = f"d\r\n{BODY}\r\n0\r\n\r\n"
    headers = coding("chunked ") + "Connection: close\r\n"
    said, seconds = exchange(api.http.port, write(headers, body))
    assert said.startswith((b"HTTP/1.1 202", b"HTTP/1.1 400")), said
    assert len(HEADS.findall(said)) == 1 and seconds < AT_ONCE_S, said


@pytest.mark.parametrize(
    "target, status",
    [
        ("http://127.0.0.1:1/livez", 200),
        ("HTTP://localhost/livez?a=b", 200),
        ("https://[::1]:8081/livez", 200),
        ("http://127.0.0.1", 404),
        ("*", 404),
    ],
)
def test_absolute_form(world, target, status):
    """RFC 9112, 3.2.2: what a client sends to a proxy."""
    (writer,) = world.of("writer")
    said, _ = exchange(writer.admin.port, read(HOST + "Connection: close\r\n", target))
    assert said.startswith(b"HTTP/1.1 %d" % status), said


def test_absolute_form_of_a_document(http, api):
    http.put("absolute", "here", prefer="wait=10")
    target = "http://sluice.example" + key_path("absolute")
    said, _ = exchange(api.http.port, read("Host: 10.0.0.1\r\nConnection: close\r\n", target))
    assert said.startswith(b"HTTP/1.1 200") and b'"here"' in said, said


@pytest.mark.parametrize(
    "lines, status",
    [
        ("Host: 10.0.0.1\r\n", 200),
        ("host:localhost:8080 \r\n", 200),
        ("Host: [::1]:80\r\n", 200),
        ("Host: x\r\n", 403),
        ("Host:\r\n", 403),
    ],
)
def test_a_host_that_is_well_formed(api, lines, status):
    """403: the listener does not have the name (http.hosts)."""
    said, _ = exchange(api.http.port, read(lines + "Connection: close\r\n", "/v1"))
    assert said.startswith(b"HTTP/1.1 %d" % status), said


def test_http_1_0(api):
    said, _ = exchange(api.http.port, read("", "/v1", "1.0"))
    assert said.startswith(b"HTTP/1.1 200"), said


# --- refused by the head ---------------------------------------------------------------

ROUTES = [
    ("GET", "/v1", 413),
    ("GET", "/v1/records/a", 413),
    ("GET", "/v1/records", 413),
    ("PUT", "/v1/records/a", 413),
    ("PATCH", "/v1/records/a", 413),
    ("DELETE", "/v1/records/a", 413),
    ("POST", "/v1/records", 413),
    ("POST", "/v1/unknown", 404),
    ("PUT", "/v1/records/" + "a" * 300, 422),
    ("POST", "/write", 413),
    ("POST", "/posts", 413),
    ("PUT", "/posts/1", 413),
    ("POST", "/cache/clear", 413),
    ("GET", "/health", 413),
    ("POST", "/health", 405),
    ("POST", "/no/such/route", 404),
    ("BREW", "/v1/records/a", 405),
]
ADMIN = [("GET", "/livez", 200), ("POST", "/livez", 405), ("POST", "/no/such/route", 413)]


def huge(method, path, more=""):
    return f"{method} {path} HTTP/1.1\r\n{HOST}{TYPE}{more}Content-Length: 99999999999\r\n\r\n"


@pytest.mark.parametrize("more", ["", "Expect: 100-continue\r\n"], ids=["sent", "expected"])
@pytest.mark.parametrize("method, path, status", ROUTES, ids=[" ".join(r[:2])[:30] for r in ROUTES])
def test_a_body_that_is_too_large(api, method, path, status, more):
    """The final status comes before the body, and there is no 100."""
    is_problem(*refused(api.http.port, huge(method, path, more), {status}))


@pytest.mark.parametrize("method, path, status", ADMIN)
def test_a_body_that_is_too_large_for_an_operator(api, method, path, status):
    for more in ("", "Expect: 100-continue\r\n"):
        refused(api.admin.port, huge(method, path, more), {status, 413})


def test_the_answer_is_read_by_a_client_that_sends_all_of_its_body(http):
    """The connection is not reset under it."""
    for _ in range(5):
        answer = http.put_raw("large", b'{"value":"' + b"x" * 3_000_000 + b'"}')
        assert (answer.status, answer.problem) == (413, "payload-too-large"), answer
        http.forget()
        answer = http.request("POST", "/no/such/route", b"x" * 3_000_000)
        assert (answer.status, answer.problem) == (404, "not-found"), answer
        http.forget()


def test_a_chunked_body_that_is_too_large(api):
    with socket.create_connection(("127.0.0.1", api.http.port), AT_ONCE_S) as s:
        s.sendall(f"{WRITE} HTTP/1.1\r\n{CHUNKED}\r\n".encode())
        piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        for _ in range(17):
            s.sendall(piece)
        said = b""
        while data := s.recv(65536):
            said += data
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413"), said
    is_problem(head, body)


@pytest.mark.parametrize("coding", ["gzip", "br, gzip", "x"])
def test_content_encoding(http, coding):
    """RFC 9110, 15.5.16"""
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}
    for method, path in (("PUT", key_path("coded")), ("POST", "/v1/records"), ("POST", "/write")):
        answer = http.request(method, path, BODY, headers)
        assert (answer.status, answer.problem) == (415, "unsupported-media-type"), answer
        assert answer.header("Accept-Encoding") == "identity"
    headers["Content-Encoding"] = "Identity"
    assert http.request("PUT", key_path("coded"), BODY, headers).status == 202


def test_a_refusal_without_a_body_keeps_the_connection(api):
    requests = (("GET", "/no/such/route", 404), ("DELETE", "/health", 405), ("GET", "/v1/x/y", 404))
    with socket.create_connection(("127.0.0.1", api.http.port), 10) as s:
        for method, path, status in requests:
            s.sendall(f"{method} {path} HTTP/1.1\r\n{HOST}\r\n".encode())
            said = b""
            while b"}" not in said:
                said += s.recv(65536)
            assert said.startswith(b"HTTP/1.1 %d" % status), said
            assert b"Connection: close" not in said, said


@pytest.mark.parametrize(
    "headers, status",
    [
        ({"Content-Type": "text/csv"}, 415),
        ({"Content-Encoding": "gzip"}, 415),
        ({"If-Match": "*"}, 422),
        ({"Idempotency-Key": "a"}, 422),
    ],
)
def test_a_bulk_that_its_head_refuses_writes_nothing(world, http, headers, status):
    before = sum(world.ends())
    lines = b'{"key":"none","value":"x"}\n' * 100
    answer = http.request(
        "POST", "/v1/records", lines, {"Content-Type": "application/x-ndjson", **headers}
    )
    assert answer.status == status, answer
    answer = http.request("POST", "/v1/unknown", lines, {"Content-Type": "application/x-ndjson"})
    assert answer.status == 404, answer
    # What is written now comes behind what they could have written.
    http.put("behind them", "x", prefer="wait=10")
    assert sum(world.ends()) == before + 1


# --- answers without a body ----------------------------------------------------------


def lengths(api, method, path, headers=""):
    """The status, the lengths that are told, the head. The connection is used again, if
    it may be: no body follows."""
    with socket.create_connection(("127.0.0.1", api.http.port), 10) as s:
        message = f"{method} {path} HTTP/1.1\r\n{HOST}{headers}"
        s.sendall(f"{message}\r\n{message}Connection: close\r\n\r\n".encode())
        said = b""
        while data := s.recv(65536):
            said += data
    heads = said.split(b"HTTP/1.1 ")[1:]
    assert len(heads) == (1 if b"Connection: close" in heads[0] else 2), said
    found = [re.findall(r"(?im)^content-length: (\d+)", h.decode()) for h in heads]
    assert all(h.split(b"\r\n\r\n")[1] == b"" for h in heads), said
    assert found[0] == found[-1], said
    return int(heads[0][:3]), found[0], heads[0]


def test_answers_without_a_body_have_the_length_of_the_other(api, http):
    """RFC 9110, 8.6: a 304 and the answer to a HEAD have no Content-Length, or that of
    the 200 to a GET."""
    http.put("bodyless", "x", prefer="wait=10")
    for path in (key_path("bodyless"), "/v1/records?limit=1", "/openapi.json", "/", "/docs"):
        whole = http.request("GET", path)
        length = str(len(whole.body))
        tag = f"If-None-Match: {whole.header('ETag')}\r\n"
        for method in ("GET", "HEAD"):
            status, told, _ = lengths(api, method, path, tag)
            assert (status, told) == (304, [length]), (method, path)
        assert lengths(api, "HEAD", path)[:2] == (200, [length]), path


def test_streams_have_no_length(api):
    for path, accept in (("/v1/records", "application/x-ndjson"), ("/v1/records/_changes", "*/*")):
        status, told, head = lengths(api, "HEAD", path, f"Accept: {accept}\r\n")
        assert (status, told) == (200, []), head


def test_no_content_has_no_length(api, http):
    http.put("deleted", "x", prefer="wait=10")
    headers = f"{HOST}Prefer: wait=10\r\nConnection: close\r\n"
    said, _ = exchange(api.http.port, f"DELETE {key_path('deleted')} HTTP/1.1\r\n{headers}\r\n")
    assert said.startswith(b"HTTP/1.1 204") and said.endswith(b"\r\n\r\n"), said
    assert b"content-length" not in said.lower(), said


def test_what_clients_send_is_counted_and_does_not_fill_the_log(api):
    counted = api.metrics()["sluice_http_malformed_total"]
    began, before = time.monotonic(), len(api.events("http.library"))
    for _ in range(300):
        refused(api.http.port, write(length("x")), {400})
    lines = api.events("http.library")[before:]
    assert len(lines) <= time.monotonic() - began + 2, lines
    assert not any("level=warn" in line for line in lines), lines
    assert before or lines
    wait_until(
        lambda: api.metrics()["sluice_http_malformed_total"] >= counted + 300, 5, "they are counted"
    )
