"""Waiting for something to become true: the only way that tests synchronise."""

import time

POLL_S = 0.02


def wait_until(predicate, deadline, why):
    """Polls until the predicate is true and returns what it returned.

    After `deadline` seconds the test fails: `why` says what was waited for. A
    predicate may raise AssertionError or OSError for "not yet".
    """
    end = time.monotonic() + deadline
    while True:
        try:
            last = predicate()
            if last:
                return last
        except (AssertionError, OSError) as e:
            last = e
        if time.monotonic() >= end:
            raise AssertionError(f"not within {deadline} s: {why} (last: {last!r})")
        time.sleep(POLL_S)


class Stopwatch:
    """with Stopwatch() as t: …; then t.seconds."""

    def __enter__(self):
        self.start = time.monotonic()
        self.seconds = None
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self.start
