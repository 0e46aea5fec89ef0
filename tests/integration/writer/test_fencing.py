"""INV-3: two writers that both believe to own a partition. One is stopped for
longer than its session lasts, in each of the places where that could hurt, and
continued when another has its partitions: no write is applied twice, none is
lost, the stale one stops, and what it announces late changes no cache.

A proxy in front of Postgres decides where it is stopped."""

import json
from urllib.parse import urlsplit

import pytest
from harness import history
from harness.client import key_path
from harness.deployment import QUICK_GROUP
from harness.proxy import Proxy
from harness.servers import at_port
from harness.wait import Stopwatch, wait_until

# One connection, so that what is held is all that it says.
STALE = {**QUICK_GROUP, "connections": 1}

# `records` are dropped from the caches at a commit, `counters` are replaced.
BODIES = {"records": lambda n: {"value": f"v{n}"}, "counters": lambda n: {"count": n}}


@pytest.fixture
def proxy(servers):
    made = Proxy(servers.ports.take(), urlsplit(servers.primary_url).port)
    yield made
    made.close()


def start(deployment, proxy, **settings):
    """Two APIs, a projector, and the writer behind the proxy."""
    d = deployment
    url = at_port(d.primary_of("writer"), proxy.port)
    writer = d.daemon("writer", {**STALE, "primary.url": url, **settings})
    daemons = [d.daemon("api"), d.daemon("api"), d.daemon("projector", QUICK_GROUP), writer]
    for daemon in daemons:
        daemon.start(ready=False)
    for daemon in daemons:
        daemon.wait_ready()
    wait_until(lambda: partitions(writer) == 8, 20, "it has all partitions")
    history.audited(d)
    return writer


def partitions(writer):
    return writer.metrics()["sluice_writer_partitions"]


def pause(writer, path="/pause"):
    assert writer.admin.request("POST", path).status == 200


def take_over(deployment, deadline=30):
    """Another writer, which has got all partitions and announced their gaps."""
    other = deployment.daemon("writer", QUICK_GROUP).start(ready=False)
    with Stopwatch() as t:
        wait_until(
            lambda: other.metrics()["sluice_writer_takeovers_total"] >= 8
            and partitions(other) == 8,
            deadline,
            "another writer has all partitions",
        )
        other.wait_ready()
    print(f"taken over in {t.seconds:.1f} s")
    return other


def put(api, collection, n, prefer=None):
    headers = {"Content-Type": "application/json"}
    if prefer:
        headers["Prefer"] = prefer
    document = json.dumps(BODIES[collection](n)).encode()
    return api.http.request("PUT", key_path("k", collection), document, headers)


def get(api, collection, n, **headers):
    """Reads the key: it is the n-th."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = api.http.request("GET", key_path("k", collection), headers=named)
    assert answer.status == 200, answer
    assert BODIES[collection](n).items() <= answer.json().items(), answer
    return answer


def versions(deployment):
    """Of the key, per collection; None where it is not there."""
    found = {}
    for collection in BODIES:
        rows = deployment.sql(f"SELECT version FROM public.{collection} WHERE key = 'k'")
        found[collection] = rows[0][0] if rows else None
    return found


def announced(deployment):
    """The versions of the key in sluice.commits, in their order there."""
    found = {collection: [] for collection in BODIES}
    for m in deployment.servers.read_log(deployment.commits, deployment.partitions):
        collection, _, key = m.key().decode().partition("/")
        if key == "k":
            found[collection].append(int(dict(m.headers())["version"]))
    return found


def redis_entries(deployment):
    r = deployment.servers.redis()
    return {name: r.get(name) for name in r.scan_iter("sluice:*/k")}


def said_that_it_stops(writer):
    return len(writer.events("group.unsettled")) + len(writer.events("batch.fenced"))


def check_shared(deployment, *writers):
    """All writers are well, and have their share."""
    wait_until(
        lambda: [partitions(w) for w in writers] == [8 / len(writers)] * len(writers),
        30,
        "they share the partitions",
    )
    for writer in writers:
        writer.wait_ready()
    for n in range(20):
        # Every partition has a new mark in the end.
        answer = deployment.of("api")[0].http.put(f"end {n}", "one", prefer="wait=10")
        assert answer.status == 201, answer
    history.settle(deployment)


def check_once(deployment, key="k"):
    """Every version of the key was applied once, and in order."""
    found = [v for (v,) in deployment.sql("SELECT version FROM audit WHERE key = %s ORDER BY n", key)]
    assert found == sorted(set(found)), f"applied: {found}"
    return found


def test_stopped_between_the_commit_and_the_announcement(deployment, proxy):
    stale = start(deployment, proxy)
    first, second = deployment.of("api")
    for collection in BODIES:
        assert put(first, collection, 0, "wait=10").status == 201
        for api in (first, second):
            get(api, collection, 0)
            assert get(api, collection, 0).tier == "l1"
    before = versions(deployment)
    pause(stale)
    for collection in BODIES:
        assert put(first, collection, 1).status == 202
    wait_until(
        lambda: stale.metrics()["sluice_writer_buffered_writes"] == len(BODIES),
        10,
        "the writer has both",
    )
    proxy.hold("down")
    pause(stale, "/resume")
    wait_until(
        lambda: not versions(deployment).items() & before.items(), 10, "it is committed"
    )
    late = versions(deployment)
    wait_until(lambda: proxy.holds("down"), 10, "the answer is on its way")
    stale.sigstop()
    proxy.release()

    other = take_over(deployment)
    for collection in BODIES:
        receipt = put(second, collection, 2, "wait=10")
        assert receipt.status == 200, receipt
        for api in (first, second):
            get(api, collection, 2, Sluice_Read_After=receipt.position)
            assert get(api, collection, 2).tier == "l1"
    newest = versions(deployment)
    history.settle(deployment)
    entries, told = redis_entries(deployment), announced(deployment)
    assert entries and proxy.holds("down") == 0
    for collection in BODIES:
        assert told[collection] == [before[collection], late[collection], newest[collection]]
    stops = said_that_it_stops(stale)

    stale.sigcont()
    spoken = {c: told[c] + [late[c]] for c in BODIES}
    wait_until(lambda: announced(deployment) == spoken, 20, "it speaks late")
    wait_until(lambda: said_that_it_stops(stale) > stops, 20, "it says that it stops")
    check_shared(deployment, stale, other)
    assert redis_entries(deployment) == entries
    for collection in BODIES:
        for api in (first, second, deployment.api()):
            etag = get(api, collection, 2).header("ETag")
            assert etag == f'"{newest[collection]}"'
    # Redis starts anew at the marks that are there, the late ones among them.
    deployment.servers.redis().flushall()
    fresh = deployment.api()
    history.settle(deployment)
    for collection in BODIES:
        assert get(fresh, collection, 2).header("ETag") == f'"{newest[collection]}"'
    assert check_once(deployment) == [v["records"] for v in (before, late, newest)]


def test_stopped_with_a_batch_on_its_way(deployment, proxy):
    """The whole transaction arrives when another has applied its writes."""
    stale = start(deployment, proxy)
    first, second = deployment.of("api")
    assert put(first, "records", 0, "wait=10").status == 201
    proxy.hold("up")
    late = put(first, "records", 1)
    assert late.status == 202
    wait_until(lambda: proxy.holds("up"), 10, "the batch is on its way")
    stale.sigstop()

    other = take_over(deployment)
    get(second, "records", 1, Sluice_Read_After=late.position)
    assert put(second, "records", 2, "wait=10").status == 200
    answered = proxy.passed("down")
    proxy.release()
    wait_until(lambda: proxy.passed("down") > answered, 10, "Postgres has refused it")
    stale.sigcont()
    wait_until(lambda: stale.events("batch.fenced"), 20, "it says that it is fenced")
    wait_until(lambda: stale.events("group.unsettled"), 20, "and that it is lost")
    assert stale.metrics()["sluice_writer_batches_failed_total", 'why="fenced"'] >= 1
    check_shared(deployment, stale, other)
    assert len(check_once(deployment)) == 3
    for api in (first, second):
        get(api, "records", 2)


def test_stopped_within_its_transaction(deployment, proxy):
    """Postgres waits for the rest of it, with the partition locked: the next
    owner does not wait for ever."""
    stale = start(deployment, proxy, **{"batch.bytes": "32MiB", "batch.linger": "500ms"})
    first, second = deployment.of("api")
    proxy.hold("up", after=200_000)
    large = "x" * 900_000
    for n in range(3):
        assert first.http.put("large", f"{n} {large}").status == 202
    wait_until(lambda: proxy.holds("up"), 10, "half of the batch is there")

    def is_locked():
        return deployment.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND"
            " wait_event = 'ClientRead' AND backend_xid IS NOT NULL",
            deployment.name,
        ) == [(1,)]

    wait_until(is_locked, 10, "it holds its locks")
    stale.sigstop()
    other = take_over(deployment)
    assert other.events("session.ended")
    receipt = first.http.put("large", "new", prefer="wait=10")
    assert receipt.status in (200, 201), receipt
    stops = said_that_it_stops(stale)
    stale.sigcont()
    proxy.release()
    wait_until(lambda: said_that_it_stops(stale) > stops, 20, "it says that it stops")
    check_shared(deployment, stale, other)
    check_once(deployment, "large")
    for api in (first, second):
        assert api.http.value("large", Sluice_Read_After=receipt.position) == "new"
