"""A storm: clients write in every way that there is, on two instances, while the standby
gets nothing; then the primary dies and the standby is promoted, and they write on. Some
thousands of commits are lost. What each client was told before is what the log makes of
its write again (INV-7): states, rows, caches, feeds, keys.

SLUICE_TEST_LOST: how many commits are lost at least (1,500). SLUICE_TEST_SEED repeats
what the clients draw."""

import collections
import http.client
import itertools
import json
import os
import random
import time
import uuid

import pytest
from harness import history
from harness.feed import Follower
from harness.client import key_path
from harness.crowd import Background, in_threads
from harness.deployment import QUICK_GROUP
from harness.replica import replica_caught_up
from harness.wait import Stopwatch, wait_until

LOST = int(os.environ.get("SLUICE_TEST_LOST", 1500))
CLIENTS = 8
RECORDS = [f"key {i}" for i in range(30)]
SAMPLES = [str(uuid.UUID(int=0x018F2B2E00007000_8000000000000000 + i)) for i in range(6)]
JSON = "application/json"
INCREMENT = "application/vnd.sluice.increment+json"
DECIDED = {200, 201, 204, 404, 409, 412}


class Client:
    """Sends one request after the other, and keeps what it was told."""

    numbers = itertools.count()

    def __init__(self, number, apis, seed):
        self.number = number
        self.apis = apis
        self.rng = random.Random(f"{seed}.{number}")
        self.told = []  # (position, status) of what was decided
        self.keys = collections.defaultdict(set)  # Idempotency-Key -> keys of rows
        self.wrong = []
        self.asked = 0

    def step(self):
        self.rng.choice(
            [self.put, self.put, self.create, self.delete, self.swap]
            + [self.increment] * 4
            + [self.post, self.race]
        )()
        self.asked += 1

    def send(self, method, path, body, kind=JSON, api=None, **headers):
        """The answer, or None: nothing is known."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers |= {"Content-Type": kind, "Prefer": "wait=10"}
        api = api or self.rng.choice(self.apis)
        text = None if body is None else json.dumps(body).encode()
        try:
            answer = api.http.request(method, path, text, headers)
        except (OSError, http.client.HTTPException) as e:
            self.wrong.append(f"{method} {path}: {e!r}")
            return None
        if answer.status in DECIDED and answer.position:
            self.told.append((answer.position, answer.status))
        elif answer.status not in {202, 404, 503}:
            self.wrong.append(f"{method} {path}: {answer}")
        return answer

    def record(self):
        return key_path(self.rng.choice(RECORDS), "records")

    def value(self):
        return {"value": f"{self.number}.{next(self.numbers)}"}

    def put(self):
        self.send("PUT", self.record(), self.value())

    def create(self):
        self.send("PUT", self.record(), self.value(), If_None_Match="*")

    def delete(self):
        self.send("DELETE", self.record(), None)

    def swap(self):
        path = self.record()
        read = self.rng.choice(self.apis).http.request("GET", path)
        if read.status == 200:
            self.send("PUT", path, self.value(), If_Match=read.header("ETag"))

    def increment(self):
        path = key_path(self.rng.choice(SAMPLES), "samples")
        self.send("PATCH", path, {"whole": self.rng.choice([-4, -1, 1, 3])}, INCREMENT)

    def post(self):
        """And once more, at the other instance."""
        key = f"post-{self.number}.{next(self.numbers)}"
        for api in self.rng.sample(self.apis, 2):
            self.one_row(key, api)

    def race(self):
        """All clients post under the same key for a while."""
        self.one_row(f"race-{int(time.monotonic() * 2)}", self.rng.choice(self.apis))

    def one_row(self, key, api):
        document = {"title": key, "content": "c", "author": "a"}
        answer = self.send("POST", "/v1/posts", document, api=api, Idempotency_Key=key)
        if answer and answer.status == 201:
            self.keys[key].add(int(answer.json()["key"]))


@pytest.fixture
def deployment(pair, deploy):
    made = deploy(pair.on())
    made.start_all(apis=2, settings=QUICK_GROUP)
    return made


def first_rows(api):
    for key in SAMPLES:
        body = json.dumps({"text": "x", "whole": 0})
        headers = {"Content-Type": JSON, "Prefer": "wait=10"}
        answer = api.http.request("PUT", key_path(key, "samples"), body, headers)
        assert answer.status == 201, answer


def check_told(deployment, clients):
    """Every write has the state that its client was told, on both instances."""
    told = [one for c in clients for one in c.told]

    def check(one):
        position, status = one
        for api in deployment.of("api"):
            state = history.decided(api.http, position)
            if status < 400:
                assert state["state"] == "committed", (one, state)
            else:
                assert (state["state"], state["status"]) == ("rejected", status), (one, state)

    in_threads(8, told, check)
    return len(told)


def undone(deployment):
    """The writes of the log that did not take effect: (partition, version)."""
    return set(
        deployment.sql(
            "SELECT partition, version FROM sluice.rejections"
            " UNION SELECT partition, version FROM sluice.replays"
        )
    )


def check_sums(deployment):
    """Each counter is the sum of the increments that were accepted, and never below
    its bound on the way."""
    none, sums = undone(deployment), collections.Counter()
    for m in deployment.servers.read_log(deployment.writes, deployment.partitions):
        collection, _, key = m.key().decode().partition("/")
        op = dict(m.headers())["op"]
        if collection != "samples" or (m.partition(), m.offset()) in none:
            continue
        if op == b"increment":
            sums[key] += json.loads(m.value())["whole"]
            assert sums[key] >= -5, (m.partition(), m.offset())
    rows = dict(deployment.sql("SELECT sample_id::text, whole FROM samples"))
    assert rows == {key: sums[key] for key in SAMPLES}


def check_keys(deployment, clients):
    """A key of a client made one row, and that is the one that everybody was told."""
    rows = collections.defaultdict(list)
    for key, title in deployment.sql("SELECT id, title FROM posts"):
        rows[title].append(key)
    assert not {title: keys for title, keys in rows.items() if len(keys) > 1}
    told = collections.defaultdict(set)
    for c in clients:
        for title, keys in c.keys.items():
            told[title] |= keys
    assert {title: list(keys) for title, keys in told.items()} == {
        title: rows[title] for title in told
    }
    reasons = collections.Counter(
        deployment.sql("SELECT collection, reason FROM sluice.rejections")
    )
    assert ("posts", "key-exists") not in reasons
    return reasons


def documents(deployment, collection):
    """Key -> version, as the database has it."""
    column = {"records": "key", "samples": "sample_id", "posts": "id"}[collection]
    return dict(deployment.sql(f"SELECT {column}::text, version FROM {collection}"))


def check_reads(deployment, collection, keys):
    """Caches and database say the same on both instances."""
    rows = documents(deployment, collection)
    after = ", ".join(f"{p}-{end - 1}" for p, end in enumerate(deployment.ends()) if end)

    def check(key):
        answers = set()
        for api in deployment.of("api"):
            for how in ({"Sluice-Read-After": after}, {"Cache-Control": "no-cache"}, {}):
                a = api.http.request("GET", key_path(key, collection), None, how)
                assert a.status in (200, 404), a
                answers.add((a.status, a.header("ETag"), a.body if a.status == 200 else b""))
        ((status, etag, _),) = answers
        assert (status == 200) == (key in rows), (key, answers)
        assert status == 404 or etag == f'"{rows[key]}"', (key, answers)

    in_threads(8, keys, check)


def check_feed(deployment, collection, feed):
    """Who kept a copy by the feed has what is there."""
    rows = documents(deployment, collection)

    def same():
        got = {k: feed.versions[k] for k in feed.present()}
        return got == rows or not print(len(got), len(rows))

    wait_until(same, 30, f"the feed of {collection} has told all")
    assert not feed.wrong, feed.wrong[:3]
    feed.stop()


@pytest.mark.seconds(300)
def test_what_was_told_before_a_failover_is_so_after_it(deployment, pair):
    seed = int(os.environ.get("SLUICE_TEST_SEED", random.randrange(2**32)))
    print(f"SLUICE_TEST_SEED={seed}")
    apis = deployment.of("api")
    first_rows(apis[0])
    feeds = {c: Follower(apis, c) for c in ("records", "samples", "posts")}
    clients = [Client(n, apis, seed) for n in range(CLIENTS)]
    history.settle(deployment)
    replica_caught_up(deployment)
    with Background(*(c.step for c in clients)) as load, Stopwatch() as t:
        pair.cut()
        before = sum(deployment.progress())
        wait_until(
            lambda: load.errors or sum(deployment.progress()) - before > LOST,
            120,
            "so many commits will be lost",
        )
        pair.fail_over()
        asked = sum(c.asked for c in clients)
        wait_until(
            lambda: load.errors or sum(c.asked for c in clients) > asked + 40 * CLIENTS,
            60,
            "the clients go on",
        )
    history.settle(deployment, 90)
    told = check_told(deployment, clients)
    check_sums(deployment)
    reasons = check_keys(deployment, clients)
    print(f"{LOST} commits lost, {t.seconds:.1f} s, {told} outcomes told, {dict(reasons)}")
    wrong = [w for c in clients for w in c.wrong]
    assert not wrong, wrong[:5]
    check_reads(deployment, "records", RECORDS)
    check_reads(deployment, "samples", SAMPLES)
    posts = list(documents(deployment, "posts"))
    check_reads(deployment, "posts", posts)
    for collection, feed in feeds.items():
        check_feed(deployment, collection, feed)
    for writer in deployment.of("writer"):
        assert not writer.events("outcomes.anew")
