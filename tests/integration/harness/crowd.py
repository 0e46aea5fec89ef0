"""Many clients at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

from .wait import wait_until


def all_at_once(n, act):
    """Calls act(i) in n threads that begin together; returns their results."""
    barrier = threading.Barrier(n)

    def one(i):
        barrier.wait(30)
        return act(i)

    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(one, range(n)))


def in_threads(n, items, act):
    """Calls act(item) for every item, n at a time; returns their results."""
    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(act, items))


class Background:
    """Threads that repeat something while the body of a `with` runs. What one of
    them raises is raised at the end."""

    def __init__(self, *loops):
        self.ended = threading.Event()
        self.errors = []
        self.threads = [
            threading.Thread(target=self._run, args=(loop,), daemon=True)
            for loop in loops
        ]

    def _run(self, loop):
        try:
            while not self.ended.is_set():
                loop()
        except BaseException as e:
            self.errors.append(e)
            self.ended.set()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, kind, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join(60)
        # What failed in there may be why the body did.
        if self.errors:
            raise self.errors[0]


def ended_in_turn(daemons, kills, counted, step):
    """Restarts each of them, once for every member of `kills`: by SIGKILL or not.
    Before each, what is counted has grown by `step`."""
    for kill in kills:
        for daemon in daemons:
            seen = counted()
            wait_until(lambda seen=seen: counted() > seen + step, 60, "more of them")
            if kill:
                daemon.sigkill()
                daemon.start()
            else:
                daemon.restart()
