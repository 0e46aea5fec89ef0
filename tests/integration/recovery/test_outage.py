"""The database is away, stands still or is locked: the log is the buffer.
The writer says what is wrong, in its log, its metrics and on /readyz, and tries
again; nothing is rejected, nothing is lost, and it drains afterwards."""

import time

import pytest
from harness import history
from harness.crowd import in_threads
from harness.deployment import QUICK_GROUP
from harness.outage import check_nothing_rejected, not_ready, retries
from harness.replica import replica_caught_up
from harness.wait import Stopwatch, wait_until

OUTAGE_S = 60


@pytest.mark.seconds(240)
def test_a_minute_without_the_database(deployment, servers):
    deployment.start_all(apis=2, settings=QUICK_GROUP)
    apis, (writer,) = deployment.of("api"), deployment.of("writer")
    history.audited(deployment)
    clients = [api.http for api in apis]
    warm = history.Load(clients, total=300, keys=200, seed=1, deletes=0).start()
    warm.join(30)
    history.settle(deployment)
    known = {attempt.key for attempt in warm.attempts}
    for api in apis:
        in_threads(4, known, api.http.get)
    load = history.Load(
        clients, total=10**9, keys=200, seed=2, threads=4, pause=0.02, deletes=0
    )
    with servers.away("primary", "kill"):
        load.start()
        end = time.monotonic() + OUTAGE_S
        wait_until(lambda: not_ready(writer, "postgres"), 10, "it is said")
        wait_until(lambda: time.monotonic() > end, OUTAGE_S + 5, "a minute is over")
        not_ready(writer, "postgres")
        # A line per change of the reason, and not one per try.
        assert 1 <= len(writer.events("postgres.down")) < 20
        waiting, m = load.acked, writer.metrics()
        # A write is in the log before its client has read the answer.
        in_flight = len(load.threads)
        assert waiting * 0.9 <= m["sluice_writer_backlog"] <= load.acked + in_flight
        assert m["sluice_writer_postgres_connections"] == 0
        assert m["sluice_writer_lag_seconds"] > 50
        for api in apis:
            answers = in_threads(4, known, api.http.get)
            assert {a.status for a in answers} == {200}
    with Stopwatch() as t:
        writer.wait_ready()
        load.stop()
        history.settle(deployment)
    print(f"{waiting} writes waited; drained in {t.seconds:.1f} s; {load.summary()}")
    assert load.summary().keys() == {"acked"}
    check_nothing_rejected(deployment)
    load.attempts += warm.attempts
    history.check_everything(deployment, load, apis)


def test_a_database_that_stands_still(world, api, servers):
    """It takes and does not answer: no error would tell of it."""
    (writer,) = world.of("writer")
    assert api.http.put("key", "before", prefer="wait=10").status == 201
    with servers.away("primary", "pause"):
        receipt = api.http.put("key", "meanwhile")
        assert receipt.status == 202
        why = wait_until(lambda: not_ready(writer, "not answered"), 15, "it is said")
        assert "partition" in why, why
    # Its own breaker is not the writer's: the replica has it first, or the primary.
    wait_until(lambda: world.progress() == world.ends(), 20, "it is committed")
    replica_caught_up(world)
    assert api.http.value("key", Sluice_Read_After=receipt.position) == "meanwhile"
    writer.wait_ready()
    check_nothing_rejected(world)


def test_a_locked_table(world, api):
    (writer,) = world.of("writer")
    assert api.http.put("locked", "before", prefer="wait=10").status == 201
    with world.servers.postgres(world.name) as other:
        other.execute("BEGIN")
        other.execute("LOCK TABLE records")
        positions = [api.http.put(f"key {n}", "meanwhile").position for n in range(50)]
        wait_until(lambda: not_ready(writer, "55P03"), 15, "it is said")
        assert retries(writer) > 0
        assert any("code=55P03" in line for line in writer.events("batch.retry"))
        # Another user's session: it is none of the writer's to end.
        assert other.execute("SELECT 1").fetchone() == (1,)
        other.execute("ROLLBACK")
    for n, position in enumerate(positions):
        assert api.http.value(f"key {n}", Sluice_Read_After=position) == "meanwhile"
    writer.wait_ready()
    check_nothing_rejected(world)
