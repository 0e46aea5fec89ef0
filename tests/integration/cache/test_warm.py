"""--warm=full: an emptied Redis gets its entries back, as they are now."""

import itertools
import json

import pytest
from harness.crowd import Background, in_threads
from harness.history import settle
from harness.replica import replay_paused, replica_caught_up
from harness.servers import at_database
from harness.wait import wait_until

KEYS = [f"k{n}" for n in range(5000)]
TOUCHED = KEYS[:50]  # written while Redis is warmed


def written(api, keys, value):
    def put(key):
        answer = api.http.put(key, value)
        assert answer.status == 202, answer

    in_threads(8, keys, put)


def applied(deployment):
    """Postgres, its replica and Redis have all of the log."""

    def same():
        return deployment.ends() == deployment.progress() == deployment.redis_watermarks()

    wait_until(same, 60, "all writes are in Postgres and in Redis")
    replica_caught_up(deployment)


def entries(servers):
    """key -> document of every entry of records in Redis (None: absent)."""
    redis = servers.redis()
    names = list(redis.scan_iter("sluice:*:records/*", count=10000))
    found = {}
    for at in range(0, len(names), 1000):
        some = names[at : at + 1000]
        for name, value in zip(some, redis.mget(some)):
            if value is not None:
                name, value = (x if isinstance(x, str) else x.decode() for x in (name, value))
                doc = json.loads(value[33:]) if value[16] == "P" else None
                found[name.split("/", 1)[1]] = doc
    return found


def warm(projector):
    metrics = projector.metrics()
    return {
        result: metrics["sluice_projector_warm_keys_total", f'result="{result}"']
        for result in ("filled", "absent", "given_up")
    }


def is_warm(projector):
    metrics = projector.metrics()
    return metrics["sluice_projector_warm_partitions"] == 0 and bool(
        projector.events("warm.done")
    )


def all_there(servers, keys):
    found = entries(servers)
    return all(key in found for key in keys)


def started(deployment, servers, **settings):
    deployment.daemon("api").start(ready=False)
    deployment.daemon("writer").start(ready=False)
    replica = at_database(servers.replica_url, deployment.name)
    deployment.projector({"warm": "full", "replica.urls": replica, **settings})
    for daemon in deployment.daemons:
        daemon.wait_ready()
    return deployment


@pytest.fixture
def projecting(deployment, servers):
    return started(deployment, servers)


@pytest.mark.seconds(300)
def test_an_emptied_redis(projecting, servers):
    """5,000 keys come back while writes go on; then reads hit Redis."""
    deployment = projecting
    api, projector = deployment.of("api")[0], deployment.of("projector")[0]
    written(api, KEYS, "old")
    written(api, KEYS[4000:], "new")
    api.http.delete(KEYS[-1], prefer="wait=20")
    applied(deployment)
    assert not all_there(servers, KEYS[:10])  # a commit of records sets no entry
    wait_until(lambda: is_warm(projector), 30, "nothing is left of the start")
    before = warm(projector)
    numbers = itertools.count()

    def work():
        n = next(numbers)
        assert api.http.put(TOUCHED[n % 50], f"live {n}").status == 202
        assert api.http.put(f"live{n % 500}", f"live {n}").status == 202

    rest = KEYS[50:-1]
    with Background(work):
        servers.redis().flushall()
        wait_until(lambda: all_there(servers, rest), 120, "all keys are back")
        wait_until(lambda: is_warm(projector), 30, "it is done")
        made = next(numbers)
    assert made > 0
    settle(deployment)
    done = warm(projector)
    assert done["filled"] - before["filled"] >= len(rest)
    assert done["absent"] - before["absent"] >= 1
    rows = deployment.rows()
    found = entries(servers)
    assert KEYS[-1] not in rows and found.get(KEYS[-1]) is None
    for key, doc in found.items():
        assert (doc and doc["value"]) == (rows[key][0] if key in rows else None), key
    # A new instance, whose L1 is empty, finds them there.
    fresh = deployment.api()
    some = [key for key in rest[::7] if key in found]
    answers = in_threads(4, some, fresh.http.get)
    assert {a.tier for a in answers} == {"redis"}
    metrics = fresh.metrics()
    assert metrics["sluice_reads_total", 'tier="redis"'] >= len(some)
    assert metrics["sluice_reads_total", 'tier="replica"'] == 0
    assert metrics["sluice_reads_total", 'tier="primary"'] == 0


def test_a_replica_that_lags(projecting, servers):
    """The primary is asked for what the replica has not got yet."""
    deployment = projecting
    api, projector = deployment.of("api")[0], deployment.of("projector")[0]
    written(api, KEYS[:50], "old")
    applied(deployment)
    with replay_paused(deployment):
        written(api, KEYS[:100], "new")
        wait_until(lambda: deployment.ends() == deployment.redis_watermarks(), 30, "applied")
        servers.redis().flushall()
        wait_until(lambda: all_there(servers, KEYS[:100]), 60, "all keys are back")
    found = entries(servers)
    assert {found[key]["value"] for key in KEYS[:100]} == {"new"}
    wait_until(lambda: is_warm(projector), 30, "it is done")
    assert warm(projector)["given_up"] == 0
    assert projector.admin.request("GET", "/stats").json()["warm"] == {"partitions_left": 0}


def test_a_collection_without_its_table(projecting, servers):
    """The others do not wait for it."""
    deployment = projecting
    api, projector = deployment.of("api")[0], deployment.of("projector")[0]
    post = json.dumps({"title": "t", "content": "c", "author": "a"}).encode()
    for _ in range(20):
        made = api.http.request("POST", "/v1/posts", post, {"Content-Type": "application/json"})
        assert made.status == 202, made
    written(api, KEYS[:50], "old")
    applied(deployment)
    wait_until(lambda: is_warm(projector), 30, "nothing is left of the start")
    deployment.sql("ALTER TABLE posts RENAME TO elsewhere")
    replica_caught_up(deployment)
    servers.redis().flushall()
    wait_until(lambda: all_there(servers, KEYS[:50]), 60, "all keys are back")
    wait_until(lambda: is_warm(projector), 30, "it is done")
    assert warm(projector)["given_up"] == 20
    (said,) = projector.events("warm.unmigrated")
    assert "collection=posts" in said and "code=42P01" in said, said


def test_a_row_that_is_too_large(deployment, servers):
    """It is not put into Redis; the others of its statement are."""
    started(deployment, servers, **{"document.max_bytes": "1KiB"})
    api, projector = deployment.of("api")[0], deployment.of("projector")[0]
    written(api, KEYS[:50], "x")
    applied(deployment)
    wait_until(lambda: is_warm(projector), 30, "nothing is left of the start")
    large = "UPDATE records SET value = repeat('y', %s) WHERE key = %s"
    deployment.sql(large, 1025, KEYS[3])
    deployment.sql(large, 1024, KEYS[4])
    replica_caught_up(deployment)
    servers.redis().flushall()
    rest = [key for key in KEYS[:50] if key != KEYS[3]]
    wait_until(lambda: all_there(servers, rest), 60, "the others are back")
    wait_until(lambda: is_warm(projector), 30, "it is done")
    assert KEYS[3] not in entries(servers)
    assert warm(projector)["given_up"] == 1


@pytest.mark.seconds(200)
def test_a_projector_that_is_restarted(deployment, servers):
    """What it had not brought back is brought back by whoever follows; and once only."""
    started(deployment, servers, **{"warm.rate": 500})
    api, projector = deployment.of("api")[0], deployment.of("projector")[0]
    keys = KEYS[:2000]
    written(api, keys, "old")
    applied(deployment)
    wait_until(lambda: is_warm(projector), 30, "nothing is left of the start")
    servers.redis().flushall()
    wait_until(lambda: len(entries(servers)) > 300, 30, "it has begun")
    projector.stop()
    assert len(entries(servers)) < 1900
    projector.start()
    wait_until(lambda: all_there(servers, keys), 60, "all keys are back")
    wait_until(lambda: is_warm(projector), 30, "it is done")
    begun = len(projector.events("warm.begin"))
    projector.restart()
    settle(deployment)
    assert len(projector.events("warm.begin")) == begun
    assert projector.admin.request("GET", "/stats").json()["warm"] == {"partitions_left": 0}


def test_none_is_the_default(deployment, servers):
    api = deployment.start_all()
    projector = deployment.of("projector")[0]
    written(api, KEYS[:20], "old")
    applied(deployment)
    servers.redis().flushall()
    wait_until(lambda: None not in deployment.redis_watermarks(), 30, "it is started")
    assert entries(servers) == {}
    assert not projector.events("warm.begin")
    assert projector.admin.request("GET", "/stats").json()["warm"] is None
