"""GET /inspect/{collection}/{key} on the api's admin port: the key in every tier."""

import pytest
from harness.replica import behind_its_back, replay_paused, replica_caught_up
from harness.wait import wait_until

MEMBERS = ["l1", "redis", "replica", "primary"]


def written(http, key, value):
    answer = http.put(key, value, prefer="wait=10")
    assert answer.status in (200, 201), answer
    return answer.position


def inspect(api, path):
    answer = api.admin.request("GET", f"/inspect/{path}")
    assert answer.header("Content-Type") == "application/json"
    assert answer.status == 200, answer
    return answer.json()


def states(report):
    return [report[name]["state"] for name in MEMBERS]


def verdicts(report):
    return [report[name]["verdict"] for name in MEMBERS] + [report["verdict"]]


def test_a_key_in_every_tier(http, api, other_api, world):
    position = written(http, "everywhere", "one")
    replica_caught_up(world)
    assert http.value("everywhere") == "one"
    world.wait_in_redis("everywhere")
    report = inspect(api, "records/everywhere")
    partition, version = position.split("-")
    assert (report["collection"], report["key"]) == ("records", "everywhere")
    assert report["partition"] == int(partition)
    assert states(report) == ["present"] * 4
    assert verdicts(report) == ["current"] * 5
    floor = int(report["instance"]["floor"])
    assert int(version) < floor <= int(report["instance"]["watermark"])
    assert report["instance"]["pending_writes"] == 0
    for name in MEMBERS:
        assert report[name]["version"] == version
        assert int(report[name]["as_of"]) >= floor
    assert 0 < report["l1"]["ttl_ms"] <= 66_000
    assert 0 < report["redis"]["ttl_ms"] <= 330_000
    assert "ttl_ms" not in report["primary"]


def test_a_key_that_nobody_caches(http, api, world):
    written(http, "cold", "one")
    replica_caught_up(world)
    report = inspect(api, "records/cold")
    assert states(report) == ["none", "none", "present", "present"]
    assert verdicts(report) == ["none", "none", "current", "current", "current"]


def test_an_absent_row(world, http, api):
    report = inspect(api, "records/nobody")
    assert states(report) == ["none", "none", "absent", "absent"]
    assert report["verdict"] == "current"
    assert http.get("nobody").status == 404
    world.wait_in_redis("nobody")
    report = inspect(api, "records/nobody")
    assert states(report) == ["absent"] * 4
    assert verdicts(report) == ["current"] * 5
    assert all("version" not in report[name] for name in MEMBERS)
    assert all("as_of" in report[name] for name in MEMBERS)


def test_what_a_commit_has_ended_is_behind(http, api, world):
    written(http, "ended", "one")
    replica_caught_up(world)
    assert http.value("ended") == "one"
    with replay_paused(world):
        position = written(http, "ended", "two")
        report = inspect(api, "records/ended")
        assert report["l1"]["state"] == "none"
        assert report["replica"]["verdict"] == "behind"
        assert report["primary"]["version"] == position.split("-")[1]
        assert report["verdict"] == "behind"
        assert http.value("ended") == "two"
        report = inspect(api, "records/ended")
        assert [report[n]["verdict"] for n in ("l1", "primary")] == ["current"] * 2


def test_a_row_that_was_changed_behind_sluices_back(http, api, world):
    written(http, "back", "one")
    replica_caught_up(world)
    assert http.value("back") == "one"
    world.wait_in_redis("back")
    behind_its_back(world, "UPDATE records SET value = 'two' WHERE key = 'back'")
    report = inspect(api, "records/back")
    assert report["l1"]["verdict"] == report["redis"]["verdict"] == "changed"
    assert report["verdict"] == "changed"
    assert api.admin.request("DELETE", "/cache/records/back").status == 200
    wait_until(lambda: inspect(api, "records/back")["verdict"] == "current", 10, "well")


def test_a_row_that_was_deleted_behind_sluices_back(http, api, world):
    written(http, "gone", "one")
    replica_caught_up(world)
    assert http.value("gone") == "one"
    behind_its_back(world, "DELETE FROM records WHERE key = 'gone'")
    assert inspect(api, "records/gone")["l1"]["verdict"] == "stale"


def test_it_leaves_no_trace(http, api, world):
    written(http, "trace", "one")
    replica_caught_up(world)
    before = api.metrics()
    for _ in range(3):
        assert inspect(api, "records/trace")["l1"]["state"] == "none"
    after = api.metrics()
    for name in ("sluice_l1_lookups_total", "sluice_redis_fills_total", "sluice_l1_entries"):
        assert after[name] == before[name], name


def test_tiers_that_are_away(world, special_api):
    alone = special_api({"redis.url": "redis://127.0.0.1:1", "replica.urls": ""})
    report = inspect(alone, "records/away")
    assert report["redis"] == {"state": "unavailable", "verdict": "none"}
    assert report["replica"] is None
    assert report["primary"]["state"] == "absent"


def test_keys_are_decoded(http, api, world):
    written(http, "a b/ü_", "one")
    replica_caught_up(world)
    report = inspect(api, "records/a%20b%2F%C3%BC_")
    assert (report["key"], report["primary"]["state"]) == ("a b/ü_", "present")
    assert inspect(api, "records/_x")["key"] == inspect(api, "records/%5Fx")["key"] == "_x"


@pytest.mark.parametrize(
    "method, path, status",
    [
        ("GET", "/inspect/nothing/x", 404),
        ("GET", "/inspect/records", 404),
        ("GET", "/inspect/records/", 404),
        ("GET", "/inspect/records/%ff", 404),
        ("GET", "/inspect/records/%zz", 404),
        ("GET", "/inspect/records/x/y", 404),
        ("PUT", "/inspect/records/x", 404),
    ],
)
def test_what_is_refused(api, method, path, status):
    assert api.admin.request(method, path).status == status


def test_the_public_listener_has_it_too(http, api):
    """For those with the right (access/test_every_route.py)."""
    report = http.page("/inspect/records/x")
    assert report.keys() == api.admin.page("/inspect/records/x").keys()
    assert report["primary"]["state"] == "absent"
    unknown = http.request("GET", "/inspect/nothing/x")
    assert (unknown.status, unknown.problem) == (404, "collection-not-found")
    purged = http.request("DELETE", "/cache/records/x")
    assert purged.json() == {"purged": "key", "l1_entries": 0, "redis": "purged"}
