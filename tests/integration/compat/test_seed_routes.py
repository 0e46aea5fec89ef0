"""The reference systems' routes, as their own clients and tests use them."""

import json
import time

import pytest
from harness.crowd import all_at_once
from harness.wait import Stopwatch, wait_until

STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"


def test_write_then_read_from_the_database_then_from_l1(http):
    answer = http.write("user:123", "John Doe")
    assert answer.status == 200, answer
    assert answer.json() == {
        "success": True,
        "key": "user:123",
        "message": "Write queued successfully",
        "queued": True,
        "committed": True,
        "position": answer.position,
    }
    first, second = http.read("user:123").json(), http.read("user:123").json()
    same = {k: first[k] for k in ("success", "key", "value", "created_at", "updated_at")}
    assert first == {
        **same,
        "message": "Data retrieved successfully",
        "from_cache": False,
        "from_replica": first["from_replica"],
        "cache_level": "DB",
    }
    assert (same["success"], same["key"], same["value"]) == (True, "user:123", "John Doe")
    assert same["created_at"][:4].isdigit() and same["created_at"] == same["updated_at"]
    assert second == {
        **first,
        "from_cache": True,
        "from_replica": False,
        "cache_level": "L1",
    }


def test_another_instance_reads_from_l2_and_promotes(world, http, other_api):
    position = http.write("promoted", "one").position
    wait_until(
        lambda: other_api.http.get("nothing", Sluice_Read_After=position),
        10,
        "the other instance has heard of it",
    )
    # Until Redis has followed, it does not count for a key with a newer commit.
    world.wait_projected()
    assert http.read("promoted").json()["cache_level"] == "DB"
    world.wait_in_redis("promoted")
    levels = [other_api.http.read("promoted").json() for _ in range(2)]
    assert [r["cache_level"] for r in levels] == ["L2", "L1"]
    assert [r["from_cache"] for r in levels] == [True, True]
    assert [r["from_replica"] for r in levels] == [False, False]


def test_the_first_entry_of_an_empty_l1_is_kept(http, other_api):
    """B1 of the seeds: an empty cache was taken for no cache, for ever."""
    other_api.restart()
    assert other_api.http.page("/cache-stats")["l1_size"] == 0
    http.write("first", "one")
    # What is read before a commit is heard of may be too old to be kept.
    wait_until(
        lambda: other_api.http.read("first").json()["cache_level"] == "L1", 10, "it is kept"
    )
    assert other_api.http.page("/cache-stats")["l1_size"] == 1


def test_a_read_after_a_write_is_the_new_value_from_the_database(http):
    for i in range(10):
        assert http.write("rewritten", f"value {i}").status == 200
        read = http.read("rewritten").json()
        assert (read["value"], read["cache_level"]) == (f"value {i}", "DB")
        assert http.read("rewritten").json()["from_cache"] is True


def test_absent_is_a_200_that_says_so(http):
    first, second = http.read("nobody"), http.read("nobody")
    assert first.status == second.status == 200
    assert first.json() == {
        "success": False,
        "key": "nobody",
        "message": "Key not found",
        "from_cache": False,
        "from_replica": first.json()["from_replica"],
        "cache_level": "DB",
    }
    assert second.json()["from_cache"] is True


def test_respond_async(http):
    answer = http.write("async", "one", prefer="respond-async")
    assert answer.status == 202, answer
    assert answer.json() == {
        "success": True,
        "key": "async",
        "message": "Write queued successfully",
        "queued": True,
        "committed": False,
        "position": answer.position,
    }
    assert http.value("async", Sluice_Read_After=answer.position) == "one"


def test_a_write_whose_commit_is_late_is_queued(world, http):
    (writer,) = world.of("writer")
    writer.sigstop()
    try:
        with Stopwatch() as t:
            answer = http.write("late", "one", prefer="wait=1")
    finally:
        writer.sigcont()
    assert (answer.status, answer.json()["committed"]) == (202, False), answer
    assert 0.9 < t.seconds < 3
    assert http.value("late", Sluice_Read_After=answer.position) == "one"


@pytest.mark.parametrize(
    "value", ["", "x" * 10_000, "!@#$%^&*()_+-=[]{}|;:',.<>?/~`\"\\", "日本語 🎉 ñ"]
)
def test_special_values(http, value):
    http.write("special", value)
    for _ in range(2):
        assert http.read("special").json()["value"] == value


@pytest.mark.parametrize("key", ["a/b", "user:1", "with space", "ключ", "_x", "a?b"])
def test_special_keys(http, key):
    http.write(key, "one")
    for _ in range(2):
        read = http.read(key).json()
        assert (read["key"], read["value"]) == (key, "one")


def test_a_key_that_begins_with_an_underscore(http):
    """Such a segment is reserved in /v1 alone."""
    http.write("_u", "one")
    read = http.request("GET", "/read/_u").json()
    assert (read["success"], read["key"], read["value"]) == (True, "_u", "one")
    assert http.request("GET", "/v1/records/_u").status == 404
    assert http.request("GET", "/v1/records/%5Fu").json()["value"] == "one"


@pytest.mark.parametrize("escaped, key", [("k" * 256, "k" * 256), ("a%FF", "a"), ("a%00b", "a\0b")])
def test_what_can_be_no_key_is_absent(http, escaped, key):
    answer = http.request("GET", f"/read/{escaped}")
    assert answer.status == 200 and answer.json() == {
        "success": False,
        "key": key,
        "message": "Key not found",
        "from_cache": False,
        "from_replica": False,
        "cache_level": "DB",
    }


def test_parameters_are_passed_over_as_theirs_were(http):
    assert http.request("GET", "/read/nobody?debug=1").status == 200
    assert http.request("GET", "/health?now=1").status == 200


@pytest.mark.parametrize(
    "body, status, pointers",
    [
        ({}, 422, ["/key", "/value"]),
        ({"key": "a"}, 422, ["/value"]),
        ({"value": "a"}, 422, ["/key"]),
        ({"key": 1, "value": "a"}, 422, ["/key"]),
        ({"key": "a", "value": 1}, 422, ["/value"]),
        ({"key": "a", "value": None}, 422, ["/value"]),
        ({"key": "", "value": "a"}, 422, ["/key"]),
        ({"key": "k" * 256, "value": "a"}, 422, ["/key"]),
        ({"key": "a", "value": "b", "more": "c"}, 422, ["/more"]),
        ([], 422, [""]),
    ],
)
def test_bad_writes(http, body, status, pointers):
    headers = {"Content-Type": "application/json"}
    answer = http.request("POST", "/write", json.dumps(body).encode(), headers)
    assert (answer.status, answer.problem) == (status, "validation-failed"), answer
    assert answer.pointers == pointers


def test_writes_that_are_not_json(http):
    headers = {"Content-Type": "application/json"}
    answer = http.request("POST", "/write", b'{"key":"a",', headers)
    assert (answer.status, answer.problem) == (400, "invalid-json")
    answer = http.request("POST", "/write", b"key=a&value=b")
    assert (answer.status, answer.problem) == (415, "unsupported-media-type")


def test_twenty_concurrent_reads(http):
    http.write("concurrent", "one")
    http.read("concurrent")
    answers = all_at_once(20, lambda _: http.read("concurrent").json())
    assert {(a["value"], a["cache_level"]) for a in answers} == {("one", "L1")}


def test_both_surfaces_have_the_same_data(http):
    http.write("surfaces", "one")
    assert http.value("surfaces") == "one"
    http.put("surfaces", "two", prefer="wait=10")
    assert http.read("surfaces").json()["value"] == "two"
    http.delete("surfaces", prefer="wait=10")
    assert http.read("surfaces").json()["success"] is False


# --- statistics --------------------------------------------------------------------

CACHE_STATS = {
    "available", "hits", "misses", "keys", "hit_rate", "l1_size", "l1_max_size",
    "l1_hits", "l1_misses", "l1_hit_rate", "l2_hits", "l2_misses", "l2_hit_rate",
    "combined_hit_rate", "db_reads",
}  # fmt: skip
LAYER_3 = {
    "cache_available", "cache_hits", "cache_misses", "cache_keys", "cache_hit_rate",
    "primary_pool_size", "replica_pool_size",
}  # fmt: skip
LAYER_5 = {
    "l1_cache_available", "l1_cache_size", "l1_cache_max_size", "l1_cache_hits",
    "l1_cache_misses", "l2_cache_available", "l2_cache_keys", "l2_cache_hits",
    "l2_cache_misses", "total_hits", "total_misses", "overall_hit_rate",
}  # fmt: skip
LAYER_6 = {
    "queue_depth", "queue_length", "writes_queued", "writes_processed",
    "writes_failed", "processing_rate",
}  # fmt: skip


def percent(part, whole):
    return round(100 * part / whole, 2) if whole else 0


def rates_fit(s):
    """Every rate is a percentage that follows from the counts."""
    l1, l2 = s["l1_hits"] + s["l1_misses"], s["l2_hits"] + s["l2_misses"]
    assert s["l1_hit_rate"] == pytest.approx(percent(s["l1_hits"], l1), abs=0.01)
    assert s["l2_hit_rate"] == pytest.approx(percent(s["l2_hits"], l2), abs=0.01)
    both = percent(s["l1_hits"] + s["l2_hits"], l1)
    assert s["combined_hit_rate"] == pytest.approx(both, abs=0.01)
    # What has no tier in its name is of both together.
    assert s["hits"] == s["l1_hits"] + s["l2_hits"]
    assert s["misses"] == s["l1_misses"] - s["l2_hits"]
    assert s["hit_rate"] == s["combined_hit_rate"]
    assert s["l1_size"] <= s["l1_max_size"]


def test_cache_stats_count_this_instance(http, api):
    before = http.page("/cache-stats")
    assert CACHE_STATS <= set(before)
    http.write("counted", "one")
    for _ in range(5):
        http.read("counted")
    http.read("counted absent")
    after = http.page("/cache-stats")
    moved = {k: after[k] - before[k] for k in CACHE_STATS if k.startswith(("l1_", "l2_", "db_"))}
    assert (moved["l1_hits"], moved["l1_misses"]) == (4, 2)
    assert (moved["l2_hits"], moved["l2_misses"]) == (0, 2)
    # Where the replica is behind, the primary is asked as well.
    assert 2 <= moved["db_reads"] <= 4
    assert moved["l1_size"] == 2
    rates_fit(after)


def test_cache_stats_are_true_from_the_first_request(world):
    fresh = world.api()
    wait_until(
        lambda: fresh.http.page("/cache-stats")["available"], 10, "Redis was probed"
    )
    stats = fresh.http.page("/cache-stats")
    assert stats["l1_hit_rate"] == stats["combined_hit_rate"] == 0
    assert stats["l1_size"] == stats["l1_hits"] == stats["db_reads"] == 0
    fresh.stop()


def test_keys_are_counted(http, servers):
    """The seeds counted all that is in the server; here it is entries."""
    for i in range(5):
        http.read(f"keys {i}")
    entries = sum(
        1
        for k in servers.redis().scan_iter("sluice:*", count=1000)
        if not k.endswith((b":watermark", b":floors", b":cursor"))
    )
    assert entries >= 5
    wait_until(
        lambda: abs(http.page("/cache-stats")["keys"] - entries) <= 2,
        5,
        f"/cache-stats says {entries} keys",
    )


def test_stats_have_the_fields_of_three_layers(http):
    stats = http.page("/stats")
    missing = (CACHE_STATS | LAYER_3 | LAYER_5 | LAYER_6) - set(stats)
    assert not missing
    rates_fit(stats)
    assert stats["l1_cache_hits"] == stats["l1_hits"]
    assert stats["l2_cache_hits"] == stats["l2_hits"]
    assert stats["cache_hits"] == stats["total_hits"] == stats["hits"]
    assert stats["cache_misses"] == stats["total_misses"] == stats["misses"]
    assert stats["l1_cache_max_size"] == stats["l1_max_size"]
    assert stats["overall_hit_rate"] == stats["combined_hit_rate"]
    assert stats["primary_pool_size"] >= 1 and stats["replica_pool_size"] >= 1


def test_stats_follow_the_writes(world, http):
    before = http.page("/stats")
    for i in range(10):
        http.write(f"stats {i}", "one")
    assert http.page("/stats")["writes_queued"] - before["writes_queued"] == 10

    def caught_up():
        stats = http.page("/stats")
        done = stats["writes_processed"] - before["writes_processed"]
        return stats["queue_depth"] == 0 and done >= 10

    wait_until(caught_up, 10, "all of them are processed")


def test_the_queue_is_as_deep_as_the_writer_is_behind(world, http):
    (writer,) = world.of("writer")
    wait_until(lambda: http.page("/stats")["queue_depth"] == 0, 10, "it is empty")
    writer.sigstop()
    try:
        for i in range(30):
            http.write(f"queue {i}", "one", prefer="respond-async")
        wait_until(
            lambda: http.page("/health")["queue_depth"] == 30, 10, "its depth is 30"
        )
    finally:
        writer.sigcont()
    wait_until(lambda: http.page("/stats")["queue_depth"] == 0, 20, "it is drained")


# --- health ----------------------------------------------------------------------


def test_health_when_all_is_well(http):
    def healthy():
        answer = http.request("GET", "/health")
        return answer.json() if answer.json()["status"] == "healthy" else None

    health = wait_until(healthy, 10, "/health says healthy")
    for field in ("primary", "replica", "cache", "l1_cache", "l2_cache", "database"):
        assert health[field] == "healthy", health
    assert health["worker_active"] is True
    assert health["queue_depth"] == health["queue_length"] == 0
    assert (health["redis"], health["queue"]) == ("connected", "healthy")
    assert abs(health["timestamp"] - time.time()) < 60
    assert set(health["services"].values()) == {"connected"}
