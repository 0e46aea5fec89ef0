"""Clients that hang up: thousands of requests from one thread, each of which ends
its connection some milliseconds after it has asked, and never reads."""

import heapq
import itertools
import random
import socket
import struct
import time

AT_ONCE = 48
LATEST_S = 0.020
NO_LINGER = struct.pack("ii", 1, 0)


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    s.close()


def half_close(s):
    s.shutdown(socket.SHUT_WR)
    s.close()


def plain_close(s):
    s.close()


ENDINGS = (reset, half_close, plain_close)


def ask(port, message):
    s = socket.create_connection(("127.0.0.1", port), 20)
    s.setblocking(False)
    s.send(message)
    return s


def end(ending, s):
    try:
        ending(s)
    except OSError:  # the other side was faster
        s.close()


def hang_up(requests, times, seed):
    """Sends each of `requests` (a port, the bytes) so many times per ending, all of
    them mixed."""
    rng = random.Random(seed)
    waiting = []  # (when, number, ending, socket)
    number = itertools.count()
    for _ in range(times):
        for ending in ENDINGS:
            for port, message in requests:
                while len(waiting) >= AT_ONCE or (waiting and waiting[0][0] <= time.monotonic()):
                    time.sleep(max(0, waiting[0][0] - time.monotonic()))
                    _, _, how, s = heapq.heappop(waiting)
                    end(how, s)
                s = ask(port, message)
                when = time.monotonic() + rng.uniform(0, LATEST_S)
                heapq.heappush(waiting, (when, next(number), ending, s))
    for _, _, how, s in waiting:
        end(how, s)
