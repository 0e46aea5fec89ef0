"""Records in Kafka that Sluice did not write: whatever they say, every daemon
goes on, also after a restart, says so, and what is committed later is served."""

import pytest
from harness.feed import Feed
from harness.forge import Forger
from harness.wait import wait_until

LAST = 2**63 - 1


@pytest.fixture(scope="module")
def running(servers, module_deploy):
    d = module_deploy(servers)
    daemons = [d.daemon("api", {"health.stalled": "1s"}) for _ in range(2)]
    daemons += [d.daemon("writer"), d.daemon("projector")]
    for daemon in daemons:
        daemon.start(ready=False)
    for daemon in daemons:
        daemon.wait_ready()
    return d


@pytest.fixture
def deployment(running):
    yield running
    for daemon in running.daemons:
        daemon.check_alive()
        daemon.check_log()


@pytest.fixture
def forger(deployment):
    return Forger(deployment)


def place_of(deployment, key):
    """Writes the key; where it lives, and the version."""
    answer = deployment.of("api")[0].http.put(key, "before", prefer="wait=20")
    assert answer.status in (200, 201), answer
    partition, version = map(int, answer.position.split("-"))
    return partition, version


def serves(deployment, key, value):
    """Everybody, from the caches and past them."""
    for api in deployment.of("api"):
        for headers in {}, {"Cache-Control": "no-cache"}, {}:
            answer = api.http.request("GET", f"/v1/records/{key}", headers=headers)
            assert answer.status == 200, answer
            assert answer.json()["value"] == value


def goes_on(deployment, key, value):
    """A later commit of the key is committed, and is what everybody serves."""
    first, second = deployment.of("api")
    answer = first.http.put(key, value, prefer="wait=20")
    assert answer.status == 200, answer
    after = {"Sluice-Read-After": answer.position}
    heard = second.http.request("GET", f"/v1/records/{key}", headers=after)
    assert heard.status == 200 and heard.json()["value"] == value, heard
    serves(deployment, key, value)
    deployment.wait_projected()


def told(deployment, count):
    """The tails and the projector have passed over so many more."""
    names = {"api": "sluice_tail_malformed_total", "projector": "sluice_projector_malformed_total"}
    daemons = [(d, names[d.kind]) for d in deployment.daemons if d.kind in names]
    before = [d.metrics()[name] for d, name in daemons]

    def all_have():
        return all(d.metrics()[name] - b >= count for (d, name), b in zip(daemons, before))

    return lambda: wait_until(all_have, 20, "everybody has passed it over")


def test_versions_and_marks_that_cannot_be(deployment, forger):
    """The last version there is, marks up to it, or that end before they begin:
    passed over by everybody, live and after a restart."""
    partition, version = place_of(deployment, "lat8")
    feed = Feed(deployment.of("api")[0].http.port)
    seen = told(deployment, 6)
    forger.commit(partition, "records/lat8", LAST)
    forger.commit(partition, "records/lat8", version, created=str(LAST))
    forger.mark(partition, 0, LAST)
    forger.mark(partition, version + 2, version + 1)
    forger.mark(partition, version, version + 1, after=LAST)
    forger.mark(partition, version, version + 1, rejected=[{"version": str(LAST), "reason": "x"}])
    seen()
    goes_on(deployment, "lat8", "live")
    wait_until(lambda: feed.events and feed.events[-1].document, 20, "the feed tells it")
    assert [e.document["value"] for e in feed.events] == ["live"]
    feed.close()
    for kind, tag in ("api", "tail.malformed"), ("projector", "commit.malformed"):
        for daemon in deployment.of(kind):
            assert any(f"partition={partition} " in line for line in daemon.events(tag))
    for kind in "api", "projector", "writer":
        for daemon in deployment.of(kind):
            daemon.restart()
    serves(deployment, "lat8", "live")
    goes_on(deployment, "lat8", "restarted")


def test_a_write_in_the_wrong_partition(deployment, forger):
    """It is rejected, wherever its version stands; what was acknowledged for its
    key is applied, as ever. Neither its producer's number nor its idempotency
    key counts there."""
    partition, version = place_of(deployment, "lat0")
    wrong = (partition + 3) % deployment.partitions
    # Beyond every version of the key's own partition.
    end = deployment.ends()
    for _ in range(max(end) + 3 - end[wrong]):
        forger.write(wrong, "nowhere/x", {})
    offset = forger.write(
        wrong,
        "records/lat0",
        {"value": "foreign"},
        instance="e" * 16,
        idempotency_key="retried",
        fingerprint="0" * 16,
    )
    assert offset > version
    status = f"/v1/_writes/{wrong}-{offset}"
    http = deployment.of("api")[0].http
    wait_until(
        lambda: http.request("GET", status).json().get("state") == "rejected",
        20,
        "it is rejected",
    )
    serves(deployment, "lat0", "before")
    goes_on(deployment, "lat0", "own")
    (rejected,) = deployment.sql(
        "SELECT reason, op, detail FROM sluice.rejections WHERE partition = %s AND version = %s",
        wrong,
        offset,
    )
    assert rejected == ("malformed", "unknown", "its key belongs to another partition")
    assert deployment.sql("SELECT 1 FROM sluice.idempotency WHERE key = 'retried'") == []
    assert deployment.sql("SELECT 1 FROM sluice.producers WHERE instance = %s", "e" * 16) == []
    (writer,) = deployment.of("writer")
    assert writer.metrics()["sluice_writer_malformed_total"] > 0
    assert writer.events("write.malformed")


def test_a_commit_in_the_wrong_partition(deployment, forger):
    """No cache holds it, no floor is raised by it."""
    partition, version = place_of(deployment, "lat1")
    wrong = (partition + 1) % deployment.partitions
    serves(deployment, "lat1", "before")
    seen = told(deployment, 1)
    forger.commit(wrong, "records/lat1", version + 1)
    seen()
    serves(deployment, "lat1", "before")
    goes_on(deployment, "lat1", "after")


def reject(writer, position):
    return writer.admin.request("POST", f"/positions/{position}/reject")


def test_a_write_of_a_shape_that_will_never_be(deployment, forger):
    """It holds its partition, which is seen, and says the way out; an operator
    takes it, and another writer carries it out."""
    partition, _ = place_of(deployment, "lat2")
    (writer,), (api, _) = deployment.of("writer"), deployment.of("api")
    offset = forger.write(partition, "records/lat2", {"value": "newer"}, shape="f" * 16)
    position = f"{partition}-{offset}"
    way_out = f"POST /positions/{position}/reject"

    def told():
        status, why = writer.readiness()
        return status == 503 and way_out in why and '"records/lat2"' in why

    wait_until(told, 20, "the writer says what holds it")
    assert api.http.put("lat2", "behind it").status == 202
    assert any(position in line and "lat2" in line for line in writer.events("write.newer"))
    assert writer.metrics()["sluice_writer_lag_seconds"] > 0

    def degraded():
        health = api.http.request("GET", "/health").json()
        why = f"partition {partition} has had no commit for"
        return health["status"] == "degraded" and any(why in r for r in health["reasons"])

    wait_until(degraded, 20, "everybody is told")
    assert api.metrics()["sluice_stalled_partition"] == partition
    assert api.metrics()["sluice_stalled_seconds"] >= 1
    # Decided, not there, of nobody.
    assert reject(writer, f"{partition}-{offset - 1}").status == 409
    assert reject(writer, f"{partition}-{offset + 1000}").status == 404
    assert reject(writer, f"9999-{offset}").status == 409
    assert reject(writer, "x-1").status == 404
    answer = reject(writer, position)
    assert answer.status == 202 and answer.json() == {"position": position, "state": "ordered"}
    status = f"/v1/_writes/{position}"
    wait_until(
        lambda: api.http.request("GET", status).json().get("state") == "rejected", 20, "rejected"
    )
    assert api.http.request("GET", status).json()["reason"] == "rejected-by-operator"
    answer = reject(writer, position)
    assert answer.status == 200 and answer.json()["state"] == "rejected", answer
    goes_on(deployment, "lat2", "after")
    assert deployment.sql("SELECT * FROM sluice.orders") == []
    assert writer.readiness()[0] == 200

    def healthy():
        health = api.http.request("GET", "/health").json()
        return health["status"] == "healthy" and health["reasons"] == []

    wait_until(healthy, 20, "all is well")
    rejected = "SELECT reason, op FROM sluice.rejections WHERE partition = %s AND version = %s"
    assert deployment.sql(rejected, partition, offset) == [("rejected-by-operator", "put")]


def test_an_order_outlives_its_writer(deployment, forger):
    """A trigger is broken: Postgres says so for ever, and is right to be asked
    again. The order is given, the writer dies, the next one carries it out."""
    partition, _ = place_of(deployment, "lat3")
    (writer,), (api, _) = deployment.of("writer"), deployment.of("api")
    deployment.sql(
        "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM 1 FROM nothing_there; RETURN NEW; END $$;"
        " CREATE TRIGGER broken BEFORE INSERT OR UPDATE ON records FOR EACH ROW"
        " WHEN (NEW.value = 'poison') EXECUTE FUNCTION broken()"
    )
    receipt = api.http.put("lat3", "poison")
    assert receipt.status == 202, receipt
    wait_until(lambda: receipt.position in writer.readiness()[1], 20, "it names the write")
    deployment.sql(
        "INSERT INTO sluice.orders (partition, version) VALUES (%s, %s)",
        *map(int, receipt.position.split("-")),
    )
    writer.stop()
    writer.start(ready=False)
    status = f"/v1/_writes/{receipt.position}"
    wait_until(
        lambda: api.http.request("GET", status).json().get("state") == "rejected", 60, "rejected"
    )
    deployment.sql("DROP FUNCTION broken CASCADE")
    goes_on(deployment, "lat3", "after")
    assert deployment.sql("SELECT * FROM sluice.orders") == []


AHEAD = {"api": "sluice_tail_ahead_total", "projector": "sluice_projector_ahead_total"}


def found(deployment):
    """The tails and the projector have started a partition anew since, once each."""
    daemons = [(d, AHEAD[d.kind]) for d in deployment.daemons if d.kind in AHEAD]
    before = [d.metrics()[name] for d, name in daemons]

    def all_have():
        return [d.metrics()[name] for d, name in daemons] == [b + 1 for b in before]

    def wait():
        wait_until(all_have, 20, "everybody is ahead of the log, and starts anew")
        apis = deployment.of("api")
        wait_until(lambda: all(a.readiness()[0] == 200 for a in apis), 20, "both follow")

    return wait


@pytest.mark.parametrize("key, beyond", [("lat5", 50), ("lat6", 2**47)])
def test_a_mark_beyond_the_log(deployment, forger, key, beyond):
    """It says that every later commit was heard. A little beyond the end it is
    believed, and found out later. Far beyond the end it is passed over, unless it is
    read before the end is known."""
    partition, version = place_of(deployment, key)
    serves(deployment, key, "before")
    feed = Feed(deployment.of("api")[0].http.port)
    wait = told(deployment, 1) if beyond > 10**6 else found(deployment)
    forger.mark(partition, 0, deployment.ends()[partition] + beyond)
    wait()
    goes_on(deployment, key, "live")
    # The mark leaves a hole; and when it has turned out to be forged, that is told.
    resets = 1 if beyond > 10**6 else 2
    wait_until(
        lambda: [e.kind for e in feed.events].count("reset") >= resets, 20, "the feed says so"
    )
    goes_on(deployment, key, "told")

    def feed_tells():
        told = [e.document["value"] for e in feed.events if e.kind == "put"]
        assert told[-1:] == ["told"], (feed.events, feed.ended)
        return True

    wait_until(feed_tells, 20, "the feed goes on")
    feed.close()
    for daemon in deployment.daemons:
        daemon.restart()
    serves(deployment, key, "told")
    (writer,) = deployment.of("writer")
    assert writer.events("takeover.mark_beyond")  # one line a second
    goes_on(deployment, key, "restarted")


def test_a_commit_beyond_the_log(deployment, forger):
    """A version far beyond the end is passed over, one a little beyond it is found."""
    partition, version = place_of(deployment, "lat7")
    serves(deployment, "lat7", "before")
    seen = told(deployment, 1)
    forger.commit(partition, "records/lat7", 2**40)
    seen()
    goes_on(deployment, "lat7", "live")
    wait = found(deployment)
    forger.commit(partition, "records/lat7", deployment.ends()[partition] + 50)
    wait()
    goes_on(deployment, "lat7", "later")
    for api in deployment.of("api"):
        api.restart()
    goes_on(deployment, "lat7", "restarted")


GARBAGE = {
    "watermark": [lambda r, k: r.hset(k, "a", "b"), lambda r, k: r.set(k, "f" * 32)],
    "floors": [lambda r, k: r.set(k, "x"), lambda r, k: r.hset(k, "base", "x")],
    "cursor": [lambda r, k: r.rpush(k, "x")],
    "warmed": [lambda r, k: r.sadd(k, "x")],
}


@pytest.mark.parametrize("how", ["idle", "written", "restarted"])
def test_what_redis_says_of_a_partition_is_not_of_sluice(deployment, how):
    """Keys of another type or form: they are deleted, and the partition is started
    anew and served from Redis, whether anybody writes or not."""
    partition, _ = place_of(deployment, "lat4")
    deployment.wait_projected()
    redis = deployment.servers.redis()
    (projector,), (api, _) = deployment.of("projector"), deployment.of("api")
    name = f"sluice:{{{partition}}}:"
    for kind, forge in ((k, f) for k, forges in GARBAGE.items() for f in forges):
        generation = redis.get(name + "watermark")[16:32]
        if how == "restarted":
            projector.stop()
        before = 0 if how == "restarted" else projector.metrics()["sluice_projector_discarded_total"]
        redis.delete(name + kind)
        forge(redis, name + kind)
        assert api.admin.request("DELETE", "/cache/records").json()["redis"] == "purged"
        assert api.http.get("lat4").status == 200
        if how == "restarted":
            projector.start()
        if how == "written":
            goes_on(deployment, "lat4", f"{kind} {forge.__code__.co_firstlineno}")
        wait_until(
            lambda b=before: projector.metrics()["sluice_projector_discarded_total"] == b + 1,
            20,
            f"{kind} is discarded",
        )
        deployment.wait_projected()
        assert redis.get(name + "watermark")[16:32] > generation
        api.http.request("GET", "/v1/records/lat4", headers={"Cache-Control": "no-cache"})
        deployment.wait_in_redis("lat4")
        assert redis.type(name + "floors") == b"hash"
    assert any(f"partition={partition}" in line for line in projector.events("redis.discarded"))
    goes_on(deployment, "lat4", how)
