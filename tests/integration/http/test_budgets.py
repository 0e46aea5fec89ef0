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
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode()


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
    """Three take all that large ones may have: the next is refused at once, by its head or
    as its bytes come; small ones are not."""
    wait_until(lambda: held(tight, "bodies") == 0, 10, "nothing is held")
    before = refused(tight, "bodies")
    size = 500_000
    for i in range(3):
        sockets(tight).sendall(put_head(f"endless {i}", size) + b" " * 400_000)
    wait_until(lambda: held(tight, "bodies") > 1_400_000, 10, "they are held")
    whole = b'{"value":"' + b"x" * (size - 12) + b'"}'
    chunk = b"%x\r\n%s\r\n" % (300_000, b" " * 300_000)
    expects = "Content-Type: application/json\r\nExpect: 100-continue\r\n"
    in_chunks = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
    for message in (
        put_head("late", size),
        put_head("late", size) + whole,
        head(key_path("late"), "PUT", expects + f"Content-Length: {size}\r\n"),
        head(key_path("late"), "PUT", in_chunks) + chunk,
        head("/v1/records", "POST", f"Content-Type: application/json\r\nContent-Length: {size}\r\n")
        + whole[:-1],
    ):
        late = sockets(tight)
        late.sendall(message)
        status, headers, body = answer(late)
        assert (status, json.loads(body)["type"]) == (503, "urn:sluice:problem:write-buffer-full")
        assert headers["retry-after"] and headers["connection"] == "close"
        assert late.recv(100) == b""
    assert refused(tight, "bodies") - before == 5
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


# --- slow -----------------------------------------------------------------------------


def test_slow_senders_do_not_keep_the_memory(tight, sockets):
    """With half of the budget used, who is slow and holds much of it is cut off."""
    wait_until(lambda: held(tight, "bodies") == 0, 10, "nothing is held")
    small = sockets(tight)
    small.sendall(put_head("patient", 3000) + b" " * 2000)
    large = [sockets(tight) for _ in range(3)]
    for s in large:
        s.sendall(put_head("slow", 500_000) + b" " * 400_000)
    wait_until(lambda: held(tight, "bodies") > 1_400_000, 10, "they are held")
    wait_until(lambda: held(tight, "bodies") <= MIB, 15, "one is cut off, at least")
    # The small one stays, as does everything while there is room.
    small.sendall(b'{"value":"one"}'.rjust(1000))
    assert answer(small)[0] == 202


def test_slow_readers_do_not_keep_the_memory(tight, rows, sockets):
    wait_until(lambda: held(tight, "answers") < 100_000, 10, "nothing is held")
    for _ in range(2):
        s = sockets(tight, room=4096)
        s.sendall(head("/v1/records?key=like.large*&limit=5"))
        assert s.recv(100).startswith(b"HTTP/1.1 200")
    wait_until(lambda: held(tight, "answers") > 8_500_000, 10, "both are held")
    wait_until(lambda: held(tight, "answers") <= 6 * MIB, 15, "one is cut off, at least")


def test_a_reader_slower_than_it_may_be(special_api, rows, sockets):
    """It takes something all the time, which http.send_timeout alone allows."""
    settings = {"http.min_send_rate": "1MiB", "http.send_timeout": "1s"}
    api = special_api({**SETTINGS, **settings, "http.answer_budget": "1GiB"})
    s = sockets(api, room=4096)
    s.sendall(head("/v1/records?key=like.large*&limit=5"))
    cut = "sluice_http_cut_total"

    s.settimeout(0.01)

    def is_cut():
        with contextlib.suppress(TimeoutError):
            s.recv(500)
        return api.metrics()[cut] == 1

    wait_until(is_cut, 30, "it is cut off")


# --- one address ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def shared(world):
    """An API of which one address may have a half."""
    settings = {
        "http.threads": 1,
        "http.client_share": 50,
        "http.proxies": "127.0.0.9, 10.0.0.0/8",
        "http.max_connections": 40,
        "http.max_bulks": 2,
        "changes.max": 2,
        "export.max": 2,
    }
    return world.api(settings)


def ask(s, path="/v1", headers="", method="GET"):
    s.sendall(head(path, method, headers))
    return s.recv(65536).split(b"\r\n")[0].decode()


def client_refused(daemon, of):
    return daemon.metrics()["sluice_http_client_refused_total", f'of="{of}"']


def test_connections_of_one_address(shared, sockets):
    others = [sockets(shared, "127.0.0.2") for _ in range(20)]
    assert all(" 200 " in ask(s) for s in others)
    more = sockets(shared, "127.0.0.2")
    assert more.recv(100) == b"", "it is closed"
    assert client_refused(shared, "connections") == 1
    assert " 200 " in ask(sockets(shared, "127.0.0.3"))
    others.pop().close()
    wait_until(lambda: " 200 " in ask(sockets(shared, "127.0.0.2")), 10, "there is room")


def test_idle_connections_keep_nobody_out(shared, sockets):
    """As many as there may be, and none of them wants anything: the oldest go."""
    evicted = shared.metrics()["sluice_http_evicted_total"]
    kept = sockets(shared, "127.0.0.4")
    assert " 200 " in ask(kept)
    idle = [sockets(shared, "127.0.0.9") for _ in range(60)]
    assert " 200 " in ask(sockets(shared, "127.0.0.5"))
    wait_until(
        lambda: shared.metrics()["sluice_http_evicted_total"] > evicted, 10, "it is told"
    )
    # Who has had an answer is kept longer than who has asked nothing.
    assert " 200 " in ask(kept)
    assert idle[0].recv(100) == b""


BULK = "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n"


@pytest.mark.parametrize(
    "of, path, method, headers",
    [
        ("bulks", "/v1/records", "POST", BULK),
        ("feeds", "/v1/records/_changes", "GET", ""),
    ],
)
def test_one_address_has_its_share(shared, sockets, of, path, method, headers):
    begin = b"1\r\n{\r\n" if method == "POST" else b""
    end = b"0\r\n\r\n" if method == "POST" else b""
    before = client_refused(shared, of)
    gauge = {"bulks": "sluice_bulks", "feeds": "sluice_change_feeds"}[of]
    wait_until(lambda: shared.metrics()[gauge] == 0, 10, "there is none")
    first = sockets(shared, "127.0.0.6")
    first.sendall(head(path, method, headers) + begin)
    wait_until(lambda: shared.metrics()[gauge] == 1, 10, "one is there")
    second = sockets(shared, "127.0.0.6")
    second.sendall(head(path, method, headers) + begin + end)
    status, _, body = answer(second)
    assert (status, json.loads(body)["type"]) == (503, "urn:sluice:problem:write-buffer-full")
    assert client_refused(shared, of) > before
    other = sockets(shared, "127.0.0.7")
    other.sendall(head(path, method, headers) + begin)
    wait_until(lambda: shared.metrics()[gauge] == 2, 10, "another address has one")
