"""What a client may ask of the caches, and what every read says of itself."""

import re

import pytest
from harness.burst import burst
from harness.client import key_path
from harness.replica import behind_its_back, replica_caught_up

TIMING = re.compile(r"(total|wait|redis|replica|primary);dur=\d+\.\d{3}|l1")


def written(http, key, value):
    answer = http.put(key, value, prefer="wait=10")
    assert answer.status in (200, 201), answer
    return answer.position


def fresh(http, key, **more):
    return http.get(key, Cache_Control="no-cache", **more)


def cached(http, key, **more):
    return http.get(key, Cache_Control="only-if-cached", **more)


def uncached(answer):
    assert (answer.status, answer.problem) == (504, "only-if-cached"), answer
    assert answer.tier is None and not answer.cache.startswith("sluice; ")
    return True


def timed(answer):
    """The names in Server-Timing, in their order."""
    entries = answer.header("Server-Timing").split(", ")
    assert all(TIMING.fullmatch(e) for e in entries), entries
    return [e.partition(";")[0] for e in entries]


# --- no-cache ---------------------------------------------------------------------


def test_no_cache_asks_the_database(world, http, api):
    written(http, "fresh", "one")
    replica_caught_up(world)
    http.get("fresh")
    assert http.get("fresh").tier == "l1"
    before = api.metrics()
    answer = fresh(http, "fresh")
    after = api.metrics()
    assert answer.tier in ("replica", "primary")
    assert answer.cache.startswith(f"sluice; fwd=request; detail={answer.tier}")
    assert "l1" not in timed(answer) and "redis" not in timed(answer)
    for name, moved in (
        ("sluice_l1_lookups_total", 0),
        ("sluice_redis_lookups_total", 0),
        ("sluice_postgres_keys_total", 1),
    ):
        assert after[name] - before[name] == moved, name


def test_no_cache_refreshes_both_caches(world, http, other_api):
    """A row that was changed behind Sluice's back: nobody heard of a commit."""
    position = written(http, "back", "one")
    assert other_api.http.value("back", Sluice_Read_After=position) == "one"
    assert http.value("back") == "one"
    behind_its_back(world, "UPDATE records SET value = 'two' WHERE key = 'back'")
    assert (http.get("back").tier, http.value("back")) == ("l1", "one")
    assert fresh(http, "back").json()["value"] == "two"
    assert (http.get("back").tier, http.value("back")) == ("l1", "two")
    # Redis was refreshed; the other instance's L1 is its own.
    assert other_api.http.value("back") == "one"
    other_api.restart()
    answer = other_api.http.get("back")
    assert (answer.tier, answer.json()["value"]) == ("redis", "two")


def test_no_cache_of_an_absent_row(world, http):
    assert http.get("came").status == 404
    behind_its_back(
        world,
        "INSERT INTO records (key, value, created_at, updated_at, version)"
        " VALUES ('came', 'one', now(), now(), 0)",
    )
    assert http.get("came").status == 404
    assert fresh(http, "came").json()["value"] == "one"
    assert http.get("came").tier == "l1" and http.value("came") == "one"


def test_no_cache_and_read_after(http, other_api):
    for i in range(5):
        position = http.put("fresh after", str(i)).position
        answer = fresh(other_api.http, "fresh after", Sluice_Read_After=position)
        assert answer.json()["value"] == str(i)


@pytest.mark.parametrize(
    "header", ["No-Cache", "max-age=0, no-cache", 'x="a, b", no-cache', "no-cache=x"]
)
def test_spellings_of_no_cache(http, header):
    http.get("spelling")
    assert http.get("spelling").tier == "l1"
    assert "fwd=request" in http.get("spelling", Cache_Control=header).cache


@pytest.mark.parametrize(
    "header", ["", "no-store", "no-cached", 'x="no-cache"', 'x="a, no-cache, b"', "max-age=0"]
)
def test_what_is_not_no_cache(http, header):
    http.get("spelling 2")
    assert http.get("spelling 2", Cache_Control=header).tier == "l1", header


# --- only-if-cached ------------------------------------------------------------------


def test_only_if_cached(world, http, other_api, api):
    position = written(http, "kept", "one")
    before = api.metrics()
    assert uncached(cached(http, "kept"))
    after = api.metrics()
    name = "sluice_postgres_keys_total"
    assert after[name] == before[name], "Postgres was asked"
    name = "sluice_reads_uncached_total"
    assert after[name] - before[name] == 1
    name = "sluice_reads_failed_total"
    assert after[name] == before[name]
    assert http.value("kept") == "one"
    assert cached(http, "kept").tier == "l1"
    world.wait_in_redis("kept")
    other = cached(other_api.http, "kept", Sluice_Read_After=position)
    assert (other.tier, other.json()["value"]) == ("redis", "one")
    assert cached(other_api.http, "kept").tier == "l1"


def test_only_if_cached_of_an_absent_row(world, http, other_api):
    assert uncached(cached(http, "not there"))
    assert http.get("not there").status == 404
    world.wait_in_redis("not there")
    for client in (http, other_api.http):
        answer = cached(client, "not there")
        assert (answer.status, answer.problem) == (404, "not-found")


def test_only_if_cached_gives_nothing_old(http, other_api):
    """A commit ends what is in L1 and in Redis: there is no current value."""
    position = written(http, "ended", "one")
    for client in (http, other_api.http):
        assert client.value("ended", Sluice_Read_After=position) == "one"
    position = written(http, "ended", "two")
    for client in (http, other_api.http):
        assert uncached(cached(client, "ended", Sluice_Read_After=position))
    for client in (http, other_api.http):
        assert client.value("ended") == "two"


def test_only_if_cached_and_no_cache_exclude_each_other(http, api):
    http.get("both")
    before = api.metrics()
    assert uncached(http.get("both", Cache_Control="no-cache, only-if-cached"))
    after = api.metrics()
    for name in ("sluice_lookups_total", "sluice_l1_lookups_total"):
        assert after[name] == before[name], name


def test_the_seeds_route_has_them_too(http):
    path = "/read/seed%20route"
    only = {"Cache-Control": "only-if-cached"}
    assert uncached(http.request("GET", path, headers=only))
    http.request("GET", path)
    assert http.request("GET", path, headers=only).tier == "l1"
    answer = http.request("GET", path, headers={"Cache-Control": "no-cache"})
    assert "fwd=request" in answer.cache and timed(answer)[0] == "total"


# --- several lines of one header ------------------------------------------------------


def lines(client, path, *headers):
    """A request with a header more than once."""
    raw = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return burst(client.port, [path], raw)[0]


def test_a_list_may_be_spread_over_lines(http, other_api):
    answer = lines(
        http, key_path("x"), ("Cache-Control", "max-age=0"), ("Cache-Control", "no-cache")
    )
    assert "fwd=request" in answer.cache, answer
    for i in range(20):
        first = http.put("lines 1", str(i)).position
        second = http.put("lines 2", str(i)).position
        places = [("Sluice-Read-After", p) for p in (first, second)]
        answer = lines(other_api.http, key_path("lines 2"), *places)
        assert answer.json()["value"] == str(i)
    bad = ("Sluice-Read-After", "nonsense")
    answer = lines(http, key_path("lines 1"), places[0], bad)
    assert (answer.status, answer.problem) == (422, "validation-failed")


# --- every read says where it came from -------------------------------------------------


def test_timing_of_every_tier(world, http, other_api):
    position = written(http, "timing", "one")
    first = http.get("timing")
    world.wait_in_redis("timing")
    assert timed(first)[:3] == ["total", "l1", "redis"]
    assert timed(first)[-1] == first.tier
    assert timed(http.get("timing")) == ["l1"]
    other = other_api.http.get("timing", Sluice_Read_After=position)
    assert timed(other) == ["total", "l1", "redis"]


def test_timing_of_a_wait(http, other_api):
    for i in range(50):
        position = http.put("waited", str(i)).position
        answer = other_api.http.get("waited", Sluice_Read_After=position)
        if "wait" in timed(answer):
            return
    raise AssertionError("no read had to wait")


def test_every_answer_of_a_read_says_it(http):
    written(http, "says", "one")
    path, absent = key_path("says"), key_path("says nothing")
    etag = http.request("GET", path).header("ETag")
    for method, where, headers, status in (
        ("GET", path, {}, 200),
        ("HEAD", path, {}, 200),
        ("GET", path, {"If-None-Match": etag}, 304),
        ("HEAD", path, {"If-None-Match": etag}, 304),
        ("GET", absent, {}, 404),
        ("GET", absent, {}, 404),
        ("HEAD", absent, {}, 404),
        ("GET", absent + "2", {"Cache-Control": "only-if-cached"}, 504),
        ("GET", path, {"Sluice-Read-After": "x"}, 422),
        ("GET", "/read/says", {}, 200),
        ("GET", "/read/says%20nobody", {}, 200),
    ):
        answer = http.request(method, where, headers=headers)
        assert answer.status == status, (method, where, answer)
        assert answer.cache.startswith("sluice"), answer
        assert timed(answer), answer


def test_what_is_no_read_says_nothing_of_it(http):
    for answer in (
        http.put("no read", "one"),
        http.request("GET", "/v1"),
        http.request("GET", "/health"),
        http.request("GET", "/nowhere"),
    ):
        assert answer.cache is None and answer.header("Server-Timing") is None
