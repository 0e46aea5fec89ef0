"""Servers that are not there yet, go away, and come back: nothing has to be
restarted, nothing acknowledged is lost, and /health says what is wrong."""

from urllib.parse import urlsplit

import pytest
from harness import history
from harness.deployment import QUICK_GROUP
from harness.proxy import Proxy
from harness.servers import at_database, at_port
from harness.wait import wait_until


def health(api):
    return api.http.request("GET", "/health")


def is_healthy(api, deadline=60):
    wait_until(lambda: health(api).json()["status"] == "healthy", deadline, "healthy")


def works(api, key):
    """The whole way, all tiers: written, committed, read, cached."""
    assert api.http.put(key, "one", prefer="wait=20").status in (200, 201)
    assert api.http.value(key) == "one"
    assert api.http.get(key).tier == "l1"
    return True


def fields(api):
    h = health(api).json()
    return {k: h[k] for k in ("primary", "replica", "cache", "l1_cache", "log")}


WELL = dict.fromkeys(("primary", "replica", "cache", "l1_cache", "log"), "healthy")


@pytest.mark.seconds(240)
def test_started_before_the_servers(deployment, servers):
    """They live, say what they wait for, and are ready once it is there."""
    s = servers
    targets = {
        "primary.url": at_database(s.primary_url, deployment.name),
        "replica.urls": at_database(s.replica_url, deployment.name),
        "redis.url": s.redis_url,
    }
    proxies = {
        name: Proxy(s.ports.take(), urlsplit(url).port) for name, url in targets.items()
    }
    daemons = []
    try:
        for proxy in proxies.values():
            proxy.set("refuse")
        with s.away("kafka", "kill"):
            for kind in ("api", "writer", "projector"):
                more = {"listen.when": "start"} if kind == "api" else QUICK_GROUP
                daemon = deployment.daemon(kind, more)
                for name, proxy in proxies.items():
                    if name in daemon.settings:
                        own = daemon.settings[name]
                        daemon.settings[name] = at_port(own, proxy.port)
                daemons.append(daemon.start(ready=False))
            for daemon in daemons:
                daemon.wait_alive()
                status, reasons = daemon.readiness()
                assert status == 503 and reasons.strip(), daemon.name
            api = daemons[0]
            answer = api.http.get("early")
            assert (answer.status, answer.problem) == (503, "store-unavailable"), answer
            answer = api.http.put("early", "one")
            assert (answer.status, answer.problem) == (503, "log-unavailable"), answer
            assert health(api).status == 503
        for name in ("redis.url", "primary.url", "replica.urls"):
            assert daemons[1].readiness()[0] == 503
            proxies[name].set("pass")
        for daemon in daemons:
            daemon.wait_ready(60)
        is_healthy(api)
        works(api, "early")
        for daemon in daemons:
            daemon.stop()
    finally:
        for proxy in proxies.values():
            proxy.close()


def test_redis_away_and_back(deployment, servers):
    api = deployment.start_all(settings=QUICK_GROUP)
    is_healthy(api)
    with servers.away("redis", "kill"):
        wait_until(lambda: fields(api) == {**WELL, "cache": "unavailable"}, 10, "said")
        answer = health(api)
        assert (answer.status, answer.json()["status"]) == (200, "degraded")
        assert answer.json()["l2_cache"] == "unavailable"
        assert answer.json()["services"]["cache"] == "disconnected"
        wait_until(
            lambda: not api.http.page("/cache-stats")["available"], 10, "statistics say it"
        )
        assert api.http.page("/cache-stats")["keys"] is None
        assert api.http.page("/stats")["cache_available"] is False
        works(api, "away")
    is_healthy(api)
    wait_until(lambda: api.http.page("/cache-stats")["available"], 10, "it is back")
    works(api, "back")
    history.settle(deployment)


def test_replica_away_and_back(deployment, servers):
    api = deployment.start_all()
    is_healthy(api)
    with servers.away("replica"):
        wait_until(lambda: fields(api) == {**WELL, "replica": "unavailable"}, 10, "said")
        answer = health(api)
        assert (answer.status, answer.json()["status"]) == (200, "degraded")
        assert answer.json()["database"] == "healthy"
        works(api, "away")
    is_healthy(api)
    works(api, "back")


@pytest.mark.seconds(240)
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_primary_away_and_back(deployment, servers, how):
    """The log is the buffer: writes are accepted meanwhile, and applied after."""
    api = deployment.start_all(settings=QUICK_GROUP)
    is_healthy(api)
    works(api, "before")
    (writer,) = deployment.of("writer")
    with servers.away("primary", how):
        wait_until(lambda: fields(api) == {**WELL, "primary": "unavailable"}, 10, "said")
        answer = health(api)
        assert (answer.status, answer.json()["status"]) == (200, "degraded")
        assert api.http.value("before") == "one"
        receipt = api.http.put("meanwhile", "one", prefer="wait=1")
        assert receipt.status == 202, receipt
        assert api.http.write("queued", "one", prefer="wait=1").json()["committed"] is False
        for i in range(200):
            assert api.http.put(f"meanwhile {i}", str(i)).status == 202
        wait_until(lambda: health(api).json()["queue_depth"] == 202, 10, "the backlog")
        wait_until(lambda: writer.readiness()[0] == 503, 10, "the writer says so")
        assert "primary" in writer.readiness()[1] or "postgres" in writer.readiness()[1]
    is_healthy(api)
    wait_until(lambda: health(api).json()["queue_depth"] == 0, 30, "it is drained")
    assert api.http.value("meanwhile", Sluice_Read_After=receipt.position) == "one"
    for i in range(200):
        assert api.http.value(f"meanwhile {i}") == str(i)
    assert writer.readiness()[0] == 200
    assert writer.metrics()["sluice_writer_writes_total", 'result="rejected"'] == 0
    works(api, "back")


@pytest.mark.seconds(240)
def test_kafka_away_and_back(deployment, servers):
    """Reads go on, and say that commits cannot be read; writes are refused."""
    api = deployment.start_all(settings=QUICK_GROUP)
    is_healthy(api)
    works(api, "before")
    with servers.away("kafka", "kill"):
        wait_until(
            lambda: fields(api) == {**WELL, "l1_cache": "unavailable", "log": "unavailable"},
            20,
            "it is said",
        )
        answer = health(api)
        assert (answer.status, answer.json()["status"]) == (200, "degraded")
        wait_until(lambda: health(api).json()["queue_depth"] is None, 20, "unknown depth")
        assert health(api).json()["worker_active"] is False
        answer = api.http.get("before")
        assert answer.json()["value"] == "one"
        assert "tail; detail=down" in answer.cache, answer
        answer = api.http.get("before, uncached")
        assert answer.status == 404 and "tail; detail=down" in answer.cache
        answer = api.http.put("meanwhile", "one", prefer="wait=5")
        assert (answer.status, answer.problem) == (503, "log-unavailable"), answer
        assert answer.header("Retry-After")
        answer = api.http.write("meanwhile", "one")
        assert (answer.status, answer.problem) == (503, "log-unavailable"), answer
    is_healthy(api)
    assert api.http.value("meanwhile") is None
    works(api, "back")
    history.settle(deployment)


@pytest.mark.seconds(240)
def test_kafka_stalls(deployment, servers):
    """It takes and does not answer: the outcome is unknown, never a 2xx. What is
    in the log in the end is what is committed."""
    api = deployment.daemon("api", {"write.timeout": "500ms"}).start(ready=False)
    writer = deployment.writer()
    api.wait_ready()
    works_by = api.http.put("stall", "before", prefer="wait=20")
    assert works_by.status in (201, 202)
    servers.part("pause", "kafka")
    try:
        answer = api.http.put("stall", "during")
    finally:
        servers.part("resume", "kafka")
    assert (answer.status, answer.problem) == (503, "write-outcome-unknown"), answer
    assert api.metrics()["sluice_writes_total", 'result="unknown"'] == 1
    assert api.events("write.unknown")

    def accepted():
        answer = api.http.put("stall", "after", prefer="wait=10")
        return answer.status in (200, 201) and answer

    last = wait_until(accepted, 60, "writes are accepted again")
    assert api.http.value("stall", Sluice_Read_After=last.position) == "after"
    log = history.Log(deployment)
    history.check_rows(deployment, log)
    assert writer.metrics()["sluice_writer_writes_total", 'result="applied"'] == len(
        log.records
    )


def test_writer_away_and_back(deployment):
    api = deployment.start_all(settings=QUICK_GROUP)
    (writer,) = deployment.of("writer")
    is_healthy(api)
    for end in (writer.stop, writer.sigkill):
        end()
        wait_until(lambda: not health(api).json()["worker_active"], 20, "it is said")
        assert health(api).json()["status"] == "degraded"
        assert fields(api) == WELL
        receipt = api.http.put("meanwhile", "one", prefer="wait=1")
        assert receipt.status == 202
        writer.start()
        assert api.http.value("meanwhile", Sluice_Read_After=receipt.position) == "one"
        is_healthy(api)


def test_projector_away_and_back(deployment, servers):
    """Without it Redis refuses what is newer than it knows, and is right."""
    api = deployment.start_all(settings=QUICK_GROUP)
    (projector,) = deployment.of("projector")
    works(api, "key")
    for end in (projector.stop, projector.sigkill):
        end()
        for i in range(20):
            api.http.put("key", f"value {i}", prefer="wait=10")
            assert api.http.value("key") == f"value {i}"
        other = deployment.api()
        assert other.http.value("key") == "value 19"
        other.stop()
        projector.start()
        history.settle(deployment)
        assert projector.metrics()["sluice_projector_jumps_total"] == 0
        log = history.Log(deployment)
        history.check_redis(deployment, log, complete=False)


def test_redis_emptied_and_restored(deployment, servers):
    """A cache that went back in time heals itself."""
    api = deployment.start_all(settings=QUICK_GROUP)
    for i in range(50):
        api.http.put(f"key {i}", "old")
    works(api, "end of old")
    history.settle(deployment)
    r = servers.redis()
    dump = {k: r.dump(k) for k in r.scan_iter("sluice:*", count=1000)}
    for i in range(50):
        api.http.put(f"key {i}", "new", prefer="wait=10")
        assert api.http.value(f"key {i}") == "new"
    history.settle(deployment)
    # As a restore from a snapshot, or a failover to a late replica of Redis.
    pipe = r.pipeline(transaction=True)
    pipe.flushall()
    for key, value in dump.items():
        pipe.restore(key, 300_000 if b"records" in key else 0, value)
    pipe.execute()
    fresh = deployment.api()
    for i in range(50):
        assert fresh.http.value(f"key {i}") == "new"
    works(api, "end of new")
    history.settle(deployment)
    history.check_redis(deployment, history.Log(deployment), complete=False)
    r.flushall()
    # No write is needed for it to be used again.
    deployment.wait_projected(30)
    history.check_redis(deployment, history.Log(deployment), complete=False)


def test_a_cluster_of_several_brokers(servers, deploy):
    """librdkafka's own mock cluster: the leaders of the partitions are different
    brokers, to which connections are made when there is something to send."""
    api = deploy(servers, partitions=4).daemon(  # what the mock cluster makes
        "api",
        {
            "kafka.bootstrap.servers": "127.0.0.1:1",
            "kafka.test.mock.num.brokers": 3,
            "listen.when": "start",
        },
    ).start(ready=False)

    def accepted():
        return api.http.put("first", "one").status == 202

    wait_until(accepted, 20, "the first write")
    # From then on no write is refused, whatever broker leads its partition.
    answers = [api.http.put(f"key {i}", "one") for i in range(100)]
    assert {a.status for a in answers} == {202}
    assert len({a.position.split("-")[0] for a in answers}) == 4
