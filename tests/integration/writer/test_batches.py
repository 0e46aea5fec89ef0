"""Batches of several partitions: one transaction, one failure; the partitions have
nothing else in common. If one of them has trouble, the others go on."""

import json

import pytest
from harness import history
from harness.wait import wait_until

# Each partition has some of them.
KEYS = [f"key {n}" for n in range(40)]


@pytest.fixture
def running(deployment):
    deployment.start_all()
    return deployment


def admin(deployment, method, path):
    (writer,) = deployment.of("writer")
    answer = writer.admin.request(method, path)
    assert answer.status == 200, answer
    return answer


def together(deployment, writes):
    """The writer gets the writes at once; returns their receipts."""
    (api,), (writer,) = deployment.of("api"), deployment.of("writer")
    admin(deployment, "POST", "/pause")
    receipts = [api.http.put(*write) for write in writes]
    assert {r.status for r in receipts} == {202}
    wait_until(
        lambda: writer.metrics()["sluice_writer_buffered_writes"] == len(writes),
        30,
        "the writer has them all",
    )
    admin(deployment, "POST", "/resume")
    return receipts


def partition_of(receipt):
    return int(receipt.position.split("-")[0])


def committed(deployment):
    """How many batches, and how many partitions in all of them."""
    (writer,) = deployment.of("writer")
    metrics = writer.metrics()
    return (
        metrics["sluice_writer_batches_total"],
        metrics["sluice_writer_batch_slices_total"],
    )


def state(deployment, receipt):
    path = f"/v1/_writes/{receipt.position}"
    return deployment.of("api")[0].http.page(path)


def test_one_transaction_for_all_partitions(running):
    running.sql("CREATE TABLE seen (xid bigint, p int)")
    running.sql("GRANT INSERT ON seen TO sluice_writer")
    running.sql(
        "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
        " INSERT INTO seen VALUES (txid_current(), new.partition); RETURN NULL; END$$"
    )
    running.sql(
        "CREATE TRIGGER see AFTER UPDATE ON sluice.progress"
        " FOR EACH ROW EXECUTE FUNCTION see()"
    )
    receipts = together(running, [(key, "one") for key in KEYS])
    history.settle(running)
    partitions = {partition_of(r) for r in receipts}
    assert len(partitions) == 8
    assert running.sql("SELECT count(*), count(DISTINCT p) FROM seen GROUP BY xid") == [(8, 8)]
    assert committed(running) == (1, 8)
    assert len(running.rows()) == len(KEYS)


def test_a_bad_write_of_one_partition(running):
    """It is found among the writes of all: nothing else is rejected."""
    running.sql("ALTER TABLE records ADD CHECK (value <> 'bad')")
    writes = [(key, "bad" if key == KEYS[7] else "good") for key in KEYS]
    receipts = together(running, writes)
    history.settle(running)
    for (_, value), receipt in zip(writes, receipts, strict=True):
        want = "rejected" if value == "bad" else "committed"
        assert state(running, receipt)["state"] == want
    assert len(running.rows()) == len(KEYS) - 1


def test_many_bad_writes_of_one_partition(running):
    """Too many writes to try each of them: the partitions go on one by one."""
    running.sql("ALTER TABLE records ADD CHECK (value <> 'bad')")
    keys = [f"key {n}" for n in range(600)]
    (api,) = running.of("api")
    first = partition_of(api.http.put("key 0", "first", prefer="wait=10"))
    probes = {key: partition_of(api.http.put(key, "probe")) for key in keys[1:]}
    history.settle(running)
    bad = {key for key, partition in probes.items() if partition == first}
    assert 20 < len(bad) < 300
    writes = [(key, "bad" if key in bad else "good") for key in keys]
    together(running, writes)
    history.settle(running)
    values = {key: row[0] for key, row in running.rows().items()}
    assert values == {key: "probe" if key in bad else "good" for key in keys}


def test_a_watermark_that_somebody_moved(running):
    """One partition is fenced, and taken again; the batch goes on without it."""
    (api,), (writer,) = running.of("api"), running.of("writer")
    assert api.http.put(KEYS[0], "first", prefer="wait=10").status == 201
    history.settle(running)
    admin(running, "POST", "/pause")
    receipts = [api.http.put(key, "one") for key in KEYS]
    wait_until(
        lambda: writer.metrics()["sluice_writer_buffered_writes"] == len(KEYS),
        30,
        "the writer has them all",
    )
    moved = partition_of(receipts[0])
    theirs = [r for r in receipts if partition_of(r) == moved]
    # As if another writer had committed the first of them.
    running.sql(
        "UPDATE sluice.progress SET next_offset = next_offset + 1 WHERE partition = %s", moved
    )
    admin(running, "POST", "/resume")
    history.settle(running)
    (event,) = writer.events("batch.fenced")
    assert f"partition={moved} " in event
    rows = running.rows()
    for key, receipt in zip(KEYS, receipts, strict=True):
        is_there = rows.get(key, ("",))[0] == "one"
        assert is_there == (receipt is not theirs[0])


def test_a_partition_whose_row_is_locked(running):
    """The others share no batch with it; they commit meanwhile."""
    (api,), (writer,) = running.of("api"), running.of("writer")
    assert {api.http.put(key, "first", prefer="wait=10").status for key in KEYS} == {201}
    placed = {key: partition_of(api.http.put(key, "second", prefer="wait=10")) for key in KEYS}
    locked = placed[KEYS[0]]
    others = [key for key in KEYS if placed[key] != locked]
    with running.servers.postgres(running.name) as session, session.transaction():
        session.execute("SELECT FROM records WHERE key = %s FOR UPDATE", (KEYS[0],))
        stuck = api.http.put(KEYS[0], "third")
        wait_until(
            lambda: running.sql(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND datname = current_database()"
            )[0][0],
            20,
            "the batch waits for the lock",
        )
        for key in others:
            assert api.http.put(key, "third", prefer="wait=4").status == 200, key
        assert state(running, stuck)["state"] == "pending"
    history.settle(running)
    assert {row[0] for row in running.rows().values()} == {"third", "second"}
    assert writer.metrics()['sluice_writer_batches_failed_total', 'why="fenced"'] == 0


@pytest.mark.parametrize("point", ["batch.committed", "slice.announced", "announce.mark"])
def test_a_crash_leaves_gaps_of_several_partitions(running, point):
    """The next writer announces all of them: no cache keeps an old value."""
    (api,), (writer,) = running.of("api"), running.of("writer")
    for key in KEYS:
        assert api.http.put(key, "old", prefer="wait=10").status == 201
    for key in KEYS:
        assert api.http.value(key) == "old"
    writer.sigkill()
    writer.start(env={"SLUICE_TEST_CRASH": point})
    admin(running, "POST", "/pause")
    for key in KEYS:
        assert api.http.put(key, "new").status == 202
    wait_until(
        lambda: writer.metrics()["sluice_writer_buffered_writes"] == len(KEYS),
        30,
        "the writer has them all",
    )
    admin(running, "POST", "/resume")
    writer.ends_by_itself(42)
    assert {row[0] for row in running.rows().values()} == {"new"}
    writer.start()
    history.settle(running)
    for key in KEYS:
        assert api.http.value(key) == "new"
    marks = {}
    for m in running.servers.read_log(running.commits, running.partitions):
        if m.key() == b"_mark":
            marks[m.partition()] = int(json.loads(m.value())["through"])
    assert marks == dict(enumerate(running.progress()))
