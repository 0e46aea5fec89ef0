"""Ordinary clients, in a process of their own, beside a hostile one.

    python neighbours.py PORT

Readers ask for a warm document at fixed times, a writer puts small documents,
and a newcomer opens a connection for each of its requests. A latency counts
from the time at which the request was due, so that a stall is counted for
everything that was due during it. When standard input ends, what was seen is
printed as JSON.
"""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time

ADDRESS = "127.0.0.2"  # the hostile clients come from other ones
KEY = "neighbour"
DOCUMENT = b'{"value":"warm"}'
TIMEOUT_S = 15

READ = f"GET /v1/records/{KEY} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def write(number):
    head = (
        f"PUT /v1/records/{KEY}-{number % 100} HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(DOCUMENT)}\r\n\r\n"
    )
    return head.encode() + DOCUMENT


class Neighbour:
    def __init__(self, port, kind, every, statuses):
        self.port = port
        self.kind = kind
        self.every = every
        self.statuses = statuses
        self.socket = None
        self.seen = []  # seconds
        self.errors = []

    def connect(self):
        self.socket = socket.create_connection(
            ("127.0.0.1", self.port), TIMEOUT_S, source_address=(ADDRESS, 0)
        )
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None

    def answer(self):
        """The status of an answer, which is read to its end."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionError("closed in the middle of an answer")
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        while len(body) < length:
            body += self.socket.recv(65536) or b" " * length
        if b"connection: close" in head.lower():
            self.close()
        return int(head.split(b" ", 2)[1])

    def once(self, number):
        if self.kind == "newcomer":
            self.close()
        if self.socket is None:
            self.connect()
        self.socket.sendall(write(number) if self.kind == "writer" else READ)
        status = self.answer()
        if status not in self.statuses:
            raise ConnectionError(f"status {status}")

    def run(self, ended):
        due = time.monotonic()
        for number in range(10**9):
            if ended.is_set():
                break
            try:
                self.once(number)
            except OSError as e:
                self.errors.append(repr(e))
                self.close()
            self.seen.append(time.monotonic() - due)
            due += self.every
            ended.wait(max(0, due - time.monotonic()))
        self.close()


def main(port):
    # A stall must be the api's, not a matter of who may run now.
    with contextlib.suppress(OSError):
        os.nice(-5)
    ended = threading.Event()
    everybody = [
        *(Neighbour(port, "reader", 0.02, {200}) for _ in range(6)),
        *(Neighbour(port, "newcomer", 0.05, {200}) for _ in range(2)),
        *(Neighbour(port, "writer", 0.05, {202}) for _ in range(2)),
    ]
    threads = [
        threading.Thread(target=n.run, args=(ended,), daemon=True) for n in everybody
    ]
    for thread in threads:
        thread.start()
    print("started", flush=True)
    sys.stdin.read()
    ended.set()
    for thread in threads:
        thread.join(TIMEOUT_S + 5)
    json.dump([[n.kind, n.seen, n.errors] for n in everybody], sys.stdout)


class Neighbours:
    """with Neighbours(port) as n: …; then n.p99, n.errors."""

    def __init__(self, port):
        self.port = port
        self.count = 0
        self.p99 = self.worst = None
        self.errors = []

    def __enter__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-B", pathlib.Path(__file__), str(self.port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout.readline() == "started\n"
        return self

    def __exit__(self, *_):
        said, _ = self.process.communicate(timeout=60)
        seen = []
        for _kind, latencies, errors in json.loads(said):
            seen += latencies
            self.errors += errors
        seen.sort()
        self.count = len(seen)
        self.p99 = seen[int(len(seen) * 0.99)]
        self.worst = seen[-1]


if __name__ == "__main__":
    main(int(sys.argv[1]))
