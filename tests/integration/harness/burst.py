"""Very many requests in one moment, each on a connection of its own."""

import contextlib
import http.client
import resource
import socket

from .client import Answer


def read_answer(s):
    response = http.client.HTTPResponse(s)
    response.begin()
    return Answer(response, response.read())


def burst(port, paths, headers=""):
    """All connections first, then all requests, then all answers."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = len(paths) + 256
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
    with contextlib.ExitStack() as stack:
        sockets = []
        for _ in paths:
            s = socket.create_connection(("127.0.0.1", port), 30)
            sockets.append(stack.enter_context(s))
        for s, path in zip(sockets, paths):
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
        return [read_answer(s) for s in sockets]
