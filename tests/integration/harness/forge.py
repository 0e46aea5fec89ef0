"""Who may write to Kafka, and is not Sluice: records of both logs, forged."""

import json

from confluent_kafka import Producer


class Forger:
    def __init__(self, deployment):
        self.deployment = deployment
        self.producer = Producer({"bootstrap.servers": deployment.servers.kafka_servers})
        self.seq = 0

    def say(self, topic, partition, key, value, headers=None):
        """Returns its offset."""
        told = []
        self.producer.produce(
            topic,
            key=key,
            value=value,
            partition=partition,
            headers=headers,
            on_delivery=lambda error, m: told.append((error, m.offset())),
        )
        assert self.producer.flush(20) == 0
        ((error, offset),) = told
        assert error is None, error
        return offset

    def write(self, partition, key, body, op="put", instance="f" * 16, **more):
        """A well-formed write, wherever it is put."""
        self.seq += 1
        headers = {
            "op": op,
            "accepted-at": "1700000000000000",
            "instance": instance,
            "seq": str(self.seq),
            **{name.replace("_", "-"): v for name, v in more.items()},
        }
        value = body if isinstance(body, (str, bytes)) else json.dumps(body)
        return self.say(self.deployment.writes, partition, key, value, headers)

    def announce(self, partition, key, value, headers=None):
        for daemon in self.deployment.daemons:
            daemon.forged = True
        return self.say(self.deployment.commits, partition, key, value, headers)

    def commit(self, partition, key, version, value="forged", **more):
        headers = {"op": "put", "accepted-at": "1", "version": str(version), **more}
        document = json.dumps({"key": key.split("/", 1)[1], "value": value})
        return self.announce(partition, key, document, headers)

    def mark(self, partition, start, through, after=-1, **more):
        mark = {"from": str(start), "through": str(through), "after": after, **more}
        return self.announce(partition, "_mark", json.dumps(mark))
