"""What clients can make an API hold is counted in bytes, and bounded: bodies that are
not whole, answers that nobody takes, and what one address may have."""

import contextlib
import json
import socket

import pytest
from harness.client import key_path
from harness.wait import wait_until

MIB = 1024 * 1024
SETTINGS = {
    "http.threads": 2,
    "http.max_item": "1MiB",
    "http.body_budget": "2MiB",
    "http.answer_budget": "12MiB",
    "list.max_bytes": "4MiB",
    "l1.bytes": "1MiB",
}


@pytest.fixture(scope="module")
def tight(world):
    """An API whose budgets are small."""
    return world.api(SETTINGS)


@pytest.fixture
def sockets():
    with contextlib.ExitStack() as stack:
        yield lambda *args, **more: stack.enter_context(connect(*args, **more))


def connect(daemon, address="127.0.0.1", room=None):
    s = socket.socket()
    if room:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    s.settimeout(20)
    s.bind((address, 0))
    s.connect(("127.0.0.1", daemon.http.port))
    return s


def head(path="/v1", method="GET", headers=""):
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode()


def put_head(key, length, kind="application/json"):
    headers = f"Content-Type: {kind}\r\nContent-Length: {length}\r\n"
    return head(key_path(key), "PUT", headers)


def answer(s):
    """Status, headers, body, of an answer with a length."""
    said = b""
    while b"\r\n\r\n" not in said:
        data = s.recv(65536)
        assert data, f"closed after {said}"
        said += data
    top, body = said.split(b"\r\n\r\n", 1)
    first, *lines = top.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    while len(body) < int(headers["content-length"]):
        body += s.recv(65536)
    return int(first.split()[1]), headers, body


def held(daemon, of):
    return daemon.metrics()["sluice_http_held_bytes", f'of="{of}"']


def refused(daemon, of):
    return daemon.metrics()["sluice_http_over_budget_total", f'of="{of}"']


# --- bodies ---------------------------------------------------------------------------


def test_what_is_announced_is_not_held(tight, sockets):
    for i in range(20):
        sockets(tight).sendall(put_head(f"announced {i}", MIB) + b"{")
    wait_until(lambda: held(tight, "bodies") == 20 * 1024, 10, "a KiB each")


def test_bodies_that_do_not_end(tight, sockets):
    """Three take all that large ones may have: the next is refused, small ones are not."""
    wait_until(lambda: held(tight, "bodies") == 0, 10, "nothing is held")
    before = refused(tight, "bodies")
    size = 500_000
    for i in range(3):
        sockets(tight).sendall(put_head(f"endless {i}", size) + b" " * 400_000)
    wait_until(lambda: held(tight, "bodies") > 1_400_000, 10, "they are held")
    late = sockets(tight)
    late.sendall(put_head("late", size) + b'{"value":"' + b"x" * (size - 12) + b'"}')
    status, headers, body = answer(late)
    assert (status, json.loads(body)["type"]) == (503, "urn:sluice:problem:write-buffer-full")
    assert headers["retry-after"] and headers["connection"] == "close"
    assert late.recv(100) == b""
    assert refused(tight, "bodies") > before
    assert tight.http.put("small", "one").status in (200, 201, 202)
    assert held(tight, "bodies") <= 1.5 * MIB


def test_a_body_is_held_until_the_log_has_it(tight):
    wait_until(lambda: held(tight, "bodies") == 0, 10, "what broke off is let go of")
    for i in range(8):
        assert tight.http.put(f"whole {i}", "x" * 900_000).status in (200, 201, 202)
    wait_until(lambda: held(tight, "bodies") == 0, 10, "it is let go of")


def test_bulks_that_do_not_end(tight, sockets):
    wait_until(lambda: held(tight, "bodies") == 0, 10, "nothing is held")
    bulk = "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n"
    piece = b'{"key":"b","value":"' + b"x" * 700_000
    for _ in range(4):
        s = sockets(tight)
        s.sendall(head("/v1/records", "POST", bulk) + b"%x\r\n%s\r\n" % (len(piece), piece))
    # Text doubles as it grows: two of a MiB would be too many.
    wait_until(lambda: refused(tight, "bodies") > 0, 10, "one is refused")
    s = sockets(tight)
    s.sendall(head("/v1/records", "POST", bulk) + b"%x\r\n%s\r\n" % (len(piece), piece))
    s.sendall(b"0\r\n\r\n")
    status, headers, body = answer(s)
    told = json.loads(body)
    assert (status, told["type"]) == (503, "urn:sluice:problem:write-buffer-full"), told
    assert headers["retry-after"] and told["results"] == []


# --- answers --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rows(tight):
    wait_until(lambda: held(tight, "bodies") == 0, 10, "what broke off is let go of")
    for i in range(5):
        answer = tight.http.put(f"large {i}", "x" * 900_000, prefer="wait=10")
        assert answer.status in (200, 201)


def test_answers_that_nobody_takes(tight, rows, sockets):
    wait_until(lambda: held(tight, "answers") < 100_000, 10, "nothing is held")
    before = refused(tight, "answers")
    page = head("/v1/records?key=like.large*&limit=5")
    for _ in range(2):
        s = sockets(tight, room=4096)
        s.sendall(page)
        assert s.recv(100).startswith(b"HTTP/1.1 200")
    wait_until(lambda: held(tight, "answers") > 8_500_000, 10, "both are held")
    s = sockets(tight)
    s.sendall(page)
    status, headers, body = answer(s)
    assert (status, json.loads(body)["type"]) == (503, "urn:sluice:problem:store-unavailable")
    assert headers["retry-after"]
    assert refused(tight, "answers") > before
    assert tight.http.get("small").status == 200
    assert tight.http.request("GET", "/v1/records?key=eq.small").status == 200


def test_answers_that_are_taken_hold_nothing(tight, rows):
    wait_until(lambda: held(tight, "answers") < 100_000, 10, "who left is let go of")
    path = "/v1/records?key=like.large*&limit=5"
    for _ in range(5):
        assert tight.http.request("GET", path).status == 200
    wait_until(lambda: held(tight, "answers") < 100_000, 10, "all are taken")
