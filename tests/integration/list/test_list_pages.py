"""Cached pages of lists: a commit ends those of its collection, and no other's; none
is older than a commit that was heard of. By counters."""

import json
import threading

from harness.burst import burst
from harness.client import key_path
from harness.counters import Moved
from harness.crowd import Background
from harness.replica import behind, replica_caught_up
from harness.wait import wait_until

JSON = {"Content-Type": "application/json"}
WAIT = {"Prefer": "wait=10"}

HIT = ("sluice_page_lookups_total", 'result="hit"')
MISS = ("sluice_page_lookups_total", 'result="miss"')
OLD = ("sluice_page_lookups_total", 'result="below_floor"')
QUERIES = "sluice_page_queries_total"


def put(http, key, count, collection="counters", headers=WAIT):
    body = json.dumps({"count": count} if collection == "counters" else {"value": str(count)})
    answer = http.request("PUT", key_path(key, collection), body.encode(), {**JSON, **headers})
    assert answer.status in (200, 201, 202), answer
    return answer.position


def page(http, path, **headers):
    answer = http.request(
        "GET", path, headers={n.replace("_", "-"): v for n, v in headers.items()}
    )
    assert answer.status == 200, answer
    return answer


def pages(collection, n=10):
    return [f"/v1/{collection}?limit={i}" for i in range(1, n + 1)]


def test_a_commit_ends_the_pages_of_its_collection(world, http, api):
    put(http, "a", 1)
    every = pages("counters") + pages("records") + pages("samples")
    for path in every:
        page(http, path)
    with Moved(api) as moved:
        assert {page(http, path).tier for path in every} == {"l1"}
    assert (moved[HIT], moved[MISS], moved[OLD], moved[QUERIES]) == (30, 0, 0, 0)
    put(http, "a", 2)
    replica_caught_up(world)  # or the primary is asked, too
    with Moved(api) as moved:
        for path in every:
            assert (page(http, path).tier == "l1") == ("counters" not in path)
    assert (moved[HIT], moved[MISS], moved[OLD], moved[QUERIES]) == (20, 0, 10, 10)
    with Moved(api) as moved:
        assert {page(http, path).tier for path in every} == {"l1"}
    assert (moved[HIT], moved[QUERIES]) == (30, 0)


def test_on_every_instance(http, other_api):
    put(http, "b", 1)
    page(other_api.http, "/v1/counters")
    page(other_api.http, "/v1/records")
    position = put(http, "b", 2)
    answer = page(other_api.http, "/v1/counters", Sluice_Read_After=position)
    assert {"key": "b", "count": 2}.items() <= answer.json()[-1].items()
    assert answer.tier != "l1" and page(other_api.http, "/v1/records").tier == "l1"


def test_a_delete_and_a_rejection(http, api):
    """What is not committed ends nothing."""
    put(http, "c", 1)
    page(http, "/v1/counters")
    body = b'{"count": 5}'
    refused = http.request(
        "PUT", "/v1/counters/c", body, {**JSON, **WAIT, "If-None-Match": "*"}
    )
    assert refused.status == 412
    with Moved(api) as moved:
        assert page(http, "/v1/counters").tier == "l1"
    assert (moved[HIT], moved[OLD]) == (1, 0)
    assert http.request("DELETE", "/v1/counters/c", headers=WAIT).status == 204
    answer = page(http, "/v1/counters")
    assert answer.tier != "l1" and "c" not in [d["key"] for d in answer.json()]


def test_no_stale_page_under_readers(http, other_api, api, world):
    """A writer counts; whoever asks after a commit is known sees it, on its own
    instance at once, on the other one by its position. Meanwhile a list of another
    collection never leaves L1."""
    path, still = "/v1/counters?key=eq.hot", "/v1/posts?limit=9"
    known = {"count": put(http, "hot", 0) and 0, "position": put(http, "hot", 0)}
    seen = {"here": 0, "there": 0, "hits": 0}
    lock = threading.Lock()
    for instance in (http, other_api.http):
        wait_until(lambda i=instance: page(i, still).tier == "l1", 10, "it is cached")

    def write():
        count = known["count"] + 1
        position = put(http, "hot", count)
        known.update(count=count, position=position)

    def read(client, name, after):
        def once():
            count, position = known["count"], known["position"]
            more = {"Sluice_Read_After": position} if after else {}
            answer = page(client, path, **more)
            assert answer.json()[0]["count"] >= count, answer
            with lock:
                seen[name] += 1
                seen["hits"] += answer.tier == "l1"

        return once

    def read_still(client):
        def once():
            assert page(client, still).tier == "l1"

        return once

    here = [read(http, "here", False) for _ in range(4)]
    there = [read(other_api.http, "there", True) for _ in range(4)]
    others = [read_still(http), read_still(other_api.http)]
    with Moved(api) as moved, Background(*here, *there, *others):
        for _ in range(150):
            write()
    assert min(seen["here"], seen["there"]) > 150 and seen["hits"] > 0
    # Each commit ends the page once; whoever came meanwhile joined or asked again.
    assert moved[OLD] >= 100 and moved[HIT] > 0
    assert page(http, path).json()[0]["count"] == 150


def test_a_burst_for_one_cold_page_is_one_query(world, special_api, slow_replica):
    cold = special_api({**behind(slow_replica), "read.timeout": "20s"})
    page(cold.http, "/v1/records?limit=3")
    slow_replica.set(0.8)
    with Moved(cold) as moved:
        answers = burst(cold.http.port, ["/v1/records?limit=4"] * 200)
    slow_replica.set("pass")
    assert {a.status for a in answers} == {200} and len({a.body for a in answers}) == 1
    joined = sum("collapsed" in a.cache for a in answers)
    late = sum(a.tier == "l1" for a in answers)
    assert joined + late == 199 and joined > 0
    assert moved[QUERIES] == 1


def test_pages_are_within_the_bound_of_l1(special_api, http):
    for i in range(20):
        put(http, f"bound {i:02}", "x" * 1000, "records")
    small = special_api({"l1.bytes": "8MiB"})
    for i in range(900):
        page(small.http, f"/v1/records?limit=10&key=neq.{i}")
    m = small.metrics()
    assert 4 << 20 < m["sluice_l1_bytes"] <= 8 << 20
    assert m["sluice_l1_entries"] < 900


def test_a_purge_takes_pages_with_it(world, api, http):
    def purge(path):
        answer = api.admin.request("DELETE", "/cache" + path)
        assert answer.status == 200, answer
        return answer.json()["l1_entries"]

    put(http, "purged", 1)
    purge("")
    for scope, left in (("/counters/purged", True), ("/counters", True), ("", False)):
        page(http, "/v1/counters?limit=2")
        page(http, "/v1/records?limit=2")
        assert purge(scope) == (1 if left else 2), scope
        assert page(http, "/v1/counters?limit=2").tier != "l1"
        assert (page(http, "/v1/records?limit=2").tier == "l1") == left
        purge("")


def test_a_primary_that_lost_commits(world, special_api, http):
    """After a failover: what it says is older than what was heard of, until the
    writer has applied it again."""
    position = put(http, "lost", 1)
    api = special_api({"replica.urls": "", "read.timeout": "400ms"})
    page(api.http, "/v1/counters?key=eq.lost", Sluice_Read_After=position)
    partition, offset = map(int, position.split("-"))
    query = "UPDATE sluice.progress SET next_offset = %s WHERE partition = %s"
    now = world.sql("SELECT next_offset FROM sluice.progress WHERE partition = %s", partition)
    world.sql(query, offset, partition)
    try:
        answer = api.http.request(
            "GET", "/v1/counters?key=eq.lost", headers={"Cache-Control": "no-cache"}
        )
        # The request's deadline and its lookup's are the same: whichever is noticed
        # first says why.
        assert answer.status == 503, answer
        assert answer.problem in ("position-not-reached", "store-unavailable")
        export = api.http.request("GET", "/v1/counters", headers={"Accept": "application/x-ndjson"})
        assert (export.status, export.problem) == (503, "position-not-reached"), export
        # What was kept is current, and another collection's list is no older.
        assert page(api.http, "/v1/counters?key=eq.lost").tier == "l1"
        assert page(api.http, "/v1/samples?limit=3").tier == "primary"
    finally:
        world.sql(query, now[0][0], partition)
    answer = page(api.http, "/v1/counters?key=eq.lost", Cache_Control="no-cache")
    assert answer.json()[0]["count"] == 1


def test_while_commits_are_not_heard_of(world, servers, special_api, http):
    """A page is not kept before the last mark is found: the primary is asked."""
    from harness.proxy import Proxy

    host, port = servers.kafka_servers.split(":")
    broker = Proxy(servers.ports.take(), int(port))
    broker.set("refuse")
    try:
        alone = {"kafka.bootstrap.servers": f"{host}:{broker.port}"}
        deaf = world.daemon("api", {"listen.when": "start", **alone})
        deaf.start(ready=False)
        wait_until(lambda: deaf.http.request("GET", "/v1").status == 200, 20, "it listens")
        put(http, "deaf", 1)
        answer = wait_until(
            lambda: page(deaf.http, "/v1/counters?key=eq.deaf"), 10, "it answers"
        )
        assert answer.cache == "sluice; fwd=bypass; detail=primary, tail; detail=down"
        assert page(deaf.http, "/v1/counters?key=eq.deaf").tier == "primary"
    finally:
        deaf.finish()
        world.daemons.remove(deaf)
        broker.close()
