"""Clients that read and write through several API instances, and keep a record.

A session passes the positions of what it has written and read, so that what it
reads may never go back, whichever instance answers.
"""

import http.client
import json
import random
import time
import uuid

from .client import key_path
from .consistency import DECIDED, Read, Write

PATCH = "application/merge-patch+json"
INCREMENT = "application/vnd.sluice.increment+json"
NO_ANSWER = (OSError, http.client.HTTPException)


class Instance:
    """An API; its incarnation counts the starts."""

    def __init__(self, number, daemon):
        self.number = number
        self.daemon = daemon
        self.incarnation = 0

    @property
    def life(self):
        return (self.number, self.incarnation)


def document_of(body):
    """What clients wrote: without what Sluice adds, and what is null."""
    return {
        name: value
        for name, value in json.loads(body).items()
        if value is not None and name not in ("key", "created_at", "updated_at")
    }


class Session:
    def __init__(self, number, instances, keys, partitions, seed, foreign=()):
        self.rng = random.Random(seed * 1000 + number)
        self.instances = instances
        self.keys = keys
        self.readable = [*keys, *foreign]  # others write the latter
        self.partition = partitions  # key -> partition, shared
        self.after = {}  # partition -> newest offset written or read
        self.writes = []
        self.reads = []
        self.count = 0

    def step(self):
        self.count += 1
        (self._read if self.rng.random() < 0.65 else self._write)()

    # --- reads ----------------------------------------------------------------

    def _read(self):
        key = self.rng.choice(self.readable)
        instance = self.rng.choice(self.instances)
        passes = self.after and self.rng.random() < 0.6
        after = dict(self.after) if passes else {}
        named = ", ".join(f"{p}-{at}" for p, at in after.items())
        headers = {"Sluice-Read-After": named} if after else {}
        event = Read(key, instance.life, time.monotonic(), after)
        path = key_path(key.split("/")[1], key.split("/")[0])
        self.reads.append(event)
        try:
            answer = instance.daemon.http.request("GET", path, headers=headers)
        except NO_ANSWER:
            time.sleep(0.02)
            return
        event.end = time.monotonic()
        event.api_end = instance.life
        event.status = answer.status
        event.tier = answer.tier
        if answer.status == 200:
            event.version = int(answer.header("ETag").strip('"'))
            event.document = document_of(answer.body)
            self._seen(self.partition[key], event.version)
        elif answer.status == 503:
            time.sleep(0.02)
        else:
            assert answer.status == 404, answer

    def _seen(self, partition, offset):
        self.after[partition] = max(offset, self.after.get(partition, -1))

    # --- writes ---------------------------------------------------------------

    def _choose(self, collection):
        """(method, content type, document)"""
        n = self.rng.randrange(10)
        value = f"{self.count} {uuid.UUID(int=self.rng.getrandbits(128))}"
        if n < 2:
            return "DELETE", None, None
        if collection == "counters":
            if n < 7:
                return "PATCH", INCREMENT, {"count": self.rng.randrange(1, 9)}
            return "PUT", "application/json", {"count": self.count, "amount": 1}
        if n < 4:
            return "PATCH", PATCH, {"value": value}
        return "PUT", "application/json", {"value": value}

    def _write(self):
        key = self.rng.choice(self.keys)
        collection, name = key.split("/")
        instance = self.rng.choice(self.instances)
        method, kind, document = self._choose(collection)
        tag = f"{self.rng.getrandbits(128) | 1:032x}"
        headers = {"traceparent": f"00-{tag}-{1:016x}-01"}
        if kind:
            headers["Content-Type"] = kind
        if self.rng.random() < 0.5:
            headers["Prefer"] = "wait=10"
        body = json.dumps(document) if document else None
        event = Write(tag, key, instance.life, time.monotonic())
        self.writes.append(event)
        try:
            answer = instance.daemon.http.request(
                method, key_path(name, collection), body, headers
            )
        except NO_ANSWER:
            time.sleep(0.02)
            return
        event.end = time.monotonic()
        event.api_end = instance.life
        event.status = answer.status
        event.problem = answer.problem
        assert answer.status in DECIDED | {202, 503}, answer
        if answer.status == 503:
            time.sleep(0.05)  # what Retry-After is for
        if answer.position:
            partition, offset = map(int, answer.position.split("-"))
            event.position = (partition, offset)
            self.partition[key] = partition
            self._seen(partition, offset)
