"""Each store, each way to be bad, by a proxy: what a read is answered, how soon,
what the answer says of it, and that it is as before afterwards."""

import statistics

import pytest
from harness.servers import at_database, at_port
from harness.wait import Stopwatch, wait_until

TIMEOUTS = {"redis.timeout": "100ms", "postgres.timeout": "400ms", "read.timeout": "2s"}


@pytest.fixture(scope="module")
def api(servers, module_deployment, proxies):
    """An API behind the proxies; the writer and the projector are not."""
    d = module_deployment
    direct = d.start_all()
    settings = {
        **TIMEOUTS,
        "redis.url": at_port(servers.redis_url, proxies["redis"].port),
        "replica.urls": at_port(
            at_database(servers.replica_url, d.name), proxies["replica"].port
        ),
        "primary.url": at_port(
            at_database(servers.primary_url, d.name), proxies["primary"].port
        ),
    }
    behind = d.api(settings)
    behind.direct = direct
    return behind


def health(api):
    return api.http.request("GET", "/health").json()


@pytest.fixture(autouse=True)
def as_before(api, module_deployment):
    yield
    wait_until(
        lambda: health(api)["status"] == "healthy", 20, "it is healthy afterwards"
    )

    def from_the_replica():
        as_before.count = getattr(as_before, "count", 0) + 1
        answer = api.http.get(f"afterwards {as_before.count}")
        return answer.cache == "sluice; fwd=miss; detail=replica"

    wait_until(from_the_replica, 20, "reads come from the replica again")
    for daemon in module_deployment.daemons:
        daemon.check_alive()
        daemon.check_log()


def costs_no_time(api, key, said, status=404):
    """The dead tier is not asked any more."""
    times = []
    for i in range(20):
        with Stopwatch() as t:
            answer = api.http.get(f"{key} costs no time {i}")
        assert (answer.status, said in answer.cache) == (status, True), answer
        times.append(t.seconds)
    assert statistics.median(times) < 0.05, times


def down(api, tier):
    """The request threads that do not ask it."""
    return api.metrics()["sluice_tier_down", f'tier="{tier}"']


LOCKED = (
    "SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock'"
    " AND relation = 'public.records'::regclass"
)
FAULTS = ["refuse", "blackhole", 0.7]


@pytest.mark.parametrize("fault", FAULTS)
def test_redis(api, proxies, fault):
    with proxies["redis"].fault(fault):
        with Stopwatch() as t:
            answer = api.http.get(f"redis {fault}")
        assert (answer.status, answer.tier) == (404, "replica"), answer
        assert "redis; detail=down" in answer.cache
        assert t.seconds < 1
        wait_until(lambda: health(api)["cache"] == "unavailable", 10, "it is said")
        # A Redis that has not answered often enough costs no time any more.
        for i in range(20):
            assert api.http.get(f"redis {fault} {i}").status == 404
        costs_no_time(api, f"redis {fault}", "redis; detail=down")
        assert health(api)["status"] == "degraded"


def test_a_slow_redis_is_waited_for(module_deployment, api, proxies):
    api.direct.http.get("slow redis")
    module_deployment.wait_in_redis("slow redis")
    with proxies["redis"].fault(0.02):
        answer = api.http.get("slow redis")
        assert (answer.status, answer.tier) == (404, "redis"), answer


@pytest.mark.parametrize("fault", FAULTS)
def test_replica(api, proxies, fault):
    with proxies["replica"].fault(fault):
        with Stopwatch() as t:
            answer = api.http.get(f"replica {fault}")
        assert (answer.status, answer.tier) == (404, "primary"), answer
        assert "replica; detail=down" in answer.cache
        assert t.seconds < 2
        wait_until(lambda: down(api, "replica") == 2, 10, "no thread asks it")
        assert health(api)["replica"] == "unavailable"
        assert health(api)["status"] == "degraded"
        assert health(api)["database"] == "healthy"
        costs_no_time(api, f"replica {fault}", "replica; detail=down")
    wait_until(lambda: down(api, "replica") == 0, 10, "it is asked again")


@pytest.mark.parametrize("name", ["replica", "primary"])
def test_an_idle_instance_notices_a_black_hole(api, proxies, name):
    """By probes of its own: no request has to."""
    before = api.metrics()["sluice_postgres_keys_total"]
    assert down(api, name) == 0
    with proxies[name].fault("blackhole"):
        wait_until(lambda: down(api, name) == 2, 10, "no thread asks it")
        assert health(api)[name] == "unavailable"
    wait_until(lambda: down(api, name) == 0, 10, "it is asked again")
    assert api.metrics()["sluice_postgres_keys_total"] == before


def test_a_server_that_takes_connections_and_answers_no_read(api, module_deployment):
    """A lock, on the replica too. The breakers open, and no request has to try
    whether the server is back: its connections are there all the time."""
    d = module_deployment
    with d.servers.postgres(d.name) as session, session.transaction():
        # The probes read some collection.
        tables = d.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in tables:
            session.execute(f"LOCK TABLE public.{table} IN ACCESS EXCLUSIVE MODE")
        # A commit takes the lock's record to the replica with it.
        d.sql("SELECT pg_logical_emit_message(true, 'tests', 'locked')")
        wait_until(lambda: d.sql(LOCKED, replica=True), 10, "it is locked there, too")
        with Stopwatch() as t:
            answer = api.http.get("locked")
        assert (answer.status, answer.problem) == (503, "store-unavailable"), answer
        assert t.seconds < 3
        for name in ("replica", "primary"):
            wait_until(lambda name=name: down(api, name) == 2, 10, f"{name} is open")
        costs_no_time(api, "locked", "primary; detail=down", 503)
        assert health(api)["breakers"]["primary"] != "closed"
        assert health(api)["status"] == "unhealthy"
    for name in ("replica", "primary"):
        wait_until(lambda name=name: down(api, name) == 0, 10, f"{name} is asked again")
    assert set(health(api)["breakers"].values()) == {"closed"}
    assert api.http.get("locked").status == 404


@pytest.mark.parametrize("fault", FAULTS)
def test_primary(api, proxies, fault):
    """Reads go on, and so do writes: the writer has its own connection."""
    with proxies["primary"].fault(fault):
        with Stopwatch() as t:
            answer = api.http.get(f"primary {fault}")
        assert (answer.status, answer.tier) == (404, "replica"), answer
        assert t.seconds < 1
        written = api.http.put(f"primary {fault}", "one", prefer="wait=10")
        assert written.status == 201, written
        wait_until(
            lambda: api.http.value(f"primary {fault}") == "one", 10, "the replica has it"
        )


@pytest.mark.parametrize("fault", FAULTS)
def test_both_databases(api, proxies, fault):
    """What is cached is still served; for the rest it says 503, in time."""
    key = f"both {fault}"
    api.http.put(key, "one", prefer="wait=10")
    wait_until(lambda: api.http.value(key) == "one", 10, "it is there")
    assert api.http.get(key).tier == "l1"
    with proxies["replica"].fault(fault), proxies["primary"].fault(fault):
        with Stopwatch() as t:
            answer = api.http.get(f"{key}, uncached")
        assert (answer.status, answer.problem) == (503, "store-unavailable"), answer
        assert answer.header("Retry-After")
        assert t.seconds < 4
        for word in ("127.0.0.1", "connection", "server", "timeout expired", "libpq"):
            assert word not in answer.body.decode(), "no driver's text"
        assert api.http.value(key) == "one"
        assert api.http.read(key).json()["cache_level"] == "L1"

        def unhealthy():
            answer = api.http.request("GET", "/health")
            return answer.status == 503 and answer.json()["status"] == "unhealthy"

        wait_until(unhealthy, 10, "/health says unhealthy")
        costs_no_time(api, f"{key}, uncached", "primary; detail=down", 503)
        assert api.http.read(f"{key}, uncached 2").status == 503


def test_failed_reads_are_counted(api, proxies):
    before = api.metrics()["sluice_reads_failed_total"]
    with proxies["replica"].fault("refuse"), proxies["primary"].fault("refuse"):
        assert api.http.get("failed").status == 503
    assert api.metrics()["sluice_reads_failed_total"] == before + 1


@pytest.mark.parametrize("name", ["redis", "replica", "primary"])
def test_connections_that_died_idle_are_not_noticed_by_a_client(api, proxies, name):
    """All of a server's are reset at once, as by its restart."""
    for n in range(5):
        proxies[name].reset()
        for i in range(10):
            assert api.http.get(f"reset {name} {n} {i}").status == 404
