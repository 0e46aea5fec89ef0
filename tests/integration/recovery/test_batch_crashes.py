"""Atomic batches while the writer dies: between any two steps of it, all of a batch
is there, or nothing; what was acknowledged is applied once."""

import json

import pytest
from harness import history
from harness.client import key_path
from harness.deployment import QUICK_GROUP
from harness.feed import Feed
from harness.wait import wait_until

NAMES = "abcdef"

POINTS = [
    "batch.begin",
    "prefetch.sent",
    "prefetch.done",
    "batch.sent",
    "batch.committed",
    "announce.record",
    "announce.record:4",
    "announce.mark",
    "slice.announced",
    "announced",
]


@pytest.fixture(scope="module")
def running(module_deployment):
    module_deployment.start_all(apis=2, settings=QUICK_GROUP)
    return module_deployment


def batch(http, operations, **more):
    headers = {name.replace("_", "-"): v for name, v in more.items()}
    headers["Content-Type"] = "application/json"
    return http.request("POST", "/v1/_batch", json.dumps(operations).encode(), headers)


def each(op, group, document):
    return [
        {"op": op, "collection": "accounts", "key": f"{group}:{n}", "document": document}
        for n in NAMES
    ]


def read(http, group):
    answers = [http.request("GET", key_path(f"{group}:{n}", "accounts")) for n in NAMES]
    return [a.json()["balance"] for a in answers]


def rows(deployment, group):
    return [
        balance
        for (balance,) in deployment.sql(
            "SELECT balance FROM accounts WHERE split_part(key, ':', 1) = %s", group
        )
    ]


@pytest.mark.parametrize("point", POINTS)
def test_a_crash(running, point):
    """The writer dies at the point with the first of two batches."""
    (writer,), apis = running.of("writer"), running.of("api")
    group = point.replace(".", "-").replace(":", "-")
    answer = batch(apis[0].http, each("create", group, {"balance": 1}), Prefer="wait=30")
    assert answer.status == 200, answer
    for api in apis:  # every cache has them
        assert read(api.http, group) == [1] * 6
    feed = Feed(apis[0].http.port, "accounts")
    writer.sigkill()
    writer.start(env={"SLUICE_TEST_CRASH": point})
    once = each("increment", group, {"balance": 10})
    first = batch(apis[0].http, once, Prefer="respond-async", Idempotency_Key=group)
    assert first.status == 202, first
    writer.ends_by_itself(42)
    assert rows(running, group) in ([1] * 6, [11] * 6)
    for api in apis:  # a batch that fails, and a retry
        wrong = [*once[:3], {"op": "delete", "collection": "accounts", "key": f"{group}:x"}]
        assert batch(api.http, wrong, Prefer="respond-async").status == 202
        assert batch(
            api.http, once, Prefer="respond-async", Idempotency_Key=group
        ).status == 202
    writer.start()
    again = batch(apis[1].http, once, Prefer="wait=30", Idempotency_Key=group)
    assert (again.status, again.header("Idempotency-Replayed")) == (200, "true"), again
    assert again.position == first.position
    history.settle(running)
    assert rows(running, group) == [11] * 6
    for api in apis:
        read(api.http, group)
        assert read(api.http, group) == [11] * 6
    check_feed(feed, group, int(first.json()["version"]))


def check_feed(feed, group, version):
    """All of the batch, one behind the other; some of it perhaps twice."""

    def mine():
        return [e for e in feed.events if e.kind == "put" and e.version == version]

    def newest():  # the ids that belong to the last of its changes
        return [e.id for e in mine() if e.id != mine()[0].id]

    keys = {f"{group}:{n}" for n in NAMES}
    wait_until(lambda: {e.key for e in mine()} == keys, 30, "the feed has the batch")
    assert {e.document["balance"] for e in mine()} == {11}
    # Whoever resumes with an id that came within the batch gets all of it.
    ids = [e.id for e in mine()]
    for e in mine()[:-1]:
        if e.id == ids[0]:
            continue
        behind = {later.key for later in mine()[ids.index(e.id) + 1 :]}
        assert behind in (set(), keys), (ids, newest())
