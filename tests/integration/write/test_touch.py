"""Touches: a row that another program has changed gets a version, ends the entries of
every cache, and is an event of the feed (docs/invariants.md, INV-10)."""

import itertools

import pytest
from harness.client import key_path
from harness.deployment import QUICK_GROUP
from harness.feed import Feed
from harness.replica import behind_its_back
from harness.wait import wait_until

NUMBERS = itertools.count(1)
INSERT = "INSERT INTO records VALUES (%s, %s, now(), now(), 0)"
TIERS = ("l1", "redis", "replica", "primary")


@pytest.fixture(scope="module")
def world(module_deployment):
    module_deployment.start_all(apis=2, settings=QUICK_GROUP)
    return module_deployment


@pytest.fixture
def key():
    return f"touched{next(NUMBERS)}"


def touch(http, key, collection="records", prefer="wait=30"):
    path = key_path(key, collection) + "/_touch"
    return http.request("POST", path, headers={"Prefer": prefer})


def warm(world, key, value):
    """Every tier has it: L1 of both instances, Redis, the replica."""
    apis = world.of("api")
    assert apis[0].http.put(key, value, prefer="wait=30").status in (200, 201)
    for api in apis:
        wait_until(lambda api=api: api.http.value(key) == value, 20, "it is read")
    world.wait_in_redis(key)


def no_tier_has_another(world, key, answer, value):
    """Once the instance has passed the position: L1, then each tier below it."""
    position = {"Sluice_Read_After": answer.position}
    for api in world.of("api"):
        assert api.http.value(key, **position) == value
        assert api.http.value(key) == value
        assert api.http.value(key, Cache_Control="no-cache") == value
        page = api.page(f"/inspect/records/{key}")
        assert not {page[t]["verdict"] for t in TIERS} & {"stale", "changed"}, page
    held = world.redis_entries("records").get(key, "nothing")
    assert held == "nothing" or held is None or value in held[1]


def version_of(answer):
    return int(answer.position.split("-")[1])


def heard(feed, kind, key, version):
    wanted = (kind, key, version)
    feed.wait_for(
        lambda events: any((e.kind, e.key, e.version) == wanted for e in events),
        f"the feed has the {kind}",
    )


def version(world, key):
    return world.sql("SELECT version FROM records WHERE key = %s", key)[0][0]


def test_an_update(world, http, key):
    warm(world, key, "one")
    feed = Feed(http.port)
    behind_its_back(world, "UPDATE records SET value = 'two' WHERE key = %s", key)
    assert http.value(key) == "one"  # nobody has been told
    answer = touch(http, key)
    assert answer.status == 200, answer
    no_tier_has_another(world, key, answer, "two")
    new = version_of(answer)
    assert version(world, key) == new
    assert http.get(key).header("ETag") == f'"{new}"'
    heard(feed, "put", key, new)
    feed.close()


def test_a_delete_and_an_insert(world, http, key):
    warm(world, key, "one")
    feed = Feed(http.port)
    behind_its_back(world, "DELETE FROM records WHERE key = %s", key)
    answer = touch(http, key)
    assert answer.status == 200, answer
    no_tier_has_another(world, key, answer, None)
    heard(feed, "delete", key, version_of(answer))
    # Both instances know that there is nothing.
    behind_its_back(world, INSERT, key, "new")
    answer = touch(http, key)
    assert answer.status == 200, answer
    no_tier_has_another(world, key, answer, "new")
    heard(feed, "put", key, version_of(answer))
    feed.close()


def test_its_receipt(http, key):
    answer = touch(http, key, prefer="respond-async")
    assert answer.status == 202
    assert answer.json()["state"] == "accepted"
    assert answer.header("Location") == f"/v1/_writes/{answer.position}"
    whole = "wait=30, return=representation"
    assert touch(http, key, prefer=whole).json()["state"] == "committed"  # there is none
    http.put(key, "one")
    answer = touch(http, key, prefer=whole)
    assert answer.json()["value"] == "one"
    assert answer.header("ETag") == f'"{version_of(answer)}"'


def test_what_is_refused(http, world):
    assert touch(http, "1", "unknown").status == 404
    assert touch(http, "", "records").status in (404, 422)
    assert touch(http, "x", "posts").status == 422  # a key is an integer there
    path = key_path("a", "records") + "/_touch"
    assert http.request("GET", path).status == 405


def test_among_writes(world, http, key):
    """In the order of the log, whatever is in one batch."""
    patch = {"Content-Type": "application/merge-patch+json", "Prefer": "respond-async"}
    for n in range(30):
        http.put(key, f"v{n}")
        touch(http, key, prefer="respond-async")
        touch(http, key, prefer="respond-async")
        http.request("PATCH", key_path(key), b'{"value":"p%d"}' % n, patch)
    http.delete(key)
    touch(http, key, prefer="respond-async")
    http.put(key, "last")
    answer = touch(http, key)
    assert answer.status == 200
    no_tier_has_another(world, key, answer, "last")
    assert world.sql("SELECT count(*) FROM sluice.rejections") == [(0,)]


@pytest.mark.parametrize("point", ["batch.sent", "batch.committed", "announce.record"])
@pytest.mark.parametrize("what", ["update", "delete", "insert again"])
def test_a_writer_dies(world, http, key, point, what):
    """Between the commit of the touch and what is announced of it."""
    (writer,) = world.of("writer")
    warm(world, key, "one")
    writer.sigkill()
    if what == "update":
        behind_its_back(world, "UPDATE records SET value = 'two' WHERE key = %s", key)
    else:
        behind_its_back(world, "DELETE FROM records WHERE key = %s", key)
    answer = touch(http, key, prefer="respond-async")
    assert answer.status == 202
    writer.start(env={"SLUICE_TEST_CRASH": point}, ready=False)
    writer.ends_by_itself(42)
    if what == "insert again":
        behind_its_back(world, INSERT, key, "again")
    writer.start()
    for api in world.of("api"):
        found = api.http.value(key, Sluice_Read_After=answer.position)
        assert found != "one"
    if what == "insert again":
        answer = touch(http, key)
    value = {"update": "two", "delete": None, "insert again": "again"}[what]
    no_tier_has_another(world, key, answer, value)
