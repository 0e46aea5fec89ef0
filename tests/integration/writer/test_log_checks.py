"""Each way in which the log is not the one that the database's watermarks are
of, provoked on a real broker: the writer refuses it, names the case and the way
out, and the way out works. Nothing is dropped silently, nothing applied twice.
"""

import contextlib

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import (
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
)
from harness import history
from harness.cli import run
from harness.deployment import QUICK_GROUP
from harness.wait import wait_until

PARTITIONS = 2
DEADLINE = 30


@pytest.fixture
def deployment(servers, deploy):
    return deploy(servers, partitions=PARTITIONS)


# --- what can happen to a topic -----------------------------------------------


def done(futures):
    for future in futures.values():
        future.result(20)


def delete(deployment, topic):
    done(deployment.servers.kafka_admin.delete_topics([topic]))
    wait_until(
        lambda: topic not in deployment.servers.kafka_admin.list_topics(timeout=5).topics,
        10,
        "the topic is gone",
    )


def make(deployment, topic, partitions=PARTITIONS):
    done(deployment.servers.kafka_admin.create_topics([NewTopic(topic, partitions, 1)]))


def make_again(deployment):
    delete(deployment, deployment.writes)
    make(deployment, deployment.writes)


def grow(deployment, topic, partitions):
    done(deployment.servers.kafka_admin.create_partitions([NewPartitions(topic, partitions)]))


def delete_records(deployment, before):
    """As retention does: a partition begins at an offset."""
    done(
        deployment.servers.kafka_admin.delete_records(
            [TopicPartition(deployment.writes, p, o) for p, o in before.items()]
        )
    )


# --- what the writer says, and the way out -------------------------------------


def refuses(writer, event, code, *words):
    """It ends with 1, and its last word names the case and the way out."""
    writer.ends_by_itself(1, DEADLINE)
    line = writer.events(event)[-1]
    assert f"code={code} " in line, line
    for word in (*words, "Moving to a new log"):
        assert str(word) in line, line
    assert "level=error" in line


def refuses_to_start(deployment, code, *words, **settings):
    """At the start, or as soon as it was given partitions."""
    named = {name.replace("_", "."): value for name, value in settings.items()}
    writer = deployment.daemon("writer", {**QUICK_GROUP, **named}).start(ready=False)
    event = "writer.fatal" if code in ("log.recreated", "log.truncated", "log.overrun") else "start.refused"
    refuses(writer, event, code, *words)


def advance(deployment, *flags, code=0):
    """--advance-epoch with the deployment's settings; what it printed."""
    args = [f"--{name}={value}" for name, value in deployment.settings("migrate").items()]
    ended = run(deployment.servers, "writer", "--advance-epoch", *args, *flags)
    assert ended.returncode == code, ended
    return ended.stdout + ended.stderr


@contextlib.contextmanager
def in_place_of(deployment, **log):
    """With other settings of the log: writes, commits, partitions."""
    before = {name: getattr(deployment, name) for name in log}
    for name, value in log.items():
        setattr(deployment, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(deployment, name, value)


def epoch(deployment):
    return deployment.sql("SELECT topic, partitions, epoch FROM sluice.log")[0]


def fill(api, n, name="key", value="old"):
    """Writes that are committed; their positions."""
    answers = [api.http.put(f"{name} {i}", f"{value} {i}", prefer="wait=20") for i in range(n)]
    assert {a.status for a in answers} <= {200, 201}
    return [a.position for a in answers]


def works(deployment, count=30, fresh=False):
    """With the log of the settings: all three daemons, old keys and new ones, and
    the positions that are told are good."""
    deployment.start_all(settings=QUICK_GROUP)
    api = deployment.of("api")[-1]
    for i in range(count):
        assert api.http.value(f"key {i}") == f"old {i}"
    number = epoch(deployment)[2]
    for i in range(count):
        answer = api.http.put(f"key {i}", f"new {i}")
        assert answer.status == 202, answer
        _, version = map(int, answer.position.split("-"))
        assert version >> 48 == number
        assert api.http.value(f"key {i}", Sluice_Read_After=answer.position) == f"new {i}"
        told = api.http.request("GET", f"/v1/_writes/{answer.position}")
        assert told.json()["state"] == "committed", told
    assert api.http.put("key 0", "last", prefer="wait=20").status == 200
    assert api.http.delete("nothing", prefer="wait=20").status == 404
    if fresh:
        other = deployment.api()
        assert other.http.value("key 0") == "last"
        assert other.http.value("key 1") == "new 1"
    deployment.wait_projected()


def stopped(deployment, n=30):
    """A deployment with a past; all daemons are stopped again."""
    api = deployment.start_all(settings=QUICK_GROUP)
    positions = fill(api, n)
    history.settle(deployment)
    stop_all(deployment)
    return positions


def stop_all(deployment):
    for daemon in sorted(deployment.daemons, key=lambda d: d.kind):
        if daemon.running:
            daemon.stop()


# --- the settings ----------------------------------------------------------------


def test_other_settings_than_the_database_says(deployment, servers):
    """Another topic, another number of partitions, another Kafka. The API ends
    rather than to append to a log that nobody applies."""
    stopped(deployment, 5)
    other = f"{deployment.name}.other"
    make(deployment, other)
    try:
        refuses_to_start(
            deployment, "log.settings", other, deployment.writes, log_writes=other
        )
        refuses_to_start(deployment, "log.settings", log_partitions=3)
        for settings in ({"log.writes": other}, {"log.partitions": 3}):
            api = deployment.daemon("api", settings).start(ready=False)
            refuses(api, "api.fatal", "log.settings", deployment.writes)
    finally:
        servers.delete_topics(other)
    # librdkafka's own mock cluster makes any topic, of four partitions.
    deployment.sql("UPDATE sluice.log SET partitions = 4")
    refuses_to_start(
        deployment, "log.cluster", log_partitions=4,
        **{"kafka.bootstrap.servers": "127.0.0.1:1", "kafka.test.mock.num.brokers": 1},
    )  # fmt: skip
    deployment.sql("UPDATE sluice.log SET partitions = %s" % PARTITIONS)
    deployment.writer()


# --- a topic that was made again -------------------------------------------------


def test_a_topic_that_was_made_again(deployment):
    positions = stopped(deployment)
    make_again(deployment)
    refuses_to_start(deployment, "log.recreated", "is empty", "made again")
    before = epoch(deployment)
    assert "epoch 1" in advance(deployment, "--dry-run")
    assert epoch(deployment) == before
    advance(deployment)
    assert epoch(deployment) == (deployment.writes, PARTITIONS, 1)
    works(deployment)
    # What was decided in the epoch before is still known.
    api = deployment.of("api")[-1]
    told = api.http.request("GET", f"/v1/_writes/{positions[0]}").json()
    assert told["state"] == "committed"


def test_a_topic_that_was_made_again_and_written_to(deployment):
    """Its offsets are those of writes that were applied long ago: nobody but the
    operator knows that these were not."""
    stopped(deployment)
    make_again(deployment)
    api = deployment.daemon("api").start()
    late = [api.http.put(f"late {i}", "late") for i in range(6)]
    assert {a.status for a in late} == {202}
    api.stop()
    refuses_to_start(deployment, "log.truncated", "cut", "made again")
    assert "--made-again" in advance(deployment, code=1)
    assert epoch(deployment)[2] == 0
    advance(deployment, "--made-again")
    works(deployment)
    for i in range(6):
        assert deployment.of("api")[-1].http.value(f"late {i}") == "late"


def test_a_topic_that_is_made_again_under_a_running_writer(deployment):
    api = deployment.start_all(settings=QUICK_GROUP)
    (writer,) = deployment.of("writer")
    fill(api, 30)
    history.settle(deployment)
    make_again(deployment)
    refuses(writer, "writer.fatal", "log.recreated")
    goes_on_with_old_commits(deployment)
    stop_all(deployment)
    advance(deployment)
    works(deployment)


def goes_on_with_old_commits(deployment):
    """The log ends below them. But they are applied, so nobody forged them: the
    API serves its caches, and Redis keeps what it has."""
    heads = {"api": "sluice_tail_heads_total", "projector": "sluice_projector_heads_total"}
    followers = [d for d in deployment.daemons if d.kind in heads]
    before = [d.metrics()[heads[d.kind]] for d in followers]
    wait_until(
        lambda: all(d.metrics()[heads[d.kind]] >= b + 4 for d, b in zip(followers, before)),
        DEADLINE,
        "the end of the log was looked at four times",
    )
    (api,) = deployment.of("api")
    assert api.readiness()[0] == 200
    assert api.http.value("key 0") == "old 0"
    for daemon in followers:
        daemon.check_log()


# --- a log that ends before the watermark ------------------------------------------


def test_a_log_that_was_cut(deployment):
    """A broker that lost its end looks so; a new topic is the way out. What was
    cut and not applied is lost, and nobody is told that it was committed."""
    api = deployment.start_all(settings=QUICK_GROUP)
    fill(api, 30)
    history.settle(deployment)
    deployment.of("writer")[0].stop()
    lost = api.http.put("lost", "lost")
    assert lost.status == 202
    stop_all(deployment)
    # There is no tool to cut a log: one with less in it takes its place.
    make_again(deployment)
    producer = deployment.daemon("api").start()
    for i in range(6):
        assert producer.http.put(f"key {i}", f"old {i}").status == 202
    producer.stop()
    refuses_to_start(deployment, "log.truncated", "ends at offset", deployment.writes)
    cut = deployment.writes
    with in_place_of(deployment, writes=f"{deployment.name}.second"):
        assert f"of {cut} ends at offset" in advance(deployment)
        assert epoch(deployment) == (deployment.writes, PARTITIONS, 1)
        works(deployment)
        (api,) = (d for d in deployment.of("api") if d.running)
        assert api.http.value("lost") is None
        told = api.http.request("GET", f"/v1/_writes/{lost.position}")
        assert told.status == 410, told
        stop_all(deployment)
        deployment.servers.delete_topics(deployment.writes)


# --- retention -----------------------------------------------------------------------


def test_a_retention_that_overran_the_writer(deployment):
    api = deployment.start_all(settings=QUICK_GROUP)
    (writer,) = deployment.of("writer")
    fill(api, 30)
    history.settle(deployment)
    writer.stop()
    receipts = [api.http.put(f"late {i}", "late") for i in range(20)]
    stop_all(deployment)
    next_ = deployment.progress()
    delete_records(deployment, {p: n + 3 for p, n in enumerate(next_)})
    refuses_to_start(deployment, "log.overrun", "retention", "never applied")
    advance(deployment)
    works(deployment)
    api = deployment.of("api")[-1]
    for i, receipt in enumerate(receipts):
        p, offset = map(int, receipt.position.split("-"))
        gone = offset < next_[p] + 3
        assert api.http.value(f"late {i}") == (None if gone else "late")
        # Its place in the epoch before says nothing any more.
        assert api.http.request("GET", f"/v1/_writes/{receipt.position}").status == 410


def test_a_retention_that_overruns_a_running_writer(deployment, servers):
    """Its database is away for too long, and its log is cleaned away."""
    api = deployment.start_all(settings=QUICK_GROUP)
    (writer,) = deployment.of("writer")
    fill(api, 30)
    history.settle(deployment)
    writer.sigstop()
    for i in range(20):
        assert api.http.put(f"late {i}", "late").status == 202
    delete_records(deployment, dict(enumerate(deployment.ends())))
    writer.sigcont()
    # Some of it may have been fetched before it was deleted.
    refuses(writer, "writer.fatal", "log.overrun")


# --- the number of partitions ----------------------------------------------------------


def test_a_topic_that_has_grown(deployment):
    """What it holds is applied by --drain, which makes room for a new log."""
    api = deployment.start_all(settings=QUICK_GROUP)
    fill(api, 30)
    history.settle(deployment)
    deployment.of("writer")[0].stop()
    for i in range(10):
        assert api.http.put(f"late {i}", "late").status == 202
    stop_all(deployment)
    grow(deployment, deployment.writes, 3)
    refuses_to_start(deployment, "log.partitions", "3 partitions", "log.partitions is 2")

    with in_place_of(deployment, partitions=3):
        assert "number of partitions" in advance(deployment, code=1)
    wanted = dict(
        writes=f"{deployment.writes}.3", commits=f"{deployment.commits}.3", partitions=3
    )
    with in_place_of(deployment, **wanted):
        assert "--drain" in advance(deployment, code=1)

    drain = deployment.daemon("writer", QUICK_GROUP)
    drain.start(ready=False, flags=["--drain"])
    drain.ends_by_itself(0, DEADLINE)
    assert drain.events("partition.foreign")
    assert deployment.progress() == deployment.ends()
    with in_place_of(deployment, **wanted):
        advance(deployment)
        assert epoch(deployment) == (deployment.writes, 3, 1)
        works(deployment)
        assert deployment.of("api")[-1].http.value("late 9") == "late"
        stop_all(deployment)
        deployment.servers.delete_topics(deployment.writes, deployment.commits)


@pytest.mark.parametrize("partitions", [1, 3])
def test_what_was_rejected_is_requeued_in_another_log(deployment, partitions):
    """There its key is in another partition, maybe one more than there were, and its
    old one may be none."""
    api = deployment.start_all(settings=QUICK_GROUP)
    for i in range(10):
        refused = api.http.put(f"key {i}", "repaired", prefer="wait=20", If_Match='"1"')
        assert refused.status == 412, refused
    history.settle(deployment)
    stop_all(deployment)
    rejected = deployment.sql("SELECT partition, version, key FROM sluice.rejections")
    assert len(rejected) == 10 and len({p for p, *_ in rejected}) == PARTITIONS
    wanted = dict(
        writes=f"{deployment.writes}.{partitions}",
        commits=f"{deployment.commits}.{partitions}",
        partitions=partitions,
    )
    with in_place_of(deployment, **wanted):
        advance(deployment)
        deployment.start_all(settings=QUICK_GROUP)
        api, writer = deployment.of("api")[-1], deployment.of("writer")[-1]
        for partition, version, key in rejected:
            path = f"/rejections/{partition}-{version}/requeue"
            answer = writer.admin.request("POST", path)
            assert answer.status == 202, answer
            wait_until(lambda k=key: api.http.value(k) == "repaired", 20, "it is applied")
            again = api.http.put(key, "again")
            successor = answer.json()["successor"]
            assert successor.split("-")[0] == again.position.split("-")[0]
        stop_all(deployment)
        deployment.servers.delete_topics(deployment.writes, deployment.commits)


def test_a_partition_that_comes_back(deployment):
    """What was forgotten of it while it was gone is not taken for committed."""
    api = deployment.start_all(settings=QUICK_GROUP)
    key = next(f"key {i}" for i in range(99) if api.http.put(f"key {i}", "v").position[0] == "1")
    refused = api.http.put(key, "again", prefer="wait=20", If_Match='"1"')
    assert refused.status == 412 and refused.position.startswith("1-"), refused
    history.settle(deployment)
    stop_all(deployment)
    for partitions in (1, PARTITIONS):
        name = f"{deployment.writes}.{partitions}"
        advance(deployment, f"--log.writes={name}", f"--log.commits={name}.c", f"--log.partitions={partitions}")
        if partitions == 1:
            deployment.sql("DELETE FROM sluice.rejections")  # as it is pruned
    with in_place_of(deployment, writes=name, commits=f"{name}.c"):
        api = deployment.start_all(settings=QUICK_GROUP)
        told = api.http.request("GET", f"/v1/_writes/{refused.position}")
        assert (told.status, told.problem) == (410, "position-expired"), told
        stop_all(deployment)
    for partitions in (1, PARTITIONS):
        name = f"{deployment.writes}.{partitions}"
        deployment.servers.delete_topics(name, f"{name}.c")


def test_a_topic_that_grows_under_a_running_writer(deployment):
    deployment.start_all(settings={**QUICK_GROUP, "kafka.topic.metadata.refresh.interval.ms": 500})
    (writer,) = deployment.of("writer")
    grow(deployment, deployment.writes, 3)
    refuses(writer, "writer.fatal", "log.partitions", "3 partitions")


# --- the epoch -----------------------------------------------------------------------------


def test_the_epoch_moves_under_a_running_writer(deployment):
    """Somebody forgot to stop them. It is fenced and ends, whether it has
    something to write or not; an API that hears of it tells the new positions."""
    api = deployment.start_all(settings=QUICK_GROUP)
    (writer,) = deployment.of("writer")
    fill(api, 30)
    history.settle(deployment)
    advance(deployment)
    receipt = api.http.put("key 0", "meanwhile")
    assert receipt.status == 202
    writer.ends_by_itself(1, DEADLINE)
    (line,) = writer.events("writer.fatal")
    assert "code=log.epoch" in line and "epoch 1" in line, line
    deployment.writer(QUICK_GROUP)
    wait_until(lambda: api.http.value("key 0") == "meanwhile", 20, "it is applied")

    def knows():
        answer = api.http.put("key 1", "knows", prefer="wait=20")
        return answer.position and int(answer.position.split("-")[1]) >> 48 == 1

    wait_until(knows, 20, "the API knows the epoch")
    fill(api, 2)
    stop_all(deployment)
    works(deployment)


def test_moving_to_a_new_log_in_order(deployment):
    """Nothing is wrong; the operator wants another number of partitions."""
    stopped(deployment)
    wanted = dict(
        writes=f"{deployment.writes}.3", commits=f"{deployment.commits}.3", partitions=3
    )
    with in_place_of(deployment, **wanted):
        said = advance(deployment, "--dry-run")
        assert f"create topic {deployment.writes}: 3 partitions" in said
        assert "UPDATE sluice.log" in said
        assert epoch(deployment)[2] == 0
        advance(deployment)
        works(deployment, fresh=True)
        stop_all(deployment)
        deployment.servers.delete_topics(deployment.writes, deployment.commits)


def set_topic(deployment, topic, name, value):
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    changed = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
    done(deployment.servers.kafka_admin.incremental_alter_configs([changed]))


def set_policy(deployment, policy):
    set_topic(deployment, deployment.writes, "cleanup.policy", policy)


def test_a_log_that_is_compacted(deployment):
    """It would lose patches and increments."""
    flags = [f"--{name}={value}" for name, value in deployment.settings("migrate").items()]
    for policy in ("compact", "compact,delete"):
        set_policy(deployment, policy)
        for dry in ([], ["--dry-run"]):
            ended = run(deployment.servers, "writer", "--migrate", *dry, *flags)
            assert ended.returncode == 1, ended
            assert f"topic {deployment.writes} has cleanup.policy={policy}" in ended.stderr, ended
            assert "(log.compacted)" in ended.stderr, ended
    refused = deployment.daemon("writer").start(ready=False)
    refused.ends_by_itself(1, DEADLINE)
    (line,) = refused.events("start.refused")
    assert "code=log.compacted " in line and "--add-config cleanup.policy=delete" in line
    set_policy(deployment, "delete")
    assert run(deployment.servers, "writer", "--migrate", *flags).returncode == 0
    # Marks that are gone too soon are only told of.
    set_topic(deployment, deployment.commits, "min.compaction.lag.ms", "1000")
    writer = deployment.writer()
    assert not writer.events("log.unchecked")
    (line,) = writer.events("log.compaction_lag")
    assert f'topic={deployment.commits} min.compaction.lag.ms="1000" ' in line
