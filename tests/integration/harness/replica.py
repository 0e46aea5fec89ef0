"""The replica, held back, and waited for."""

import contextlib

from .wait import wait_until


@contextlib.contextmanager
def replay_paused(world):
    """The replica gets the WAL and does not apply it; in the end it has all of it."""
    world.sql("SELECT pg_wal_replay_pause()", replica=True)
    try:
        paused = "SELECT pg_get_wal_replay_pause_state()"
        wait_until(
            lambda: world.sql(paused, replica=True) == [("paused",)], 10, "it pauses"
        )
        yield
    finally:
        world.sql("SELECT pg_wal_replay_resume()", replica=True)
        replica_caught_up(world)


def replica_caught_up(world):
    """Waits until the replica has applied what is committed now."""
    ((end,),) = world.sql("SELECT pg_current_wal_lsn()::text")
    applied = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
    wait_until(
        lambda: world.sql(applied, end, replica=True) == [(True,)],
        20,
        "the replica has caught up",
    )


def behind_its_back(world, statement, *args):
    """Changes rows as an operator would: no version moves, nobody is told. The replica
    has the change, too: a read may go there."""
    world.sql(statement, *args)
    replica_caught_up(world)


def behind(proxy):
    """Settings of an API whose replica is slow, not given up."""
    return {"replica.urls": proxy.url, "postgres.timeout": "20s"}
