"""Clients that are slow, gone, greedy or odd: bounded, and nobody else's problem."""

import socket
import time

import pytest
from harness.client import key_path
from harness.crowd import all_at_once
from harness.wait import Stopwatch, wait_until

LIMITS = {
    "http.threads": 1,
    "http.max_connections": 40,
    "http.max_parked": 5,
    "http.first_request_timeout": "1s",
    "http.idle_timeout": "1s",
    "http.receive_timeout": "1s",
    "http.send_timeout": "1s",
}


@pytest.fixture(scope="module")
def strict(world):
    """An API with small limits."""
    return world.api(LIMITS)


@pytest.fixture
def stalled_writer(world):
    """Commits do not happen, so that requests stay parked."""
    (writer,) = world.of("writer")
    writer.sigstop()
    yield writer
    writer.sigcont()


def connect(daemon):
    return socket.create_connection(("127.0.0.1", daemon.http.port), 20)


def request(path="/v1", method="GET", headers=""):
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode()


def put(key, prefer="wait=30"):
    body = '{"value":"one"}'
    headers = (
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"Prefer: {prefer}\r\n"
    )
    return request(key_path(key), "PUT", headers) + body.encode()


def closed(s):
    """The server ends the connection; what it said before that."""
    said = b""
    try:
        while data := s.recv(65536):
            said += data
    except ConnectionResetError:
        pass
    return said


def gauge(daemon, name):
    return daemon.metrics()[name]


# --- slow ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "begin", [b"G", b"GET /v1 HTTP/1.1\r\nHost:", put("slow")[:-8]], ids=["line", "header", "body"]
)
def test_a_request_that_trickles_is_cut(strict, begin):
    """One byte now and then does not keep a connection for ever."""
    with connect(strict) as s, Stopwatch() as t:
        s.sendall(begin)
        s.settimeout(0.25)
        while True:
            try:
                if s.recv(100) == b"":
                    break
            except TimeoutError:
                pass
            except ConnectionResetError:
                break
            try:
                s.sendall(b"x")
            except OSError:
                break
            assert time.monotonic() - t.start < 10, "it was never cut"
    assert strict.http.request("GET", "/v1").status == 200


def test_an_idle_connection_is_closed(strict):
    with connect(strict) as s, Stopwatch() as t:
        s.sendall(request())
        assert s.recv(65536).startswith(b"HTTP/1.1 200")
        assert closed(s) == b""
    assert 0.9 < t.seconds < 8


def large_page(daemon):
    """A socket that has asked for a page of 8 MB, and room for little of it."""
    for i in range(8):
        body = b'{"value": "%s"}' % (b"x" * 1_000_000)
        headers = {"Content-Type": "application/json", "Prefer": "wait=10"}
        path = key_path(f"large {i}")
        assert daemon.http.request("PUT", path, body, headers).status in (200, 201)
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.settimeout(20)
    s.connect(("127.0.0.1", daemon.http.port))
    s.sendall(request("/v1/records?key=like.large*&limit=8"))
    return s


def test_a_client_that_does_not_read_is_cut(world, special_api):
    daemon = special_api({**LIMITS, "list.max_bytes": "16MiB"})
    with large_page(daemon) as s:
        assert s.recv(1000).startswith(b"HTTP/1.1 200")
        daemon.http.forget()
        wait_until(lambda: gauge(daemon, "sluice_http_connections") == 0, 10, "it is cut")


def test_a_client_that_does_not_read_does_not_hold_up_the_end(world):
    daemon = world.api({"list.max_bytes": "16MiB", "drain.timeout": "15s"})
    with large_page(daemon) as s:
        assert s.recv(1000).startswith(b"HTTP/1.1 200")
        daemon.finish()
    world.daemons.remove(daemon)


def test_a_parked_request_is_not_idle(strict, stalled_writer):
    """It waits longer than an idle connection may."""
    strict.http.forget()
    with Stopwatch() as t:
        answer = strict.http.put("parked", "one", prefer="wait=3")
    assert answer.status == 202
    assert 2.9 < t.seconds < 6


# --- gone -----------------------------------------------------------------------------


def test_a_client_that_left_is_not_waited_for(strict, stalled_writer):
    gone = "sluice_parked_abandoned_total"
    acked = ("sluice_writes_total", 'result="acknowledged"')
    before = gauge(strict, gone)
    acked_before = strict.metrics()[acked]
    sockets = [connect(strict) for _ in range(3)]
    for i, s in enumerate(sockets):
        s.sendall(put(f"left {i}"))
    # They wait for the commit: libmicrohttpd itself notices who leaves while
    # the acknowledgement resumes the request.
    parked = "sluice_parked_requests"
    wait_until(lambda: strict.metrics()[acked] - acked_before == 3, 10, "acknowledged")
    wait_until(lambda: gauge(strict, parked) == 3, 10, "they are parked")
    for s in sockets:
        s.close()
    wait_until(lambda: gauge(strict, gone) - before == 3, 10, "they are seen to be gone")
    wait_until(lambda: gauge(strict, parked) == 0, 10, "they are not parked any more")


def test_clients_that_leave_in_the_middle(strict):
    for piece in (1, 20, 60, len(put("middle")) - 3):
        for linger in (False, True):
            s = connect(strict)
            s.sendall(put("middle")[:piece])
            if linger:
                option = b"\1\0\0\0\0\0\0\0"
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)
            s.close()
    # At once after a whole request, too.
    for _ in range(20):
        s = connect(strict)
        s.sendall(put("middle") + request(key_path("middle")))
        s.close()
    assert strict.http.request("GET", "/v1").status == 200
    strict.http.forget()
    wait_until(
        lambda: gauge(strict, "sluice_http_connections") == 0, 10, "all of them are gone"
    )
    # The gauges are of different moments.
    wait_until(lambda: gauge(strict, "sluice_parked_requests") == 0, 10, "none waits")


# --- greedy ---------------------------------------------------------------------------


def test_more_waiting_requests_than_allowed_are_shed(strict, stalled_writer):
    sockets = [connect(strict) for _ in range(5)]
    for i, s in enumerate(sockets):
        s.sendall(put(f"greedy {i}"))
    wait_until(
        lambda: gauge(strict, "sluice_parked_requests") == 5, 10, "all places are taken"
    )
    before = gauge(strict, "sluice_shed_total")
    strict.http.forget()
    for answer in (strict.http.put("greedy", "one"), strict.http.get("greedy, uncached")):
        assert (answer.status, answer.problem) == (503, "write-buffer-full"), answer
        assert answer.header("Retry-After")
    assert gauge(strict, "sluice_shed_total") > before
    # What needs no place is answered.
    assert strict.http.request("GET", "/health").status == 200
    for s in sockets:
        s.close()


def test_more_connections_than_allowed_wait_for_one_to_close(strict):
    strict.http.forget()
    wait_until(
        lambda: gauge(strict, "sluice_http_connections") == 0, 10, "all are closed"
    )
    sockets = [connect(strict) for _ in range(60)]
    wait_until(
        lambda: 0 < gauge(strict, "sluice_http_connections") <= 40, 5, "no more than 40"
    )
    # The idle ones are closed after a second, and the rest have their turn.
    answer = strict.http.request("GET", "/v1")
    assert answer.status == 200
    for s in sockets:
        s.close()


def test_many_connections_at_once(api):
    answers = all_at_once(200, lambda i: api.http.get(f"crowd {i % 7}"))
    assert {a.status for a in answers} == {404}


# --- odd -------------------------------------------------------------------------------


def test_pipelined_requests_are_answered_in_order(api):
    with connect(api) as s:
        last = request("/nothing", headers="Connection: close\r\n")
        s.sendall(put("pipe", "wait=10") + request(key_path("pipe")) + request() + last)
        said = closed(s)
    statuses = [line.split()[1] for line in said.split(b"\r\n") if line.startswith(b"HTTP/")]
    # The next answer's status line may follow a body without a line's end.
    if len(statuses) < 4:
        statuses = [p[1:4] for p in said.split(b"HTTP/1.1")[1:]]
    assert statuses == [b"201", b"200", b"200", b"404"], said


@pytest.mark.parametrize(
    "parameters", ["&".join(["a=1"] * 1000), "a=" + "x" * 20000 + "&b=1" * 100], ids=["many", "long"]
)
def test_more_parameters_than_there_is_room_for(api, parameters):
    """An answer, long before the time to send a request is over."""
    with connect(api) as s, Stopwatch() as t:
        s.sendall(request(f"/v1/records?{parameters}"))
        said = closed(s)
    assert said.split(b" ")[1] in (b"414", b"431"), said
    assert t.seconds < 15


def test_expect_100_continue(api):
    whole = put("expect", "wait=10")
    head, body = whole.split(b"\r\n\r\n")
    with connect(api) as s:
        s.sendall(head + b"\r\nExpect: 100-continue\r\n\r\n")
        assert s.recv(1000).startswith(b"HTTP/1.1 100")
        s.sendall(body)
        assert s.recv(1000).startswith(b"HTTP/1.1 20")


def test_http_1_0(api):
    with connect(api) as s:
        s.sendall(b"GET /v1 HTTP/1.0\r\n\r\n")
        said = closed(s)
    assert b" 200 " in said.split(b"\r\n")[0]
    assert said.endswith(b"}\n")


def test_connection_close_is_honoured(api):
    with connect(api) as s:
        s.sendall(request(headers="Connection: close\r\n"))
        said = closed(s)
    assert b" 200 " in said.split(b"\r\n")[0]
    assert b"connection: close" in said.lower()


def test_a_long_connection(api):
    """Thousands of requests by one connection."""
    for i in range(1500):
        assert api.http.get(f"long {i % 5}").status == 404
