"""Reads by the native surface: the tiers in turn, conditions, coherence."""

import pytest
from harness.crowd import in_threads
from harness.replica import behind_its_back
from harness.wait import Stopwatch, wait_until


def written(http, key, value):
    """Puts a value and waits for its commit; returns the position."""
    answer = http.put(key, value, prefer="wait=10")
    assert answer.status in (200, 201), answer
    return answer.position


# --- the tiers ------------------------------------------------------------------


def test_from_the_database_then_from_l1(http, api):
    position = written(http, "tiers", "one")
    before = api.metrics()
    first, second = http.get("tiers"), http.get("tiers")
    after = api.metrics()
    assert first.tier in ("replica", "primary"), first
    assert first.cache.startswith(f"sluice; fwd=miss; detail={first.tier}")
    assert (second.tier, second.cache) == ("l1", "sluice; hit; detail=l1")
    for answer in (first, second):
        assert answer.status == 200
        assert answer.header("Content-Type") == "application/json"
        assert answer.header("ETag") == f'"{position.split("-")[1]}"'
        assert answer.json()["value"] == "one"
    assert first.body == second.body
    for tier, moved in ((first.tier, 1), ("l1", 1), ("redis", 0)):
        labels = ("sluice_reads_total", f'tier="{tier}"')
        assert after[labels] - before[labels] == moved, tier


def test_every_tier_has_the_same_bytes(http, other_api, world):
    position = written(http, "bytes", 'ä "quoted" \\ 😀')
    answers = [http.get("bytes"), http.get("bytes")]
    world.wait_projected()
    answers.append(other_api.http.get("bytes", Sluice_Read_After=position))
    answers.append(other_api.http.get("bytes"))
    tiers = [a.tier for a in answers]
    assert tiers[1:] == ["l1", "redis", "l1"], tiers
    (_, _, document) = world.rows()["bytes"]
    assert {a.body for a in answers} == {document.encode()}
    assert len({a.header("ETag") for a in answers}) == 1


def test_after_a_restart_of_the_api_from_redis(world, http, other_api):
    """Only the API is restarted: its L1 is gone, Redis has the value."""
    position = written(http, "restart", "one")
    assert other_api.http.get("restart", Sluice_Read_After=position).status == 200
    assert other_api.http.get("restart").tier == "l1"
    world.wait_in_redis("restart")
    other_api.restart()
    answer = other_api.http.get("restart")
    assert (answer.tier, answer.json()["value"]) == ("redis", "one")
    assert answer.cache == "sluice; hit; detail=redis"
    assert other_api.http.get("restart").tier == "l1"


def test_an_update_is_seen_at_once(http, other_api):
    """Whatever the tiers held before, on the instance that wrote and on others."""
    for i in range(30):
        position = written(http, "update", f"value {i}")
        assert http.value("update") == f"value {i}"
        other = other_api.http.get("update", Sluice_Read_After=position)
        assert other.json()["value"] == f"value {i}"
        for client in (http, other_api.http):
            again = client.get("update")
            assert (again.tier, again.json()["value"]) == ("l1", f"value {i}")


def test_a_delete_is_seen_at_once(http, other_api):
    for client in (http, other_api.http):
        position = written(client, "deleted", "one")
        for reader in (http, other_api.http):
            assert reader.value("deleted", Sluice_Read_After=position) == "one"
            assert reader.get("deleted").tier == "l1"
        position = client.delete("deleted", prefer="wait=10").position
        for reader in (http, other_api.http):
            assert reader.value("deleted", Sluice_Read_After=position) is None


def test_read_your_writes_on_every_instance(http, other_api):
    """The receipt's position is enough; nobody waited for the commit."""
    for i in range(20):
        position = http.put("yours", f"value {i}").position
        for client in (other_api.http, http):
            answer = client.get("yours", Sluice_Read_After=position)
            assert answer.json()["value"] == f"value {i}", answer


def test_several_positions_to_read_after(http, other_api):
    positions = [http.put(f"many {i}", f"value {i}").position for i in range(10)]
    answer = other_api.http.get("many 0", Sluice_Read_After=", ".join(positions))
    assert answer.json()["value"] == "value 0"
    for i in range(10):
        assert other_api.http.value(f"many {i}") == f"value {i}"


def test_a_position_that_is_not_reached_in_time(world, http, special_api):
    short = special_api({"read.timeout": "300ms"})
    partition, offset = http.put("later", "one").position.split("-")
    far = f"{partition}-{int(offset) + 1000}"
    with Stopwatch() as t:
        answer = short.http.get("later", Sluice_Read_After=far)
    assert (answer.status, answer.problem) == (503, "position-not-reached"), answer
    assert answer.header("Retry-After")
    assert 0.3 <= t.seconds < 2


# --- absent -----------------------------------------------------------------------


def test_absent_is_an_answer_of_every_tier(world, http, other_api):
    first, second = http.get("absent"), http.get("absent")
    for answer in (first, second):
        assert (answer.status, answer.problem) == (404, "not-found")
        assert answer.header("ETag") is None
    assert first.tier in ("replica", "primary")
    assert second.tier == "l1"
    world.wait_in_redis("absent")
    assert other_api.http.get("absent").tier == "redis"


def test_what_was_absent_is_there_once_it_is_written(http, other_api):
    for client in (http, other_api.http):
        assert client.get("new").status == 404
        assert client.get("new").tier == "l1"
    position = written(http, "new", "one")
    for client in (http, other_api.http):
        assert client.value("new", Sluice_Read_After=position) == "one"


# --- conditions -------------------------------------------------------------------


def test_not_modified(http):
    written(http, "condition", "one")
    etag = http.get("condition").header("ETag")
    for known in (etag, f"W/{etag}", f'"1x", {etag}', f'{etag}, "2"', "*"):
        answer = http.get("condition", If_None_Match=known)
        assert (answer.status, answer.body) == (304, b""), known
        assert answer.header("ETag") == etag
        assert answer.cache
    for unknown in ('"x"', etag.strip('"'), '""', ""):
        assert http.get("condition", If_None_Match=unknown).status == 200, unknown


def test_modified(http):
    written(http, "condition2", "one")
    old = http.get("condition2").header("ETag")
    written(http, "condition2", "two")
    answer = http.get("condition2", If_None_Match=old)
    assert (answer.status, answer.json()["value"]) == (200, "two")
    assert answer.header("ETag") != old


def test_a_row_that_was_created_again_has_another_etag(http):
    written(http, "condition3", "one")
    old = http.get("condition3").header("ETag")
    http.delete("condition3", prefer="wait=10")
    assert http.get("condition3", If_None_Match="*").status == 404
    written(http, "condition3", "one")
    assert http.get("condition3", If_None_Match=old).status == 200


@pytest.mark.parametrize("status", [200, 404])
def test_head_is_get_without_the_body(http, status):
    if status == 200:
        written(http, "head 200", "one")
    path = f"/v1/records/head%20{status}"
    http.request("GET", path)
    get, head = http.request("GET", path), http.request("HEAD", path)
    assert get.status == head.status == status
    assert head.body == b"" and get.body
    for name in ("ETag", "Content-Type", "Content-Length", "Cache-Status"):
        assert get.header(name) == head.header(name), name


def test_the_collections(http):
    names = (
        "accounts",
        "counters",
        "kinds",
        "posts",
        "products",
        "records",
        "samples",
        "transfers",
    )
    expected = [{"name": name, "href": f"/v1/{name}"} for name in names]
    assert http.page("/v1") == {"collections": expected}


# --- bounds and life of what is cached ------------------------------------------------


def test_entries_die_of_age(http, world, special_api):
    """A row that is changed behind Sluice's back is seen after the TTL."""
    short = special_api({"l1.ttl": "100ms", "l2.ttl": "200ms"})
    written(http, "ttl", "one")
    wait_until(lambda: short.http.value("ttl") == "one", 10, "the value is there")
    behind_its_back(world, "UPDATE records SET value = 'changed' WHERE key = 'ttl'")
    wait_until(lambda: short.http.value("ttl") == "changed", 10, "the change is seen")


def test_l1_is_bounded_in_bytes(http, special_api):
    small = special_api({"l1.bytes": "1MiB"})
    keys = [f"big {i}" for i in range(900)]
    answers = in_threads(8, keys, lambda key: http.put(key, key + "x" * 500))
    places = dict(zip(keys, (a.position for a in answers)))
    in_threads(8, keys, lambda key: small.http.get(key, Sluice_Read_After=places[key]))
    m = small.metrics()
    assert 0 < m["sluice_l1_bytes"] <= 1024 * 1024
    assert 0 < m["sluice_l1_entries"] < 900
    for key in keys:
        assert small.http.value(key) == key + "x" * 500


def test_l1_is_bounded_in_entries(special_api):
    small = special_api({"l1.entries": 128})
    for i in range(400):
        assert small.http.get(f"nobody {i}").status == 404
    assert 0 < small.metrics()["sluice_l1_entries"] <= 128


def test_redis_away_is_said_and_costs_little(servers, world, special_api):
    """(What every server's absence does is in test_faults.py.)"""
    alone = special_api({"redis.url": "redis://127.0.0.1:1"})
    alone.http.get("no redis")
    with Stopwatch() as t:
        for i in range(20):
            answer = alone.http.get(f"no redis {i}")
            assert "redis; detail=down" in answer.cache, answer
    assert t.seconds < 2
