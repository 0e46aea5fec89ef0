"""Rare logs of commits and a Redis that went back, as docs/model.md has them:
written by hand, and followed by a projector alone."""

import json

import pytest
from confluent_kafka import Producer
from harness.wait import wait_until

BOOKKEEPING = [b"sluice:{0}:watermark", b"sluice:{0}:floors", b"sluice:{0}:cursor"]


class Log:
    """The one partition of sluice.commits, as a writer would write it."""

    def __init__(self, deployment):
        self.topic = deployment.commits
        self.producer = Producer(
            {"bootstrap.servers": deployment.servers.kafka_servers, "acks": "all"}
        )

    def say(self, key, value, headers=None):
        self.producer.produce(self.topic, value, key, 0, headers=headers)
        assert self.producer.flush(20) == 0

    def record(self, key, version):
        doc = json.dumps({"key": key, "value": str(version)})
        headers = {"op": "put", "version": str(version), "accepted-at": "1"}
        self.say(f"records/{key}", doc, headers)

    def mark(self, start, through, after):
        mark = {"from": str(start), "through": str(through), "after": after}
        self.say("_mark", json.dumps(mark | {"rejected": []}))


@pytest.fixture
def deployment(deploy, servers):
    return deploy(servers, partitions=1)


@pytest.fixture
def log(deployment):
    return Log(deployment)


@pytest.fixture
def redis(servers):
    return servers.redis()


def is_at(deployment, watermark):
    wait_until(
        lambda: deployment.redis_watermarks() == [watermark], 20, f"at {watermark}"
    )


def floors(redis):
    """The base, and those of buckets."""
    found = {k: int(v, 16) for k, v in redis.hgetall("sluice:{0}:floors").items()}
    return found.pop(b"base"), list(found.values())


def test_a_late_record_does_not_lower_the_base(deployment, log, redis):
    """k@170 is in the log, its batch is not: the base covers it. A late k@160
    is no reason to fill what was read at 165."""
    log.record("k", 170)
    log.mark(140, 150, -1)
    projector = deployment.projector()
    is_at(deployment, 150)
    assert floors(redis) == (171, [])
    log.record("k", 160)
    log.mark(150, 200, -1)
    is_at(deployment, 200)
    base, of_buckets = floors(redis)
    assert min([base, *of_buckets]) >= 171
    projector.check_log()


def test_a_part_of_a_batch_is_lost(deployment, log, redis):
    """Redis loses its last moment, in a failover say: the watermark is the same,
    and the floor of k@1 is gone. The rest of the batch must not be applied
    without it."""
    log.mark(0, 1, -1)
    projector = deployment.projector({"chunk.entries": 1})
    is_at(deployment, 1)
    before = {name: redis.dump(name) for name in BOOKKEEPING}
    log.record("k", 1)
    wait_until(lambda: floors(redis) == (1, [2]), 20, "a part of the batch is applied")
    for name, value in before.items():
        redis.restore(name, 0, value, replace=True)
    assert floors(redis) == (1, [])
    log.mark(1, 3, 0)
    is_at(deployment, 3)
    assert floors(redis) == (1, [2])
    projector.check_log()
