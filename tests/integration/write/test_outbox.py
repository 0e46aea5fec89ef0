"""Changes by other programs: the triggers note them, the writer appends touches, and
no tier serves the former value once the touch is heard (docs/invariants.md, INV-10)."""

import itertools
import time

import pytest
from harness.deployment import QUICK_GROUP
from harness.feed import Feed
from harness.wait import wait_until

NUMBERS = itertools.count(1)
INSERT = "INSERT INTO records VALUES (%s, %s, now(), now(), 0)"
UPDATE = "UPDATE records SET value = %s WHERE key = %s"


@pytest.fixture(scope="module")
def world(module_deployment):
    module_deployment.migrate("--triggers")
    module_deployment.start_all(apis=2, settings=QUICK_GROUP)
    return module_deployment


@pytest.fixture
def key():
    return f"noted{next(NUMBERS)}"


def notes(world):
    return world.sql("SELECT count(*) FROM sluice.outbox")[0][0]


def seen(world, key, value, deadline=20):
    """By both instances, from whatever tier."""
    for api in world.of("api"):
        wait_until(
            lambda api=api: api.http.value(key) == value, deadline, f"it is {value}"
        )


def warm(world, key, value):
    api = world.of("api")[0]
    assert api.http.put(key, value, prefer="wait=30").status in (200, 201)
    seen(world, key, value)
    world.wait_in_redis(key)


def test_again_nothing_is_missing(world):
    assert "trigger" not in world.migrate().stdout
    world.sql("DROP TRIGGER sluice_delete ON records")
    said = world.migrate().stdout
    assert "records: there is no trigger sluice_delete" in said, said
    assert "CREATE TRIGGER sluice_delete" in world.migrate("--triggers").stdout
    assert "trigger" not in world.migrate().stdout


def test_update_delete_insert(world, http, key):
    warm(world, key, "one")
    feed = Feed(http.port)
    for statement, args, value in (
        (UPDATE, ("two", key), "two"),
        ("DELETE FROM records WHERE key = %s", (key,), None),
        (INSERT, (key, "three"), "three"),
        ("UPDATE records SET key = %s WHERE key = %s", (key + "x", key), None),
    ):
        world.sql(statement, *args)
        seen(world, key, value)
    seen(world, key + "x", "three")

    def kinds(key):
        return [e.kind for e in feed.events if e.key == key]

    wait_until(lambda: kinds(key) == ["put", "delete", "put", "delete"], 20, "the feed")
    wait_until(lambda: kinds(key + "x") == ["put"], 20, "the feed")
    feed.close()
    wait_until(lambda: notes(world) == 0, 20, "the notes are gone")


def test_what_sluice_writes_is_not_noted(world, http, key):
    (writer,) = world.of("writer")
    before = writer.metrics()["sluice_touches_total"]
    for n in range(5):
        assert http.put(key, f"v{n}", prefer="wait=30").status in (200, 201)
    assert http.delete(key, prefer="wait=30").status == 204
    assert notes(world) == 0
    assert writer.metrics()["sluice_touches_total"] == before


def test_a_writer_that_was_away(world, http, key):
    """Between the change and the append."""
    (writer,) = world.of("writer")
    warm(world, key, "one")
    writer.sigkill()
    world.sql(UPDATE, "two", key)
    assert notes(world) == 1
    writer.start()
    seen(world, key, "two")


def test_a_writer_that_dies_before_it_deletes(world, http, key):
    """The log has the touch; another session holds the note."""
    (writer,) = world.of("writer")
    warm(world, key, "one")
    writer.sigkill()
    world.sql(UPDATE, "two", key)
    with world.servers.postgres(world.name) as other, other.transaction():
        other.execute("SELECT FROM sluice.outbox FOR UPDATE")
        writer.start()
        seen(world, key, "two")
        assert writer.metrics()["sluice_touches_total"] >= 1
        writer.sigkill()
        # Postgres does not notice that the writer is gone while it waits.
        world.sql(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE 'DELETE FROM sluice.outbox%'"
            " AND pid <> pg_backend_pid()"
        )
    assert notes(world) == 1
    writer.start()
    wait_until(lambda: notes(world) == 0, 20, "the note is gone")
    seen(world, key, "two")


def test_truncate(world, http, key):
    warm(world, key, "one")
    world.sql("TRUNCATE records")
    seen(world, key, None)
    wait_until(lambda: notes(world) == 0, 20, "the notes are gone")


def test_how_soon(world, http, key):
    """The median and the 99th percentile, printed (tests/bench/foreign asks every tier)."""
    warm(world, key, "0")
    took = []
    with world.servers.postgres(world.name) as other:
        for n in range(1, 101):
            other.execute(UPDATE, (str(n), key))
            began = time.monotonic()
            while http.value(key) != str(n):
                assert time.monotonic() < began + 20
            took.append(time.monotonic() - began)
    took.sort()
    print(f"visible after {took[50] * 1000:.0f} ms, p99 {took[98] * 1000:.0f} ms")


def test_what_nobody_knows_is_told(world):
    """A note without a document is deleted, and the log says so."""
    (writer,) = world.of("writer")
    world.sql("INSERT INTO sluice.outbox (collection, key) VALUES ('nothing', 'a')")
    wait_until(lambda: notes(world) == 0, 20, "the note is deleted")
    wait_until(lambda: writer.events("outbox.unknown"), 5, "it is told")
    assert any("collection=\"nothing\"" in line for line in writer.events("outbox.unknown"))


def test_what_fails_is_told_and_done_later(world, key):
    (writer,) = world.of("writer")
    warm(world, key, "one")
    world.sql("REVOKE DELETE ON sluice.outbox FROM sluice_writer")
    world.sql(UPDATE, "two", key)
    seen(world, key, "two")
    wait_until(lambda: writer.events("outbox.failed"), 20, "it is told")
    assert notes(world) > 0
    world.sql("GRANT DELETE ON sluice.outbox TO sluice_writer")
    wait_until(lambda: notes(world) == 0, 20, "the notes are deleted")
