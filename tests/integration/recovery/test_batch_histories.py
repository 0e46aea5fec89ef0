"""INV-9: random batches over groups and collections, many of which fail, and retries of
them, while the writer dies at crash points. Rows, outcomes and feeds are those of a
model that applies the log one record after the other, and every answer of a whole group
is one of its states: no half of a batch was ever visible.

SLUICE_TEST_SEED repeats what is drawn."""

import itertools
import json
import os
import random
import threading

import pytest
from harness import history
from harness.bank import answered
from harness.batches import Model, draw, state_of
from harness.crashes import GROUP
from harness.crowd import Background
from harness.feed import Feed
from harness.wait import wait_until

GROUPS = ("one", "two", "three")
POINTS = [
    "batch.begin",
    "prefetch.done",
    "batch.sent",
    "batch.committed",
    "announce.record",
    "announce.mark",
    "announced",
]
LIVES = 4
EACH = 15  # batches at least, of each life of the writer
PAUSE_S = 0.02


class Client:
    """Sends batches, and some of them again. Whatever it is answered, the log says
    what was taken."""

    def __init__(self, apis, rng):
        self.apis, self.rng = apis, rng
        self.numbers = itertools.count()
        self.requests = {}  # Idempotency-Key -> (group, operations)
        self.versions = []  # of those that were accepted
        self.never = threading.Event()

    def step(self):
        self.never.wait(PAUSE_S)
        key = f"key-{next(self.numbers)}"
        if self.requests and self.rng.random() < 0.15:
            key = self.rng.choice(list(self.requests))
        group = self.rng.choice(GROUPS)
        operations = draw(self.rng, group, self.versions[-5:])
        _, operations = self.requests.setdefault(key, (group, operations))
        headers = {"Content-Type": "application/json", "Prefer": "respond-async"}
        answer = answered(
            self.rng.choice(self.apis),
            "POST",
            "/v1/_batch",
            json.dumps(operations).encode(),
            {**headers, "Idempotency-Key": key},
        )
        if answer:
            assert answer.status == 202, answer
            self.versions.append(int(answer.json()["version"]))


def modelled(deployment, requests):
    """Of the log, in its order, without the second copies of a record."""
    model, copies = Model(), set()
    for m in deployment.servers.read_log(deployment.writes, deployment.partitions):
        headers = {name: value.decode() for name, value in m.headers()}
        sender = (m.partition(), headers["instance"], headers["seq"])
        if sender not in copies:
            key = headers["idempotency-key"]
            model.apply((m.partition(), m.offset()), *requests[key], key)
        copies.add(sender)
    return model


class Reader:
    """Reads whole groups from both instances, and keeps each state."""

    def __init__(self, apis, rng):
        self.apis, self.rng = apis, rng
        self.seen = {group: set() for group in GROUPS}

    def step(self):
        group = self.rng.choice(GROUPS)
        headers = {"Cache-Control": "no-cache"} if self.rng.random() < 0.3 else {}
        api = self.rng.choice(self.apis)
        answer = answered(api, "GET", f"/v1/_group/{group}", headers=headers)
        if answer:
            assert answer.status == 200, answer
            self.seen[group].add(state_of(answer.json()))


def lives(writer, client, rng):
    """The writer dies again and again, while batches are sent."""
    for point in rng.sample(POINTS, LIVES):
        chosen = f"{point}:{rng.randint(1, 4)}"
        writer.start(ready=False, env={"SLUICE_TEST_CRASH": chosen})
        least = len(client.versions) + EACH
        wait_until(
            lambda least=least: client.step()
            or (len(client.versions) > least and not writer.running),
            30,
            f"it dies at {chosen}",
        )
        writer.ends_by_itself(42)
    writer.start()


def check_rows(deployment, model):
    found = {}
    for collection, column in (("accounts", "balance"), ("transfers", "amount")):
        for key, *row in deployment.sql(f"SELECT key, version, {column} FROM {collection}"):
            found[collection, key] = tuple(row)
    assert found == model.rows


def check_outcomes(apis, model):
    for n, (place, want) in enumerate(model.outcomes.items()):
        got = history.decided(apis[n % 2].http, "%d-%d" % place)
        for more in ("status", "constraint"):
            got.pop(more, None)
        assert got == want


def changes_of(feed):
    return [e for e in feed.events if e.kind != "reset"]


def check_feed(model, collection, feed):
    """Each event is a change of the model; the last ones are what is there. (Who
    announces for a dead writer says of a row that is not there that it is not, whatever
    became of the write. If the first batch of a partition was not announced, there is no
    mark to begin at, and the feed says `reset`.)"""
    want = {key: version for (c, key), (version, _) in model.rows.items() if c == collection}

    def newest():
        last = {e.key: e for e in changes_of(feed)}
        return {key: e.version for key, e in last.items() if e.kind == "put"}

    wait_until(lambda: newest() == want, 30, f"the feed of {collection} has all")
    field = "balance" if collection == "accounts" else "amount"
    for e in changes_of(feed):
        changes = model.changes[collection, e.key]
        if e.kind == "put":
            assert changes[e.version] == e.document[field], e
        else:
            before = max((v for v in changes if v <= e.version), default=None)
            assert changes.get(before) is None, e
    feed.close()


@pytest.mark.seconds(200)
def test_random_batches_with_crashes_equal_a_model(deployment):
    seed = int(os.environ.get("SLUICE_TEST_SEED", random.randrange(2**32)))
    print(f"SLUICE_TEST_SEED={seed}")
    rng = random.Random(seed)
    writer = deployment.daemon("writer", {**GROUP, "group.instance": "writer-1"})
    daemons = [*(deployment.daemon("api") for _ in range(2)), deployment.daemon("projector")]
    for daemon in daemons:
        daemon.start(ready=False)
    writer.start()  # makes the marks that the feeds begin with
    for daemon in daemons:
        daemon.wait_ready()
    apis = deployment.of("api")
    feeds = {c: Feed(apis[0].http.port, c) for c in ("accounts", "transfers")}
    writer.stop()
    client, reader = Client(apis, rng), Reader(apis, random.Random(seed + 1))
    with Background(reader.step):
        lives(writer, client, rng)
        history.settle(deployment, 60)

    model = modelled(deployment, client.requests)
    check_rows(deployment, model)
    check_outcomes(apis, model)
    for collection, feed in feeds.items():
        check_feed(model, collection, feed)
    for group, seen in reader.seen.items():
        assert seen <= model.states[group], seen - model.states[group]
    states = sum(len(seen) for seen in reader.seen.values())
    told = [o["state"] for o in model.outcomes.values()]
    print(f"{len(told)} batches, {told.count('rejected')} rejected, {states} states seen")
    # About 20 of 65 are committed, by the seed.
    assert min(told.count("rejected"), told.count("committed"), states) > 5
