"""Many requests at once from one thread: a connection each, none waits for
another.

http.client is too slow for a hundred thousand requests beside the daemons that
answer them. This knows only what the API's answers look like: a status, headers,
a body with its length.
"""

import selectors
import socket
import threading


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request = None
        self.data = b""

    def send(self, request):
        self.request = request
        self.data = b""
        self.socket.sendall(request.message)

    def receive(self):
        """(status, headers, body), or None: not all of it is there yet."""
        part = self.socket.recv(65536)
        assert part, f"no answer to {self.request}"
        self.data += part
        head, end, body = self.data.partition(b"\r\n\r\n")
        if not end:
            return None
        lines = head.decode().split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        if len(body) < int(headers.get("content-length", 0)):
            return None
        return int(lines[0].split()[1]), headers, body


class Swarm:
    """Sends what `source.next()` gives (None: nothing at the moment) and tells
    `source.answered(request, status, headers, body)`, until `source.done`."""

    def __init__(self, port, source, connections):
        self.source = source
        self.connections = [Connection(port) for _ in range(connections)]
        self.error = None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self.source.stop()
        self.thread.join(60)
        for c in self.connections:
            c.socket.close()
        assert not self.thread.is_alive()
        if self.error and kind is None:
            raise self.error

    @property
    def running(self):
        return self.thread.is_alive()

    def _run(self):
        try:
            self._serve()
        except BaseException as e:
            self.error = e

    def _serve(self):
        idle = list(self.connections)
        with selectors.DefaultSelector() as selector:
            for c in self.connections:
                selector.register(c.socket, selectors.EVENT_READ, c)
            while not self.source.done:
                while idle and (request := self.source.next()):
                    idle.pop().send(request)
                for key, _ in selector.select(0.01):
                    c = key.data
                    if answer := c.receive():
                        idle.append(c)
                        self.source.answered(c.request, *answer)
