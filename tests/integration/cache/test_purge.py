"""DELETE /cache[/{collection}[/{key}]] on the api's admin port."""

import threading
import time

import pytest
from harness.client import key_path
from harness.crowd import Background
from harness.proxy import Proxy
from harness.replica import behind_its_back, replica_caught_up
from harness.servers import at_port
from harness.wait import wait_until


def written(http, key, value):
    answer = http.put(key, value, prefer="wait=10")
    assert answer.status in (200, 201), answer
    return answer.position


def purge(api, path=""):
    answer = api.admin.request("DELETE", "/cache" + path)
    assert answer.status == 200, answer
    done = answer.json()
    assert done["redis"] == "purged"
    return done["purged"], done["l1_entries"]


def counter(http, key, **headers):
    return http.request("GET", key_path(key, "counters"), headers=headers)


def test_a_key(http, api, world, other_api):
    for key in ("one", "two"):
        position = written(http, key, "old")
        assert http.value(key) == "old"
        assert other_api.http.value(key, Sluice_Read_After=position) == "old"
    world.wait_projected()
    world.wait_in_redis("one", "two")
    behind_its_back(
        world, "UPDATE records SET value = 'changed' WHERE key IN ('one', 'two')"
    )
    assert (http.value("one"), http.value("two")) == ("old", "old")
    assert purge(api, "/records/one") == ("key", 1)
    answer = http.get("one")
    assert (answer.tier, answer.json()["value"]) == ("replica", "changed")
    assert http.value("two") == "old"
    # The other instance's L1 is its own; Redis is everybody's.
    assert other_api.http.value("one") == "old"
    assert purge(other_api, "/records/one") == ("key", 1)
    assert other_api.http.get("one").tier in ("replica", "primary")
    assert other_api.http.value("one") == "changed"
    assert purge(api, "/records/nobody%20has%20it") == ("key", 0)


def fill_both(api, other_api):
    """A row and a counter, in the L1 of one instance and in Redis."""
    http = api.http
    written(http, "both", "old")
    body = b'{"count":1}'
    headers = {"Content-Type": "application/json", "Prefer": "wait=10"}
    assert http.request("PUT", key_path("both", "counters"), body, headers).status < 300
    for _ in range(2):
        assert http.value("both") == "old"
        assert counter(http, "both").json()["count"] == 1
    other_api.restart()
    assert http.get("both").tier == counter(http, "both").tier == "l1"


def test_a_collection(http, api, other_api, world):
    fill_both(api, other_api)
    scope, n = purge(api, "/records")
    assert scope == "collection" and n >= 1
    assert counter(http, "both").tier == "l1"
    only = {"Cache-Control": "only-if-cached"}
    assert http.get("both", Cache_Control="only-if-cached").status == 504
    other = other_api.http
    assert other.get("both", Cache_Control="only-if-cached").status == 504
    assert counter(other, "both", **only).tier == "redis"
    # Redis takes new entries of it.
    assert http.get("both").tier == "replica"
    world.wait_in_redis("both")
    assert other.get("both").tier == "redis"
    # Again, and the other one; each is newer than all before.
    purge(api, "/records")
    purge(api, "/counters")
    other_api.restart()
    assert other.get("both", Cache_Control="only-if-cached").status == 504
    assert counter(other, "both", **only).status == 504


def test_all(http, api, other_api, servers, world):
    servers.redis().set("somebody else's", "key")
    fill_both(api, other_api)
    scope, n = purge(api)
    assert scope == "all" and n >= 2
    assert api.metrics()["sluice_l1_entries"] == 0
    only = {"Cache-Control": "only-if-cached"}
    for client in (http, other_api.http):
        assert client.get("both", Cache_Control="only-if-cached").status == 504
        assert counter(client, "both", **only).status == 504
    assert servers.redis().get("somebody else's") == b"key"
    assert http.get("both").tier == "replica"
    world.wait_in_redis("both")
    assert other_api.http.get("both").tier == "redis"


def test_commits_go_on_after_a_purge(http, api, other_api, world):
    """The projector's entries count in the new generations."""
    fill_both(api, other_api)
    for path in ("/counters", "", "/counters", "/records"):
        purge(api, path)
        answer = http.request(
            "PATCH",
            key_path("both", "counters"),
            b'{"count":1}',
            {
                "Content-Type": "application/vnd.sluice.increment+json",
                "Prefer": "wait=10",
            },
        )
        world.wait_projected()
        after = {"Sluice-Read-After": answer.position}
        got = counter(other_api.http, "both", **after)
        assert got.json()["count"] == counter(http, "both").json()["count"]
        assert got.tier in ("redis", "l1"), got


def test_a_new_start_of_redis_is_newer_than_every_purge(http, api, other_api, world, servers):
    """Redis is emptied in between; its generations still only grow."""
    fill_both(api, other_api)
    purge(api, "/records")
    servers.redis().flushall()
    wait_until(lambda: None not in world.redis_watermarks(), 20, "it is started again")
    position = written(http, "both", "new")
    assert http.value("both") == "new"
    assert other_api.http.value("both", Sluice_Read_After=position) == "new"


def test_what_is_read_while_it_is_purged_is_not_kept(http, world, special_api, slow_replica):
    """The lookup has read the row before the purge, and lands after it."""
    cold = special_api({"replica.urls": slow_replica.url})
    for i, path in enumerate(("/records/flying 0", "/records", "")):
        key = f"flying {i}"
        on_replica = written(http, key, "old")
        replica_caught_up(world)
        assert cold.http.get("elsewhere", Sluice_Read_After=on_replica).status == 404
        slow_replica.set(0.5)
        before = cold.metrics()
        answers = []
        reader = threading.Thread(target=lambda k=key: answers.append(cold.http.get(k)))
        reader.start()
        name = "sluice_postgres_keys_total"
        wait_until(lambda b=before: cold.metrics()[name] > b[name], 10, "it is asked")
        purge(cold, path.replace(" ", "%20"))
        reader.join(20)
        slow_replica.set("pass")
        assert answers[0].json()["value"] == "old"
        assert cold.http.get(key, Cache_Control="only-if-cached").status == 504, path


def test_redis_away(servers, world, special_api):
    port = int(servers.redis_url.rsplit(":", 1)[1].split("/")[0])
    proxy = Proxy(servers.ports.take(), port)
    try:
        alone = special_api({"redis.url": at_port(servers.redis_url, proxy.port)})
        alone.http.get("x")
        proxy.set("refuse")
        answer = alone.admin.request("DELETE", "/cache/records")
        assert answer.status == 503, answer
        assert answer.json() == {
            "purged": "collection",
            "l1_entries": 1,
            "redis": "unavailable",
        }
    finally:
        proxy.close()


def test_no_stale_read_while_purging(http, api, other_api):
    """Purges of every kind, over and over; who waited for a commit sees it."""
    keys = [f"load {i}" for i in range(6)]
    newest = {key: (0, None) for key in keys}
    lock = threading.Lock()
    count = {"reads": 0, "purges": 0}
    value = 0

    def write():
        nonlocal value
        value += 1
        key = keys[value % len(keys)]
        position = written(http, key, str(value))
        with lock:
            newest[key] = (value, position)

    def reader(client, by_position):
        def read():
            for key in keys:
                with lock:
                    least, position = newest[key]
                if position is None:
                    continue
                more = {"Sluice_Read_After": position} if by_position else {}
                answer = client.get(key, **more)
                assert int(answer.json()["value"]) >= least, answer
                with lock:
                    count["reads"] += 1

        return read

    def purging():
        for path in ("/records/load%200", "/records", ""):
            purge(api, path)
            count["purges"] += 1

    end = time.monotonic() + 4
    with Background(
        write, reader(http, False), reader(other_api.http, True), purging
    ) as background:
        while time.monotonic() < end and not background.errors:
            background.ended.wait(0.2)
    print(count)
    assert count["reads"] > 100 and count["purges"] > 10


@pytest.mark.parametrize(
    "method, path",
    [
        ("DELETE", "/cache/nothing"),
        ("DELETE", "/cache/records/"),
        ("DELETE", "/cache/records/x/y"),
        ("GET", "/cache"),
        ("POST", "/cache"),
    ],
)
def test_what_is_refused(api, method, path):
    assert api.admin.request(method, path).status == 404
