"""A TCP proxy between a daemon and a server, that can misbehave."""

import contextlib
import re
import select
import socket
import struct
import threading
import time

from .wait import wait_until

LOADING = b"-LOADING Redis is loading the dataset in memory\r\n"
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close sends RST


class Proxy:
    """Modes: `pass` on; `refuse` and reset; `blackhole` (take, never answer);
    `loading` (a Redis that was started anew, and answers LOADING); a number: that
    many seconds of delay in each direction. Beside these, one direction can be held
    back for a while."""

    def __init__(self, port, target_port):
        self.port = port
        self.target = ("127.0.0.1", target_port)
        self.mode = "pass"
        self.closed = False
        self.lock = threading.Lock()
        self.pairs = set()
        self.held = threading.Condition()
        self.left = {"up": None, "down": None}  # bytes that pass; None: all
        self.waiting = dict.fromkeys(self.left, 0)  # bytes that are held
        self.gone = dict.fromkeys(self.left, 0)  # bytes that were passed on
        self.listener = self._listen()
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def set(self, mode):
        """Changes the mode; `refuse` and `loading` also reset what is open."""
        self.mode = mode
        # The thread that waits for the listener opens and closes it.
        wait_until(lambda: self._listens() == (mode != "refuse"), 5, mode)
        if mode in ("refuse", "loading"):
            self.reset()

    @contextlib.contextmanager
    def fault(self, mode):
        self.set(mode)
        try:
            yield self
        finally:
            # What went into a black hole never comes out.
            if mode in ("blackhole", "loading"):
                self.reset()
            self.set("pass")

    def hold(self, direction, after=0):
        """Keeps what goes `up` to the server, or `down` from it, in order, once
        so many more bytes have passed."""
        with self.held:
            self.left[direction] = after

    def release(self):
        """Lets all of it go on."""
        with self.held:
            self.left = dict.fromkeys(self.left)
            self.held.notify_all()

    def holds(self, direction):
        """How many bytes wait here."""
        with self.held:
            return self.waiting[direction]

    def passed(self, direction):
        """How many bytes went through it."""
        with self.held:
            return self.gone[direction]

    def reset(self):
        with self.lock:
            for pair in self.pairs:
                for s in pair:
                    abort(s)
            self.pairs.clear()

    def close(self):
        self.closed = True
        self.release()
        self.thread.join(5)
        self.reset()

    def _listens(self):
        return self.listener is not None

    def _listen(self):
        listener = socket.socket()
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", self.port))
            listener.listen(128)
        except OSError:
            listener.close()
            raise
        return listener

    def _accept(self):
        while not self.closed:
            refuse = self.mode == "refuse"
            if refuse and self.listener:
                self.listener.close()
                self.listener = None
            elif not refuse and not self.listener:
                # Somebody's connection may have the port for a moment.
                with contextlib.suppress(OSError):
                    self.listener = self._listen()
            waits = [self.listener] if self.listener else []
            if not waits:
                time.sleep(0.02)
            elif select.select(waits, [], [], 0.02)[0]:
                self._connect(self.listener.accept()[0])
        if self.listener:
            self.listener.close()

    def _connect(self, client):
        try:
            server = socket.create_connection(self.target, 5)
        except OSError:
            abort(client)
            return
        pair = (client, server)
        for s in pair:
            s.settimeout(None)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.lock:
            self.pairs.add(pair)
        for source, target in (pair, pair[::-1]):
            args = (pair, source, target, "up" if source is client else "down")
            threading.Thread(target=self._pump, args=args, daemon=True).start()

    def _pass(self, target, data, direction):
        size = len(data)
        with self.held:
            left = self.left[direction]
            if left is not None:
                target.sendall(data[:left])
                data = data[left:]
                self.left[direction] -= size - len(data)
                self.waiting[direction] += len(data)
                self.held.wait_for(lambda: not data or self.left[direction] is None)
                self.waiting[direction] -= len(data)
        target.sendall(data)
        with self.held:
            self.gone[direction] += size

    def _pump(self, pair, source, target, direction):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self.mode == "loading":
                    # Every argument begins with a dollar, every command with
                    # a star, at the beginning of a line.
                    n = len(re.findall(rb"(?:^|\r\n)\*\d+\r\n", data))
                    source.sendall(LOADING * n)
                    continue
                if isinstance(self.mode, (int, float)):
                    time.sleep(self.mode)
                if self.mode != "blackhole":
                    self._pass(target, data, direction)
        with self.lock:
            self.pairs.discard(pair)
        for s in pair:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
            s.close()


def abort(s):
    with contextlib.suppress(OSError):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        s.shutdown(socket.SHUT_RD)  # wakes the pump that reads it
    s.close()
