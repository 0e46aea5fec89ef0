"""The replica, held back, and waited for."""

import contextlib

from .wait import wait_until


@contextlib.contextmanager
def replay_paused(world):
    """The replica gets the WAL and does not apply it."""
    world.sql("SELECT pg_wal_replay_pause()", replica=True)
    try:
        paused = "SELECT pg_get_wal_replay_pause_state()"
        wait_until(
            lambda: world.sql(paused, replica=True) == [("paused",)], 10, "it pauses"
        )
        yield
    finally:
        world.sql("SELECT pg_wal_replay_resume()", replica=True)


def same_on_the_replica(world, query):
    """Waits until the replica answers the query as the primary does."""
    wait_until(
        lambda: world.sql(query) == world.sql(query, replica=True),
        20,
        "the replica has caught up",
    )


def replica_caught_up(world):
    same_on_the_replica(
        world, "SELECT next_offset FROM sluice.progress ORDER BY partition"
    )
