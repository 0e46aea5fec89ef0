"""Documents that expire: absent to every tier at once, by the clock of the instance;
deleted later, by the log. All clocks are stopped, and the tests move them."""

import contextlib
import datetime
import json
import pathlib
import struct

import pytest
from harness.client import key_path
from harness.counters import Moved
from harness.feed import Feed
from harness.replica import replica_caught_up
from harness.wait import wait_until

HERE = pathlib.Path(__file__).parent
START = datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc)
JSON = {"Content-Type": "application/json"}
WAIT = {**JSON, "Prefer": "wait=20"}
HIT = ("sluice_page_lookups_total", 'result="hit"')


class Clock:
    """Of one daemon: the file that SLUICE_TEST_CLOCK names. Seconds since START."""

    def __init__(self, path):
        self.path = path
        self.set(0)

    def set(self, seconds):
        us = int((START.timestamp() + seconds) * 1_000_000)
        with self.path.open("r+b" if self.path.exists() else "wb") as f:
            f.write(struct.pack("=q", us))


def at(seconds):
    return (START + datetime.timedelta(seconds=seconds)).isoformat()


@pytest.fixture(scope="module")
def world(module_deploy, servers):
    world = module_deploy(servers, collections=str(HERE / "expiring"))
    settings = {"expiry.interval": "20ms"}
    world.clocks = {}
    daemons = [world.daemon("api"), world.daemon("api"), world.daemon("api", {"replica.urls": ""})]
    daemons += [world.daemon("writer", settings), world.daemon("projector")]
    for daemon in daemons:
        clock = world.clocks[daemon] = Clock(world.logs / f"{daemon.name}.clock")
        daemon.start(ready=False, env={"SLUICE_TEST_CLOCK": str(clock.path)})
    for daemon in daemons:
        daemon.wait_ready()
    return world


@pytest.fixture(autouse=True)
def rewound(world):
    """At the beginning of a test, all clocks stand at 0."""
    for clock in world.clocks.values():
        clock.set(0)


def move(world, kind, seconds):
    for daemon in world.of(kind):
        world.clocks[daemon].set(seconds)


def put(http, key, ends, collection="sessions", status=201, **more):
    document = {"user": "ada", "ends": ends and at(ends), **more}
    answer = http.request("PUT", key_path(key, collection), json.dumps(document).encode(), WAIT)
    assert answer.status == status, answer
    return answer


def get(http, key, **headers):
    headers = {n.replace("_", "-"): v for n, v in headers.items()}
    return http.request("GET", key_path(key, "sessions"), headers=headers)


def keys(http, path):
    answer = http.request("GET", path)
    assert answer.status == 200, answer
    return [d["key"] for d in answer.json()]


def exported(http, path):
    answer = http.request("GET", path)
    assert answer.status == 200, answer
    return sorted(json.loads(line)["key"] for line in answer.body.splitlines())


def test_absent_in_every_tier(world, http, other_api):
    primary = world.of("api")[2].http
    created = put(http, "tiers:a", 60)
    put(http, "tiers:b", None)
    replica_caught_up(world)
    after = {"Sluice_Read_After": created.position}
    assert get(http, "tiers:a", **after).status == 200
    assert get(http, "tiers:a").tier == "l1"
    world.wait_in_redis("tiers:a", collection="sessions")
    paths = "/v1/sessions?key=like.tiers*", "/v1/sessions/_export?key=like.tiers*"

    def expired_in():
        """The tiers that hold it, though its time has come."""
        found = world.of("api")[0].admin.request("GET", "/inspect/sessions/tiers:a").json()
        tiers = {name: found[name] for name in ("l1", "redis", "replica", "primary")}
        assert {tier["state"] for tier in tiers.values()} == {"present"}
        return [name for name, tier in tiers.items() if tier.get("expired")]

    # One microsecond before.
    move(world, "api", 59.999999)
    assert expired_in() == []
    for one in (http, other_api.http, primary):
        assert get(one, "tiers:a", **after).status == 200
        assert keys(one, paths[0]) == ["tiers:a", "tiers:b"]
    move(world, "api", 60)
    assert expired_in() == ["l1", "redis", "replica", "primary"]
    etag = created.header("ETag")
    with Moved(world.of("api")[0]) as moved:
        answer = get(http, "tiers:a")
        assert (answer.status, answer.tier) == (404, "l1")
    assert moved["sluice_reads_expired_total"] == 1
    assert get(http, "tiers:a", If_None_Match=etag).status == 404
    assert get(http, "tiers:a", Cache_Control="only-if-cached").status == 404
    fresh = get(http, "tiers:a", Cache_Control="no-cache")
    assert (fresh.status, fresh.tier) == (404, "replica")
    fresh = get(primary, "tiers:a", Cache_Control="no-cache")
    assert (fresh.status, fresh.tier) == (404, "primary")
    for one in (http, other_api.http, primary):
        assert get(one, "tiers:a").status == 404
        assert get(one, "tiers:b").status == 200
        assert keys(one, paths[0]) == ["tiers:b"]
        assert exported(one, paths[1]) == ["tiers:b"]
        assert one.request("GET", "/v1/sessions/_count?key=like.tiers*").json() == {"count": 1}
        group = one.request("GET", "/v1/_group/tiers").json()["collections"]["sessions"]
        assert [d["key"] for d in group] == ["tiers:b"]
    # The row is there, because the clock of the writer stands still.
    assert world.sql("SELECT count(*) FROM sessions WHERE key = 'tiers:a'") == [(1,)]


def test_absent_in_redis(world, http, other_api):
    """An instance that has never had it in L1."""
    created = put(http, "redis:a", 60)
    get(http, "redis:a")
    world.wait_in_redis("redis:a", collection="sessions")
    move(world, "api", 61)
    answer = get(other_api.http, "redis:a", Sluice_Read_After=created.position)
    assert (answer.status, answer.tier) == (404, "redis")


def test_a_page_ends_with_its_first_document(world, http):
    api = world.of("api")[0]
    for n in (10, 20, None):
        put(http, f"pages:{n}", n)
    page, count = "/v1/sessions?key=like.pages*", "/v1/sessions/_count?key=like.pages*"
    group = "/v1/_group/pages"
    exact = {"Prefer": "count=exact"}

    def seen():
        total = http.request("GET", page + "&limit=1", headers=exact).header("Content-Range")
        numbers = (
            len(keys(http, page)),
            http.request("GET", count).json()["count"],
            int(total.removeprefix("*/")),
            len(http.request("GET", group).json()["collections"]["sessions"]),
        )
        assert len(set(numbers)) == 1, numbers
        return numbers[0]

    for now, number in ((0, 3), (9.9, 3), (10, 2), (19.9, 2), (20, 1), (1000, 1)):
        move(world, "api", now)
        assert seen() == number, now
        with Moved(api) as moved:
            assert seen() == number
        assert moved[HIT] == 4
    # A page that has only the others is not read again.
    move(world, "api", 0)
    keys(http, page + "&key=eq.pages:20")
    move(world, "api", 15)
    with Moved(api) as moved:
        assert keys(http, page + "&key=eq.pages:20") == ["pages:20"]
    assert moved[HIT] == 1


def test_a_write_goes_by_the_time_of_its_record(world, http, other_api):
    """The row is in the table. For a write that an instance accepted after its time, it
    is absent; for one of an instance whose clock is behind, it is not."""
    for n in range(8):
        put(http, f"writes:{n}", 60)
    created = world.sql("SELECT created_at FROM sessions WHERE key = 'writes:0'")
    world.clocks[world.of("api")[0]].set(100)
    patch = {**WAIT, "Content-Type": "application/merge-patch+json"}

    def send(method, n, body=b"", headers=WAIT, one=http):
        return one.request(method, key_path(f"writes:{n}", "sessions"), body, headers)

    assert send("PATCH", 1, b'{"n": 1}', patch).status == 404
    assert send("PATCH", 1, b'{"n": 1}', patch, other_api.http).status == 200
    assert send("DELETE", 2).status == 404
    assert send("DELETE", 2, one=other_api.http).status == 204
    assert send("PUT", 3, b'{"user": "bob"}', {**WAIT, "If-Match": "*"}).status == 412
    document = json.dumps({"user": "bob", "ends": at(200)}).encode()
    assert send("PUT", 3, document, {**WAIT, "If-None-Match": "*"}).status == 201
    assert send("PUT", 0, document).status == 201
    assert send("PUT", 0, document).status == 200
    assert world.sql("SELECT created_at FROM sessions WHERE key = 'writes:0'") > created
    post = json.dumps({"key": "writes:4", "user": "bob", "ends": at(200)}).encode()
    assert http.request("POST", "/v1/sessions", post, WAIT).status == 201
    assert http.request("POST", "/v1/sessions", post, WAIT).status == 409
    batch = [{"op": "patch", "collection": "sessions", "key": f"writes:{n}", "document": {"n": 5}}
             for n in (4, 5)]
    answer = http.request("POST", "/v1/_batch", json.dumps(batch).encode(), WAIT)
    assert (answer.status, answer.json()["index"]) == (404, 1)
    # A document whose time had come when it was written.
    put(http, "writes:past", 50)
    assert get(http, "writes:past").status == 404
    put(http, "writes:past", 50)
    put(http, "writes:past", None)
    put(http, "writes:past", None, status=200)


def test_the_log_deletes_it(world, http):
    writer, api = world.of("writer")[0], world.of("api")[0]
    with contextlib.closing(Feed(api.http.port, "sessions")) as feed:
        for n in range(20):
            put(http, f"log:{n}", 60)
        put(http, "log:stays", 61)
        rows = "SELECT count(*) FROM sessions WHERE key LIKE 'log:%'"
        assert world.sql(rows) == [(21,)]
        with Moved(writer) as moved:
            world.clocks[writer].set(60)
            wait_until(lambda: world.sql(rows) == [(1,)], 20, "the rows are deleted")
        assert moved["sluice_writer_expired_total"] >= 20

        def gone():
            return {e.key for e in list(feed.events) if e.kind == "delete"}

        wait_until(lambda: gone() >= {f"log:{n}" for n in range(20)}, 20, "the feed says so")
    # For the API, whose clock stands still, they were there; now they are not.
    assert get(http, "log:3").status == 404
    assert get(http, "log:stays").status == 200
    assert world.sql("SELECT count(*) FROM sluice.rejections WHERE key LIKE 'log:%'") == [(0,)]


def test_integer_keys_and_more_than_a_slice(world, http):
    documents = [{"id": n, "until": at(30 + n % 7)} for n in range(1, 1102)]
    body = json.dumps(documents).encode()
    answer = http.request("POST", "/v1/offers", body, WAIT)
    assert answer.status == 200 and {r["status"] for r in answer.json()} == {201}, answer
    rows = "SELECT count(*) FROM offers"
    assert world.sql(rows) == [(1101,)]
    world.clocks[world.of("writer")[0]].set(35.5)
    left = sum(n % 7 == 6 for n in range(1, 1102))
    wait_until(lambda: world.sql(rows) == [(left,)], 60, "the rows are deleted")
    move(world, "api", 35.5)
    assert http.request("GET", "/v1/offers/_count").json() == {"count": left}
    assert world.sql("SELECT count(*) FROM sluice.rejections WHERE collection = 'offers'") == [(0,)]
