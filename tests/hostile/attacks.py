"""What hostile clients send. Each attack is bounded in count and time."""

import contextlib
import json
import os
import pathlib
import select
import socket
import struct
import threading
import time

ADDRESS = "127.0.0.66"
HOLD_S = 3  # how long what was opened is held

NAMES = (pathlib.Path(__file__).with_name("equal_hashes.txt")).read_text().split()


def equal_names(n):
    """Names of equal XXH3 (equal_hashes.c): any first half with any second one."""
    halves = len(NAMES) // 2
    pairs = ((a, b) for a in NAMES[:halves] for b in NAMES[halves:])
    return [a + b for (a, b), _ in zip(pairs, range(n))]


def connect(port, address=ADDRESS, timeout=10):
    return socket.create_connection(("127.0.0.1", port), timeout, (address, 0))


def head(method, path, length=None, *headers):
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    if length is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {length}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def send(port, method, path, body, *headers, timeout=60):
    """One request over a connection of its own: the status; None: cut off."""
    with connect(port, timeout=timeout) as s:
        with contextlib.suppress(ConnectionError):
            s.sendall(head(method, path, len(body), *headers, "Connection: close"))
            s.sendall(body)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while more := s.recv(1 << 16):
                answer += more
    return int(answer.split(b" ", 2)[1]) if answer else None


@contextlib.contextmanager
def held(sockets):
    try:
        yield sockets
    finally:
        for s in sockets:
            with contextlib.suppress(OSError):
                s.close()


def flood(port, n, first, rest=b"", address=ADDRESS):
    """Opens n connections, sends to each what it takes, and holds them all."""
    opened = []
    with held(opened):
        for _ in range(n):
            try:
                s = connect(port, address)
            except OSError:
                break
            s.setblocking(False)
            opened.append(s)
            with contextlib.suppress(OSError):
                s.send(first)
        push(opened, rest)


def push(sockets, data):
    """Sends the data to each, as fast as they take it, for HOLD_S seconds."""
    left = {s: memoryview(data) for s in sockets}
    end = time.monotonic() + HOLD_S
    poll = select.epoll()
    of = {s.fileno(): s for s in sockets}
    for fd in of:
        poll.register(fd, select.EPOLLOUT)
    while left and time.monotonic() < end:
        for fd, _ in poll.poll(0.2):
            s = of[fd]
            try:
                left[s] = left[s][s.send(left[s][: 1 << 18]) :]
            except BlockingIOError:
                continue
            except OSError:
                left[s] = memoryview(b"")
            if not left[s]:
                poll.unregister(fd)
                del left[s]
    poll.close()
    # Silent, but there: what the server does with those that hold something.
    threading.Event().wait(max(0.0, end - time.monotonic()))


# --- S3: memory ---------------------------------------------------------------


def half_sent_bodies(api, n=1500):
    flood(
        api.http.port,
        n,
        head("PUT", "/v1/records/large", 1048000),
        b'{"value":"' + b"x" * 999990,
    )


def unread_pages(api, n=150):
    port = api.http.port
    opened = []
    with held(opened):
        for i in range(n):
            s = connect(port)
            opened.append(s)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.sendall(head("GET", f"/v1/evil?limit=60&number=gt.-{i + 1}"))
        threading.Event().wait(HOLD_S)


# --- S4, S5, S6: work ---------------------------------------------------------


def slow_patterns(api):
    port = api.http.port
    word = json.dumps({"word": "a" * 100_000}).encode()
    twins = json.dumps({"twins": "a" * 31 + "b"}).encode()
    bulk = b"[" + b",".join([b'{"key":"k","twins":"' + b"a" * 31 + b'b"}'] * 40) + b"]"
    for _ in range(5):
        send(port, "PUT", "/v1/evil/p", word)
        send(port, "PUT", "/v1/evil/p", twins)
    for _ in range(3):
        send(port, "POST", "/v1/evil", bulk)


def nested(depth, opening, closing, inside):
    return (opening * depth + inside + closing * depth).encode()


def deep_documents(api):
    port = api.http.port
    ones = "[" + ",".join(["1"] * 500_000) + "]"
    objects = '{"object":' + nested(60, '{"a":', "}", ones[:1_000_001]).decode() + "}"
    arrays = '{"array":' + nested(60, "[", "]", ones[1:-1]).decode() + "}"
    for body in (objects, arrays):
        send(port, "PUT", "/v1/evil/deep", body.encode())
    item = (
        '{"key":"%d","object":'
        + nested(60, '{"a":', "}", ones[:400_001] + "]").decode()
        + "}"
    )
    bulk = "[" + ",".join(item % i for i in range(8)) + "]"
    send(port, "POST", "/v1/evil", bulk.encode())
    send(port, "PUT", "/v1/evil/deep", b"[" * 1_000_000)


def equal_hashes(api):
    port = api.http.port
    names = equal_names(7600)
    members = {name: 1 for name in names}
    send(port, "PUT", "/v1/evil/hash", json.dumps({"object": members}).encode())
    for _ in range(2):
        patch = json.dumps({"object": {names[0]: 2}}).encode()
        send(port, "PATCH", "/v1/evil/hash", patch)
    twice = "{" + ",".join(f'"{name}":1' for name in [*names, names[-1]]) + "}"
    send(port, "PUT", "/v1/evil/hash", ('{"object":' + twice + "}").encode())


def long_numbers(api):
    port = api.http.port
    price = b'{"name":"x","category":"c","price":1e131071}'
    for _ in range(40):
        send(port, "POST", "/v1/products", price)
    many = json.dumps({"array": 0})[:-2] + "[" + ",".join(["1e131071"] * 9000) + "]}"
    item = '{"key":"n%d",' + many[1:]
    bulk = "[" + ",".join(item % i for i in range(10)) + "]"
    send(port, "POST", "/v1/evil", bulk.encode())
    send(
        port,
        "PUT",
        "/v1/evil/n",
        ('{"array":[' + ",".join(["1e131071"] * 90_000) + "]}").encode(),
    )


# --- S10, F7, F8, F9: framing -------------------------------------------------

LARGE = "Content-Length: 99999999999"
ODD = [
    b"GET /v1/records/a HTTP/1.1\r\n\r\n",
    b"GET /v1/records/a HTTP/1.1\r\nHost: localhost\r\nHost: b\r\n\r\n",
    b"GET /v1/records/a HTTP/1.1\r\nHost: a b\r\n\r\n",
    b"POST /v1/records HTTP/1.1\r\nHost: localhost\r\nContent-Length : 13\r\n\r\nGET / HTTP/1.1",
    b"POST /v1/records HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    b"POST /v1/records HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    b"POST /v1/records HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n",
    b"POST /v1/records HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /v1/records HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    b"POST /v1/records HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
    b"POST /v1/records HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9223372036854775808\r\n\r\n",
    b"POST /v1/records HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    *(
        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{LARGE}\r\n{expect}\r\n".encode()
        for method, path in (
            ("PUT", "/v1/records/a"),
            ("POST", "/v1/records"),
            ("POST", "/write"),
            ("POST", "/nothing/here"),
            ("DELETE", "/v1/records/a"),
        )
        for expect in ("", "Expect: 100-continue\r\n")
    ),
]


def ended_by(s, seconds):
    """What the server says until it ends the connection; None: it does not end it."""
    said = b""
    end = time.monotonic() + seconds
    with contextlib.suppress(ConnectionError):
        while (left := end - time.monotonic()) > 0:
            s.settimeout(left)
            try:
                more = s.recv(1 << 16)
            except TimeoutError:
                return None
            if not more:
                return said
            said += more
    return said


def odd_requests(api, rounds=150):
    """Each is refused within two seconds, with one head."""
    for _ in range(rounds):
        for data in ODD:
            with connect(api.http.port) as s:
                s.sendall(data)
                said = ended_by(s, 2)
            assert said is not None, f"nobody ended {data!r}"
            assert said.count(b"HTTP/1.1 ") <= 1, (data, said)
            assert not said or said[9:10] in b"45", (data, said)


def resets(api, n=1500):
    port = api.http.port
    for i in range(n):
        with contextlib.suppress(OSError):
            s = connect(port)
            s.send(head("GET", "/v1/products", None, "Accept: application/x-ndjson"))
            time.sleep(i % 20 / 10000)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()


# --- S11: all of a kind -------------------------------------------------------


def idle_connections(api, n=10000):
    opened = []
    with held(opened):
        for _ in range(n):
            with contextlib.suppress(OSError):
                opened.append(connect(api.http.port))
        threading.Event().wait(HOLD_S)


def slow_bulks(api, n=64):
    flood(
        api.http.port,
        n,
        head(
            "POST",
            "/v1/records",
            None,
            "Transfer-Encoding: chunked",
            "Content-Type: application/x-ndjson",
        ),
        b'10\r\n{"key":"slow"',
    )


def feeds(api, n=32):
    flood(api.http.port, n, head("GET", "/v1/records/_changes"))


def gently():
    """A hostile client is another machine: it takes no core from the servers."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
