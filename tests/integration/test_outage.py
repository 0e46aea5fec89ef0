"""The database is away, stands still, is locked or full: the log is the buffer.
The writer says what is wrong, in its log, its metrics and on /readyz, and tries
again; nothing is rejected, nothing is lost, and it drains afterwards."""

import os
import random
import subprocess
import time

import pytest
from harness import history
from harness.crowd import in_threads
from harness.deployment import QUICK_GROUP
from harness.postgres import Postgres, url_of
from harness.wait import Stopwatch, wait_until

OUTAGE_S = 60


def not_ready(writer, *words):
    status, why = writer.readiness()
    assert status == 503 and any(word in why for word in words), why
    return why


def retries(writer):
    return writer.metrics()["sluice_writer_batches_failed_total", 'why="retry"']


def check_nothing_rejected(deployment):
    (writer,) = deployment.of("writer")
    assert writer.metrics()["sluice_writer_writes_total", 'result="rejected"'] == 0
    assert deployment.sql("SELECT * FROM sluice.rejections") == []


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
        assert waiting * 0.9 <= m["sluice_writer_backlog"] <= load.acked
        assert m["sluice_writer_postgres_connections"] == 0
        assert m["sluice_writer_lag_microseconds"] > 50e6
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


# --- a full disk --------------------------------------------------------------


@pytest.fixture
def small_disk(servers):
    """A server of its own, with a tablespace on a file system of 16 MiB."""
    server = Postgres(servers, "outage-primary")
    disk = server.folder.with_suffix(".disk")
    disk.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m,mode=777", "tmpfs", disk],
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        disk.rmdir()
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    try:
        server.create()
        space = disk / "space"
        space.mkdir()
        os.chown(space, server.owner.st_uid, server.owner.st_gid)
        server.sql(f"CREATE TABLESPACE small LOCATION '{space}'")
        server.sql("GRANT CREATE ON TABLESPACE small TO sluice")
        server.disk = disk
        yield server
    finally:
        server.close()
        subprocess.run(["umount", "-l", disk], check=True)
        disk.rmdir()


def test_a_full_disk(servers, small_disk, deploy):
    url = url_of("sluice", "sluice", small_disk)
    admin = url_of("postgres", small_disk.password, small_disk)
    deployment = deploy(
        servers.on_postgres(
            primary=url, replica=url, primary_admin=admin, replica_admin=admin
        )
    )
    deployment.sql("ALTER TABLE records SET TABLESPACE small")
    api = deployment.start_all(settings=QUICK_GROUP)
    (writer,) = deployment.of("writer")
    history.audited(deployment)
    filler = small_disk.disk / "filler"
    # Almost all of it, in one go.
    filler.write_bytes(bytes(15 << 20))
    # Not one that compresses well.
    large = "".join(random.Random(1).choices("abcdefghijklmnop0123456789", k=8000))
    load = history.Load([api.http], total=400, keys=10**6, seed=1, deletes=0, tail=large)
    load.start().join(60)
    wait_until(lambda: not_ready(writer, "53100"), 20, "it is said")
    assert retries(writer) > 0
    (line,) = writer.events("batch.retry")[:1]
    assert "code=53100" in line and "No space left on device" in line
    assert deployment.progress() != deployment.ends()
    filler.unlink()
    history.settle(deployment)
    writer.wait_ready()
    check_nothing_rejected(deployment)
    history.check_everything(deployment, load, [api])
