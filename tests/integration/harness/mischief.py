"""Faults of a running deployment: each happens, lasts, and is over.

A table of them, drawn from by a seeded generator.
"""

import contextlib
import threading

from .wait import wait_until


class Mischief:
    """Draws faults until it is told to stop; all is well again at the end."""

    def __init__(self, deployment, instances, rng):
        self.deployment = deployment
        self.servers = deployment.servers
        self.instances = instances
        self.rng = rng
        self.ended = threading.Event()
        self.done = {}

    def run(self, until, kinds=None):
        """Faults of these kinds (all) until `until()`; each kind once before any comes
        twice."""
        names = []
        while not until():
            if not names:
                names = sorted(kinds or FAULTS)
                self.rng.shuffle(names)
            name = names.pop()
            FAULTS[name](self)
            self.done[name] = self.done.get(name, 0) + 1
            self.ended.wait(self.rng.uniform(0.05, 0.5))

    def last(self, least, most):
        self.ended.wait(self.rng.uniform(least, most))

    def one_of(self, kind):
        return self.rng.choice(self.deployment.of(kind))

    # --- daemons --------------------------------------------------------------

    def kill(self, kind):
        daemon = self.one_of(kind)
        daemon.check_alive()
        daemon.sigkill()
        daemon.start(ready=False)

    def kill_api(self):
        instance = self.rng.choice(self.instances)
        instance.daemon.check_alive()
        instance.daemon.sigkill()
        instance.incarnation += 1
        instance.daemon.start(ready=False)

    def stall(self, kind, least, most):
        daemon = self.one_of(kind)
        daemon.sigstop()
        try:
            self.last(least, most)
        finally:
            daemon.sigcont()

    # --- servers --------------------------------------------------------------

    def replay_paused(self):
        query = self.deployment.sql
        query("SELECT pg_wal_replay_pause()", replica=True)
        try:
            self.last(0.5, 2)
        finally:
            query("SELECT pg_wal_replay_resume()", replica=True)

    def flush_redis(self):
        self.servers.redis().flushall()

    def press_redis(self):
        """Entries are evicted: there is room for none."""
        redis = self.servers.redis()
        before = redis.config_get("maxmemory")["maxmemory"]
        try:
            redis.config_set("maxmemory", 1)
            self.last(0.5, 2)
        finally:
            redis.config_set("maxmemory", before)

    def restart(self, part):
        self.servers.part("kill", part)
        self.last(0, 0.5)
        self.servers.part("start", part)


# Longer than a session of the group (QUICK_GROUP): another takes over meanwhile.
ASLEEP = (1.8, 3)

FAULTS = {
    "writer killed": lambda m: m.kill("writer"),
    "writer stalled": lambda m: m.stall("writer", *ASLEEP),
    "projector killed": lambda m: m.kill("projector"),
    "projector stalled": lambda m: m.stall("projector", *ASLEEP),
    "api killed": Mischief.kill_api,
    "api stalled": lambda m: m.stall("api", 0.2, 1.5),
    "replica paused": Mischief.replay_paused,
    "replica killed": lambda m: m.restart("replica"),
    "redis flushed": Mischief.flush_redis,
    "redis full": Mischief.press_redis,
    "redis killed": lambda m: m.restart("redis"),
    "broker killed": lambda m: m.restart("kafka"),
    "primary killed": lambda m: m.restart("primary"),
}


@contextlib.contextmanager
def well_again(deployment):
    """Whatever happens inside, the daemons run on, and the replica replays."""
    try:
        yield
    finally:
        for daemon in deployment.daemons:
            with contextlib.suppress(ProcessLookupError):
                daemon.sigcont()
        wait_until(lambda: replays(deployment), 60, "the replica replays")


def replays(deployment):
    deployment.sql("SELECT pg_wal_replay_resume()", replica=True)
    return True
