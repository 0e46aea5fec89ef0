"""INV-7: after a failover that lost commits the log is applied again with the outcomes
that were told, however its batches are cut, and whichever partition is faster; where
the marks that told them are gone, caches and feeds are told so."""

import contextlib
import json

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ConfigSource
from harness import history
from harness.client import key_path
from harness.feed import Feed
from harness.forge import Forger
from harness.replica import replica_caught_up
from harness.wait import wait_until

INCREMENT = "application/vnd.sluice.increment+json"


@pytest.fixture
def deployment(pair, deploy):
    """Two APIs, a writer, a projector."""
    made = deploy(pair.on())
    made.start_all(apis=2)
    return made


def put(http, where, key, **members):
    headers = {"Content-Type": "application/json", "Prefer": "wait=10"}
    return http.request("PUT", key_path(key, where), json.dumps(members), headers)


def add(http, key, n):
    headers = {"Content-Type": INCREMENT, "Prefer": "wait=10"}
    body = json.dumps({"count": n})
    return http.request("PATCH", key_path(key, "counters"), body, headers)


def cut(deployment, pair):
    """From here on commits will be lost."""
    history.settle(deployment)
    replica_caught_up(deployment)
    pair.cut()


def fail_over(deployment, pair):
    """Without a writer: the test says when the log is applied again."""
    (writer,) = deployment.of("writer")
    history.settle(deployment)
    writer.finish()
    deployment.daemons.remove(writer)
    pair.fail_over()


@contextlib.contextmanager
def locked(pair, deployment, table):
    """Nothing is written to it; references to it can be checked."""
    with pair.standby.connect(deployment.name) as holder, holder.transaction():
        holder.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
        yield


def forget_commits(deployment, kept):
    """All but the last ones of each partition."""
    admin, topic = deployment.servers.kafka_admin, deployment.commits
    both = ConfigEntry("cleanup.policy", "compact,delete", ConfigSource.DYNAMIC_TOPIC_CONFIG)
    both.incremental_operation = AlterConfigOpType.SET
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[both])
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(20)
    ends = deployment.servers.log_ends(topic, deployment.partitions)
    gone = [TopicPartition(topic, p, max(0, end - kept)) for p, end in enumerate(ends)]
    for future in admin.delete_records(gone).values():
        future.result(20)


def outcome(http, position):
    """Once somebody knows it: there is no primary for a moment."""
    answers = []

    def told():
        answers.append(http.request("GET", f"/v1/_writes/{position}"))
        return answers[-1].status == 200

    wait_until(told, 20, f"what became of {position}")
    answer = answers[-1].json()
    return answer["state"], answer.get("status"), answer.get("first")


def wait_outcome(api, position, *wanted):
    """What both the database and the instance say once it has heard of it."""
    wait_until(
        lambda: outcome(api.http, position)[:2] == wanted and api.events("tail.anew"),
        20,
        f"{api.name} knows that {position} is {wanted}",
    )


def partition_of(position):
    return int(position.split("-")[0])


def wait_partition(deployment, partition):
    wait_until(
        lambda: deployment.progress()[partition] == deployment.ends()[partition],
        20,
        f"partition {partition} is applied",
    )


def read(http, where, key):
    """What the caches say, and what the database says."""
    cached = http.request("GET", key_path(key, where))
    fresh = http.request("GET", key_path(key, where), headers={"Cache-Control": "no-cache"})
    return [(a.status, a.header("ETag"), a.body) for a in (cached, fresh)]


def check_reads(deployment, where, *keys):
    """In the end, caches say what the database says."""

    def same(api, key):
        cached, fresh = read(api.http, where, key)
        assert cached == fresh, f"{api.name} {key}: {cached}, Postgres: {fresh}"
        return True

    for api in deployment.of("api"):
        for key in keys:
            wait_until(lambda a=api, k=key: same(a, k), 20, f"{key} is the same everywhere")


def test_a_refused_write_stays_refused(deployment, pair):
    """The two come in two batches first, then in one, which hides the first one's
    document from a constraint that only Postgres knows."""
    one, two = (api.http for api in deployment.of("api"))
    deployment.sql("ALTER TABLE counters ADD CONSTRAINT up CHECK (count >= 0)")
    assert put(one, "counters", "n", count=0).status == 201
    feed = Feed(one.port, "counters")
    cut(deployment, pair)
    down = add(one, "n", -1)
    assert (down.status, down.json()["constraint"]) == (409, "up"), down
    up = add(two, "n", 1)
    assert up.status == 200, up
    fail_over(deployment, pair)
    writer = deployment.writer()
    history.settle(deployment)
    assert writer.events("postgres.went_back")
    assert deployment.sql("SELECT count FROM counters") == [(1,)]
    for api in (one, two):
        wait_until(lambda a=api: read(a, "counters", "n")[1][0] == 200, 20, "it reads")
        assert outcome(api, down.position)[:2] == ("rejected", 409)
        assert outcome(api, up.position)[:2] == ("committed", None)
    ((reason, detail),) = deployment.sql("SELECT reason, detail FROM sluice.rejections")
    assert (reason, detail) == ("constraint-violation", "up")
    check_reads(deployment, "counters", "n")
    assert put(one, "counters", "n", count=7).status == 200
    feed.wait_for(lambda events: events[-1:] and events[-1].document["count"] == 7, "the end")
    assert [e.kind for e in feed.events] == ["put", "put"], feed.events
    assert not writer.events("outcomes.anew")
    feed.close()


def test_an_accepted_write_waits_for_another_partition(deployment, pair):
    """It refers to a row that the other partition has not written again yet."""
    one, two = (api.http for api in deployment.of("api"))
    deployment.sql("ALTER TABLE counters ADD FOREIGN KEY (key) REFERENCES records (key)")
    cut(deployment, pair)
    keys = [f"key {i}" for i in range(20)]
    for key in keys:
        assert put(one, "records", key, value="1").status == 201
        made = put(two, "counters", key, count=1)
        assert made.status == 201
    fail_over(deployment, pair)
    with locked(pair, deployment, "records"):
        writer = deployment.writer()
        wait_until(lambda: writer.events("batch.retry"), 20, "it is tried again")
    history.settle(deployment)
    assert deployment.sql("SELECT count(*) FROM counters") == [(20,)]
    assert outcome(one, made.position)[0] == "committed"
    check_reads(deployment, "counters", *keys)
    assert not writer.events("outcomes.anew")
    assert deployment.sql("SELECT count(*) FROM sluice.rejections") == [(0,)]


def test_what_never_passes_is_decided_anew(deployment, pair):
    """Somebody has given the new primary a constraint that the old one had not."""
    one, two = (api.http for api in deployment.of("api"))
    assert put(one, "counters", "n", count=1).status == 201
    cut(deployment, pair)
    feed = Feed(one.port, "counters")
    wrong = put(two, "counters", "n", count=-1)
    assert wrong.status == 200
    check_reads(deployment, "counters", "n")  # every cache has it
    fail_over(deployment, pair)
    with pair.standby.connect(deployment.name) as admin:
        admin.execute("ALTER TABLE counters ADD CONSTRAINT up CHECK (count >= 0)")
    writer = deployment.writer()
    wait_until(lambda: writer.events("outcomes.anew"), 30, "it is decided anew")
    history.settle(deployment)
    assert deployment.sql("SELECT count FROM counters") == [(1,)]
    feed.wait_for(lambda events: events[-1:] and events[-1].kind == "reset", "a reset")
    feed.close()
    for api in deployment.of("api"):
        wait_outcome(api, wrong.position, "rejected", 409)
        assert api.events("tail.anew")
    check_reads(deployment, "counters", "n")


def test_a_replay_stays_one(deployment, pair):
    """Its first one is in another partition, which is slower this time."""
    one, _ = (api.http for api in deployment.of("api"))
    # Where the keys are at home.
    first_at = put(one, "counters", "first", count=0)
    for i in range(20):
        again_at = put(one, "records", f"again {i}", value="0")
        if partition_of(again_at.position) != partition_of(first_at.position):
            break
    cut(deployment, pair)
    forger = Forger(deployment)
    said = {"idempotency_key": "X", "fingerprint": "00000000000000aa"}
    home, away = partition_of(first_at.position), partition_of(again_at.position)
    first = forger.write(home, "counters/first", {"count": 1}, **said)
    wait_partition(deployment, home)
    again = forger.write(away, f"records/again {i}", {"value": "1"}, **said)
    wait_partition(deployment, away)
    assert outcome(one, f"{away}-{again}")[2] == f"{home}-{first}"
    fail_over(deployment, pair)
    with locked(pair, deployment, "counters"):
        deployment.writer()
        wait_partition(deployment, away)
    history.settle(deployment)
    ((value,),) = deployment.sql("SELECT value FROM records WHERE key = %s", f"again {i}")
    assert value == "0"
    assert deployment.sql("SELECT count FROM counters") == [(1,)]
    assert outcome(one, f"{away}-{again}")[2] == f"{home}-{first}"
    known = "SELECT partition, version, outcome FROM sluice.idempotency"
    assert deployment.sql(known) == [(home, first, "replaced")]


@pytest.mark.parametrize("left", ["none", "the last"])
def test_the_marks_are_gone(deployment, pair, left):
    """Compaction took them, or the topic was made again: it is decided anew, and
    nobody goes on with what was told before."""
    one, two = (api.http for api in deployment.of("api"))
    assert put(one, "counters", "n", count=0).status == 201
    cut(deployment, pair)
    feed = Feed(one.port, "counters")
    up = add(two, "n", 1)
    assert up.status == 200
    check_reads(deployment, "counters", "n")
    fail_over(deployment, pair)
    feed.wait_for(lambda events: len(events) == 1, "the one that was accepted")
    with pair.standby.connect(deployment.name) as admin:
        admin.execute("ALTER TABLE counters ADD CONSTRAINT few CHECK (count <= 0)")
    forget_commits(deployment, kept=1 if left == "the last" else 0)
    writer = deployment.writer()
    history.settle(deployment)
    assert writer.events("outcomes.anew")
    assert deployment.sql("SELECT count FROM counters") == [(0,)]  # another history
    feed.wait_for(lambda events: any(e.kind == "reset" for e in events), "a reset")
    feed.close()
    for api in deployment.of("api"):
        wait_outcome(api, up.position, "rejected", 409)
    check_reads(deployment, "counters", "n")
    # New ones are told as ever.
    assert put(one, "counters", "other", count=0).status == 201
    check_reads(deployment, "counters", "n", "other")
