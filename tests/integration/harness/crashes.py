"""A writer that lives and dies again and again: at a named point of
writer/core/crashpoints.def, by SIGKILL or SIGTERM at a random moment, or it only
stalls; each life with other batch settings."""

import collections
import contextlib
import random
import re
import signal
import subprocess
import threading

from .servers import ROOT

LIFE_S = 4  # of a writer that does not come by its crash point
KILLED, STOPPED = "killed", "stopped"  # beside the names of the points
# Exit codes. A signal may come before the writer listens to signals.
ENDED = {42: None, 0: STOPPED, -signal.SIGTERM: STOPPED}
ENDS = (88, 5, 5, 2)  # of Mortal: how often it waits, stops, is killed, stalls

# A restarted member has its partitions back at once (its name is known), and
# one that stays away loses them after the session.
SESSION_S = 3
GROUP = {"group.session": f"{SESSION_S}s"}

# How often a writer may come by a point before it dies there, at most; the others:
# once. These are met while it works, so they are chosen more often, too.
PASSES = {
    "announce.record": 300,
    "batch.begin": 40,
    "prefetch.sent": 40,
    "prefetch.done": 40,
    "batch.sent": 40,
    "batch.committed": 40,
    "slice.announced": 40,
    "announce.mark": 40,
    "announced": 40,
    "batch.rejected": 8,
    "batch.tried": 8,
    "taken": 4,
}
OFTEN = 20  # passes
# Behind these there is something to announce for the next one.
LEAVES_A_GAP = ("batch.committed", "announce.record", "announce.mark", "slice.announced")


def crash_points():
    text = (ROOT / "writer" / "core" / "crashpoints.def").read_text()
    return re.findall(r'^CRASH_POINT\(\w+, "([\w.]+)"', text, re.MULTILINE)


def batch_settings(rng):
    return {
        "batch.rows": rng.choice([1, 3, 20, 100, 1000, 1000]),
        "batch.linger": rng.choice(["0ms", "1ms", "5ms", "50ms"]),
        "batch.bytes": rng.choice(["1KiB", "4MiB", "4MiB", "4MiB"]),
        "connections": rng.choice([1, 2, 4]),
    }


class Tally:
    """Deaths per point, of all writers; it is enough when there were `crashes`, and
    `each` of every point."""

    def __init__(self, crashes, each):
        self.points = crash_points()
        self.least = (crashes, each)
        self.deaths = collections.Counter(dict.fromkeys(self.points, 0))
        self.lock = threading.Lock()

    def add(self, point):
        with self.lock:
            self.deaths[point] += 1

    @property
    def crashes(self):
        return sum(self.deaths[point] for point in self.points)

    @property
    def rare(self):
        return [point for point in self.points if self.deaths[point] < self.least[1]]

    @property
    def enough(self):
        return self.crashes >= self.least[0] and not self.rare


class Mortal:
    """One writer, and the thread that lets it die."""

    def __init__(self, deployment, number, tally, seed):
        name = {"group.instance": f"writer-{number}"}
        self.daemon = deployment.daemon("writer", {**GROUP, **name})
        self.tally = tally
        self.rng = random.Random(f"{seed} {number}")
        self.ended = threading.Event()
        self.gap = False
        self.error = None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.ended.set()
        self.thread.join(60)
        assert not self.thread.is_alive()
        if self.error and kind is None:
            raise self.error

    def _run(self):
        try:
            while not self.ended.is_set():
                self._live()
        except BaseException as e:
            self.error = e
            self.ended.set()

    def _choose(self):
        """A crash point."""
        if self.gap and self.rng.random() < 0.3:
            return "gap.announced"
        points = self.tally.points
        if self.tally.rare and self.rng.random() < 0.5:
            points = self.tally.rare
        weights = [3 if PASSES.get(point, 1) >= OFTEN else 1 for point in points]
        return self.rng.choices(points, weights)[0]

    def _passes(self, point):
        """Fewer are more likely. Later on lives are longer, so that work gets done."""
        most = PASSES.get(point, 1)
        if self.tally.enough and most >= OFTEN:
            most *= 20
        return int(most ** self.rng.random())

    def _live(self):
        point, rng = self._choose(), self.rng
        self.daemon.settings.update(batch_settings(rng))
        chosen = f"{point}:{self._passes(point)}"
        self.daemon.start(ready=False, env={"SLUICE_TEST_CRASH": chosen})
        end = rng.choices([self._wait, self._stop, self._kill, self._stall], ENDS)[0]
        end()
        died_of = self._bury(point)
        self.gap = died_of in LEAVES_A_GAP
        self.tally.add(died_of)
        if rng.random() < 0.02:
            self.ended.wait(SESSION_S + 1)  # others take its partitions

    def _bury(self, point):
        """Makes sure that it is dead; returns what it died of."""
        if self.daemon.running:
            self.daemon.sigkill()
            return KILLED
        code = self.daemon.process.returncode
        assert code in ENDED, f"{self.daemon.name}: {code}\n{self.daemon.tail(40)}"
        self.daemon.killed = True
        return ENDED[code] or point

    # --- how a life goes, unless it comes by its point before ------------------

    def _wait(self):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.daemon.process.wait(LIFE_S)

    def _kill(self):
        self.ended.wait(self.rng.uniform(0, 0.5))

    def _stop(self):
        self.ended.wait(self.rng.uniform(0, 0.5))
        self.daemon.sigterm()
        self.daemon.wait_exit()

    def _stall(self):
        """It wakes when its partitions are another's."""
        self.ended.wait(self.rng.uniform(0, 0.3))
        self.daemon.sigstop()
        try:
            self.ended.wait(SESSION_S + 1)
        finally:
            self.daemon.sigcont()
        self._wait()
