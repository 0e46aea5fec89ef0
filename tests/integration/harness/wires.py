"""Connections on which many requests are under way at once (RFC 9112, 9.3.2), for
tests that ask very much. Answers are kept as the bytes that came."""

import socket
import time

IDLE = 5  # seconds; the API cuts off a client that asks nothing for long

class Raw:
    """An answer: its status, its head as it came, its body."""

    def __init__(self, head, body):
        self.head, self.body = head, body
        first, *self.lines = head.split(b"\r\n")
        self.status = int(first.split()[1])

    def header(self, name):
        start = name.lower().encode() + b":"
        for line in self.lines:
            if line.lower().startswith(start):
                return line.partition(b":")[2].strip().decode()
        return None

    def named(self, ignored):
        """Header fields in their order; of the ignored ones, the names only."""
        fields = [line.partition(b":") for line in self.lines]
        return [
            (name, None if name.decode().lower() in ignored else value)
            for name, _, value in fields
        ]

    def __repr__(self):
        return f"<{self.head!r} {self.body[:300]!r}>"


class Wire:
    """One connection; another one, after a while without a request."""

    def __init__(self, port, headers):
        self.port = port
        self.head = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
        self.methods, self.buffer = [], b""
        self.socket, self.used = None, 0

    def _open(self):
        if not self.methods and time.monotonic() - self.used > IDLE:
            self.close()
            self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=60)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, requests):
        """(method, path, headers, body) each; take() has their answers."""
        self._open()
        out = []
        for method, path, headers, body in requests:
            lines = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
            if body is not None:
                lines += f"Content-Length: {len(body)}\r\n"
            head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{self.head}{lines}\r\n"
            out.append(head.encode() + (body or b""))
            self.methods.append(method)
        self.socket.sendall(b"".join(out))

    def _more(self):
        data = self.socket.recv(262144)
        assert data, f"the connection was closed, {len(self.methods)} requests under way"
        self.buffer += data

    def _one(self, method):
        while (end := self.buffer.find(b"\r\n\r\n")) < 0:
            self._more()
        answer = Raw(self.buffer[:end], b"")
        if answer.header("Transfer-Encoding") and method != "HEAD":
            self.buffer = self.buffer[end + 4 :]
            answer.body = self._chunks()
            return answer
        length = int(answer.header("Content-Length") or 0)
        if method == "HEAD" or answer.status in (204, 304):
            length = 0
        while len(self.buffer) < end + 4 + length:
            self._more()
        answer.body = self.buffer[end + 4 : end + 4 + length]
        self.buffer = self.buffer[end + 4 + length :]
        return answer

    def _chunks(self):
        body = b""
        while True:
            while (end := self.buffer.find(b"\r\n")) < 0:
                self._more()
            length = int(self.buffer[:end], 16)
            while len(self.buffer) < end + 4 + length:
                self._more()
            body += self.buffer[end + 2 : end + 2 + length]
            self.buffer = self.buffer[end + 4 + length :]
            if length == 0:
                return body

    def take(self):
        """The answers of all that was sent."""
        answers = [self._one(method) for method in self.methods]
        self.methods, self.used = [], time.monotonic()
        return answers

    def ask(self, method, path, headers=None, body=None):
        self.send([(method, path, headers or {}, body)])
        return self.take()[0]

    def close(self):
        if self.socket:
            self.socket.close()
