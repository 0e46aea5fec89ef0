"""Redis's cursor is not in the log of commits: it is another deployment's, or
the log was made anew, or its beginning is gone. The projector starts every
partition anew, all at once, and Redis is right afterwards."""

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic
from harness import history
from harness.deployment import QUICK_GROUP
from harness.wait import wait_until

TURN = f"{1:016x}"
KEYS = [f"key {i}" for i in range(40)]  # in all partitions


def write_all(api, value):
    for key in KEYS[:-1]:
        assert api.http.put(key, value).status == 202
    assert api.http.put(KEYS[-1], value, prefer="wait=20").status in (200, 201)


@pytest.fixture
def api(deployment):
    """A deployment whose projector was stopped, and missed the newest writes:
    every entry in Redis is old."""
    api = deployment.start_all(settings=QUICK_GROUP)
    write_all(api, "old")
    history.settle(deployment)
    deployment.of("projector")[0].stop()
    assert None not in deployment.redis_watermarks()
    write_all(api, "new")
    wait_until(lambda: deployment.progress() == deployment.ends(), 20, "committed")
    return api


def is_healed(deployment):
    """Redis has all, and what it has is right; reads of it are current."""
    history.settle(deployment)
    history.check_redis(deployment, history.Log(deployment), complete=False)
    fresh = deployment.api()
    for key in KEYS:
        assert fresh.http.value(key) == "new"
    deployment.wait_in_redis(*KEYS)
    fresh.stop()
    # Redis is used: what one instance read, another finds there.
    other = deployment.api()
    tiers = {other.http.get(key).tier for key in KEYS}
    assert tiers == {"redis"}, tiers


def starts_anew(deployment):
    """Each partition once, by one assignment or two, and none of them is lost."""
    (projector,) = deployment.of("projector")
    projector.start()
    is_healed(deployment)
    projector.check_alive()
    return projector.metrics()


@pytest.mark.parametrize("where", ["past the end", "at the end"])
def test_not_of_this_log(deployment, api, servers, where):
    ends = servers.log_ends(deployment.commits, deployment.partitions)
    for p, end in enumerate(ends):
        cursor = end if where == "at the end" else 10**9
        servers.redis().set(f"sluice:{{{p}}}:cursor", f"{cursor} {TURN}")
    metrics = starts_anew(deployment)
    assert metrics["sluice_projector_jumps_total"] == deployment.partitions


@pytest.mark.parametrize("cursor", [10**9, 1], ids=["past the end", "in the log"])
def test_of_another_deployment(deployment, api, servers, cursor):
    """Its watermarks are above all of ours, and it has entries under our keys."""
    r = servers.redis()
    generation = b"%016x" % 1
    for p in range(deployment.partitions):
        r.delete(f"sluice:{{{p}}}:floors")
        r.set(f"sluice:{{{p}}}:cursor", f"{cursor} {TURN}")
        r.set(f"sluice:{{{p}}}:watermark", b"%016x" % 10**9 + generation)
        for key in KEYS:
            entry = generation + b"P%016x" % 10**8 + b'{"key":"other"}'
            r.set(f"sluice:{{{p}}}:records/{key}", entry)
    starts_anew(deployment)


def test_before_the_beginning(deployment, api, servers):
    """As retention would leave it, on a topic that is not compacted."""
    policy = ConfigEntry(
        "cleanup.policy", "delete", incremental_operation=AlterConfigOpType.SET
    )
    resource = ConfigResource("TOPIC", deployment.commits, incremental_configs=[policy])
    for future in servers.kafka_admin.incremental_alter_configs([resource]).values():
        future.result(10)
    ends = servers.log_ends(deployment.commits, deployment.partitions)
    # The last mark stays.
    keep = [TopicPartition(deployment.commits, p, end - 1) for p, end in enumerate(ends)]
    for future in servers.kafka_admin.delete_records(keep).values():
        future.result(10)
    starts_anew(deployment)


@pytest.mark.seconds(240)
def test_made_anew(deployment, api, servers):
    """The writer announces again all that is committed."""
    (writer,) = deployment.of("writer")
    for daemon in (api, writer):
        daemon.stop()
    servers.delete_topics(deployment.commits)
    topic = NewTopic(
        deployment.commits, deployment.partitions, 1, config={"cleanup.policy": "compact"}
    )

    def made():
        try:
            servers.kafka_admin.create_topics([topic])[deployment.commits].result(10)
            return True
        except Exception as e:  # the old one is being deleted
            raise AssertionError(str(e)) from e

    wait_until(made, 20, "the topic is made")
    writer.start()
    starts_anew(deployment)
