"""The auditor of the projector: silent while all is well, and never silent when a
tier holds what it must not."""

import itertools

import pytest
from harness.crowd import Background
from harness.replica import replay_paused
from harness.servers import at_database
from harness.wait import wait_until

TIERS = ("redis", "replica", "l1")


@pytest.fixture
def audited(deployment, servers):
    """Two APIs, a writer, and a projector that looks at all of them."""
    apis = [deployment.daemon("api") for _ in range(2)]
    settings = {
        "replica.urls": at_database(servers.replica_url, deployment.name),
        "audit.rate": 1000,
        "audit.instances": ",".join(f"127.0.0.1:{a.admin.port}" for a in apis),
    }
    for daemon in [*apis, deployment.daemon("writer")]:
        daemon.start(ready=False)
    deployment.projector(settings)
    for daemon in deployment.daemons:
        daemon.wait_ready()
    return deployment


def counted(deployment, what, tier, *more):
    metrics = deployment.of("projector")[0].metrics()
    labels = ",".join([f'tier="{tier}"', *more])
    return metrics[f"sluice_projector_audit_{what}_total", labels]


def current(deployment, tier):
    return counted(deployment, "checks", tier, 'result="current"')


def violations(deployment):
    return {tier: counted(deployment, "violations", tier) for tier in TIERS}


def written(api, key, value):
    answer = api.http.put(key, value, prefer="wait=10")
    assert answer.status in (200, 201), answer
    return answer.position


@pytest.mark.seconds(240)
def test_silent_under_load(audited, servers):
    """Deletes, evictions, two instances that read, a replica that lags."""
    redis = servers.redis()
    apis = audited.of("api")
    numbers = itertools.count()
    done = []

    def work():
        n = next(numbers)
        api = apis[n % 2]
        key = f"k{n * 7 % 40}"
        if n % 5 == 0:
            answer = api.http.delete(key, prefer="wait=10")
        else:
            answer = api.http.put(key, str(n), prefer="wait=10")
        for reader in apis:
            if answer.position:
                reader.http.get(key, Sluice_Read_After=answer.position)
            reader.http.get(f"k{n * 11 % 40}")
        if n % 3 == 0:
            for entry in redis.scan_iter(f"sluice:*:records/k{n % 40}", count=1000):
                redis.delete(entry)
        done.append(n)

    def enough():
        return all(current(audited, tier) >= 25 for tier in TIERS)

    def pressed():
        """Entries are evicted: there is room for none."""
        before = redis.config_get("maxmemory")["maxmemory"]
        redis.config_set("maxmemory", 1)
        try:
            worked(150)
        finally:
            redis.config_set("maxmemory", before)

    def worked(n):
        wait_until(lambda: len(done) > n, 60, f"{n} writes")

    with Background(work, work, work):
        worked(100)
        pressed()
        with replay_paused(audited):
            worked(250)
        wait_until(enough, 120, "every tier was looked at")
    assert violations(audited) == dict.fromkeys(TIERS, 0)
    for tier in TIERS:
        assert counted(audited, "checks", tier, 'result="changed"') == 0
    assert not audited.of("projector")[0].events("audit.violation")


def found(audited, tier, key):
    projector = audited.of("projector")[0]
    wait_until(lambda: violations(audited)[tier] > 0, 30, f"found in {tier}")
    lines = [e for e in projector.events("audit.violation") if f"tier={tier}" in e]
    assert lines and all(f"records/{key}" in line for line in lines), lines
    return lines[0]


def entry_of(servers, key):
    (name,) = servers.redis().scan_iter(f"sluice:*:records/{key}", count=10000)
    return name, servers.redis().get(name)


def older(entry, kind=None):
    """The entry as it would be of an older version: generation, P or A, version."""
    entry = entry if isinstance(entry, bytes) else entry.encode()
    return entry[:16] + (kind or entry[16:17]) + b"0" * 16 + entry[33:]


@pytest.mark.parametrize("kind", [b"P", b"A"])
def test_what_somebody_wrote_into_redis(audited, servers, kind):
    """An older version, or `absent`, in the present generation; L1 takes it."""
    one, other = audited.of("api")
    written(one, "poisoned", "old")
    version = written(one, "poisoned", "new").split("-")[1]
    audited.wait_projected()
    assert one.http.value("poisoned") == "new"
    audited.wait_in_redis("poisoned")
    name, entry = entry_of(servers, "poisoned")
    servers.redis().set(name, older(entry, kind), px=60_000)
    line = found(audited, "redis", "poisoned")
    assert f"committed={version}" in line
    assert ("absent" in line) == (kind == b"A")
    assert other.http.get("poisoned").tier == "redis"
    line = found(audited, "l1", "poisoned")
    assert f"instance=127.0.0.1:{other.admin.port}" in line
    assert violations(audited)["replica"] == 0


def test_a_row_that_somebody_set_back(audited):
    (api, _) = audited.of("api")
    written(api, "back", "old")
    written(api, "back", "new")
    audited.sql("UPDATE records SET version = 0, value = 'old' WHERE key = 'back'")
    assert "found=0" in found(audited, "replica", "back")


def test_a_row_in_other_bytes_is_told_apart(audited):
    (api, _) = audited.of("api")
    written(api, "changed", "one")
    audited.sql("UPDATE records SET value = 'two' WHERE key = 'changed'")
    changed = ("checks", "replica", 'result="changed"')
    wait_until(lambda: counted(audited, *changed) > 0, 30, "it was noticed")
    assert violations(audited) == dict.fromkeys(TIERS, 0)


def test_tiers_that_are_away_are_skipped(deployment):
    deployment.writer()
    api = deployment.api()
    deployment.projector(
        {"replica.urls": "postgresql://127.0.0.1:1/x", "audit.instances": "127.0.0.1:1"}
    )
    written(api, "away", "one")
    for tier in ("replica", "l1"):
        wait_until(lambda t=tier: counted(deployment, "skipped", t) > 0, 10, tier)
    assert violations(deployment) == dict.fromkeys(TIERS, 0)


def test_off(deployment):
    deployment.writer()
    api = deployment.api()
    projector = deployment.projector({"audit.rate": 0})
    written(api, "off", "one")
    assert projector.metrics()["sluice_projector_audit_samples"] == 0
    assert violations(deployment) == dict.fromkeys(TIERS, 0)
