"""What happens to the log beside the clients: rejections that are requeued, second
copies of records, and records that Sluice did not write."""

import http.client
import random
import time

from confluent_kafka import Consumer, Producer, TopicPartition


class Requeuer:
    """Sends rejected writes into the log once more, by writers that die of it."""

    def __init__(self, deployment, writers, seed):
        self.deployment = deployment
        self.writers = writers
        self.rng = random.Random(f"{seed} requeue")
        self.attempts = []  # (place, body or None, successor or None: no answer)

    # Whoever repaired a hot counter would change its sum.
    QUERY = """
        SELECT version, collection, op FROM sluice.rejections
        WHERE partition = %s AND requeued_at IS NULL AND op <> 'unknown'
        AND collection <> '' AND NOT starts_with(key, 'hot')
        ORDER BY version DESC LIMIT 1
    """

    def step(self):
        time.sleep(self.rng.uniform(0, 0.1))
        partition = self.rng.randrange(self.deployment.partitions)
        for version, collection, op in self.deployment.sql(self.QUERY, partition):
            self._requeue((partition, version), self._body(collection, op))

    def _requeue(self, place, body):
        path = "/rejections/%d-%d/requeue" % place
        admin = self.rng.choice(self.writers).daemon.admin
        try:
            answer = admin.request("POST", path, body and body.encode())
        except (OSError, http.client.HTTPException):
            self.attempts.append((place, body, None))  # it died
            return
        if answer.status in (404, 422):
            return  # another one was faster; it is still wrong
        successor = None
        if answer.status != 503:
            assert answer.status == 202, answer
            successor = tuple(map(int, answer.json()["successor"].split("-")))
        self.attempts.append((place, body, successor))

    def _body(self, collection, op):
        """Corrected, or as it was."""
        if op == "delete" or self.rng.random() < 0.5:
            return None
        if collection == "records":
            return f'{{"value":"repaired {self.rng.getrandbits(32):x}"}}'
        return f'{{"count":{self.rng.randrange(100)}}}'


NOWHERE = b"nowhere/x"
STRANGE = [
    # headers or not, key (None: one that is there), value, what becomes of it
    (False, None, b'{"value":"x"}', "malformed"),
    (True, None, b'{"value":', "malformed"),
    (True, None, b'{"value":"x"},{"_key":"y"}', "malformed"),
    (True, NOWHERE, b'{"value":"x"}', "malformed"),
    (True, None, b'{"count":"many"}', "validation-failed"),
    (True, None, b"{}", "validation-failed"),
]


class Meddler:
    """Writes into the log itself: second copies of records, as a producer does
    that was not told that it was heard; and what no API ever sends."""

    def __init__(self, deployment, seed):
        self.topic = deployment.writes
        self.rng = random.Random(f"{seed} meddle")
        server = {"bootstrap.servers": deployment.servers.kafka_servers}
        self.producer = Producer({**server, "enable.idempotence": True})
        self.consumer = Consumer(
            {**server, "group.id": "meddler", "enable.auto.commit": False}
        )
        self.consumer.assign(
            [TopicPartition(self.topic, p, 0) for p in range(deployment.partitions)]
        )
        self.copies = []  # places
        self.strange = {}  # place -> reason

    def step(self):
        for m in self.consumer.consume(200, timeout=0.05):
            assert m.error() is None, m.error()
            chance = self.rng.random()
            if m.key() == NOWHERE:
                continue
            if chance < 0.01 and m.headers():
                self._copy(m)
            elif chance > 0.997:
                self._be_strange(m)
        self.producer.poll(0)

    def close(self):
        assert self.producer.flush(20) == 0
        self.consumer.close()

    def _produce(self, told, m, key, value, headers):
        def delivered(error, report):
            assert error is None, error
            told((report.partition(), report.offset()))

        self.producer.produce(
            self.topic,
            key=key,
            value=value,
            headers=headers,
            partition=m.partition(),
            on_delivery=delivered,
        )

    def _copy(self, m):
        self._produce(self.copies.append, m, m.key(), m.value(), m.headers())

    def _be_strange(self, m):
        headed, key, value, reason = self.rng.choice(STRANGE)
        headers = {
            "op": "put",
            "accepted-at": "1700000000000000",
            "instance": f"{self.rng.getrandbits(64):016x}",
            "seq": "0",
        }

        def told(place):
            self.strange[place] = reason

        self._produce(
            told, m, key or m.key(), value, list(headers.items()) if headed else None
        )
