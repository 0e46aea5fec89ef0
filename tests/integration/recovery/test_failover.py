"""A failover that loses commits: the standby is asynchronous and behind when
the primary dies, and it is promoted. No step but the promotion: the writer and
the APIs have both hosts in their URLs. The log still has what the standby never
got, so in the end every acknowledged write is there, under its old version, and
no cache that had heard of the lost commits was ever wrong."""

import collections
import json
from urllib.parse import urlsplit

import pytest
from harness import history
from harness.crowd import Background, in_threads
from harness.deployment import QUICK_GROUP
from harness.proxy import Proxy
from harness.replica import replica_caught_up
from harness.wait import Stopwatch, wait_until


@pytest.fixture
def deployment(pair, deploy):
    return deploy(pair.on())


class Readers:
    """Reads every key from every API, again and again; none may go back in
    time. `failed`: the keys that could not be read at some moment."""

    def __init__(self, apis, keys):
        self.apis = apis
        self.keys = keys
        self.seen = collections.defaultdict(list)  # (api, key) -> versions
        self.failed = set()
        self.rounds = 0

    def all_once(self, **headers):
        def read(pair):
            api, key = pair
            answer = api.http.get(key, **headers)
            if answer.status == 503:
                self.failed.add(key)
                return
            assert answer.status in (200, 404), answer
            version = int(answer.header("ETag").strip('"')) if answer.status == 200 else None
            self.seen[api.name, key].append(version)

        in_threads(4, [(api, key) for api in self.apis for key in self.keys], read)
        self.rounds += 1

    def check(self, log):
        """Every sequence of answers is one of the log's, in its order."""
        deletes = collections.defaultdict(list)
        for (_, offset), (key, value) in sorted(log.records.items()):
            if value is None:
                deletes[key].append(offset)
        for (api, key), versions in self.seen.items():
            at = -1
            for version in versions:
                if version is None and at >= 0:
                    version = min(
                        (d for d in deletes[key] if d >= at), default=None
                    )
                    assert version is not None, f"{api} {key}: gone after {at}"
                elif version is None:
                    continue
                assert version >= at, f"{api} {key}: {version} after {at}"
                at = version


def check_versions(deployment):
    """One version is one document, whoever announced it, and how often."""
    documents = {}
    for m in deployment.servers.read_log(deployment.commits, deployment.partitions):
        if m.key() != b"_mark" and m.value() is not None:
            version = int(dict(m.headers())["version"])
            first = documents.setdefault((m.key(), version), m.value())
            assert first == m.value(), f"{m.key()} {version}: {first} and {m.value()}"


@pytest.mark.parametrize("when", ["idle", "under load"])
def test_a_failover_that_loses_commits(deployment, pair, when):
    deployment.start_all(apis=2, settings=QUICK_GROUP)
    apis, (writer,) = deployment.of("api"), deployment.of("writer")
    history.audited(deployment)
    clients = [api.http for api in apis]
    load = history.Load(clients, total=600, keys=100, seed=1, deletes=0.1).start()
    load.join(60)
    history.settle(deployment)
    had = deployment.progress()
    replica_caught_up(deployment)

    pair.cut()
    lost = history.Load(clients, total=600, keys=100, seed=2, deletes=0.1).start()
    lost.join(60)
    history.settle(deployment)
    assert all(new > old for new, old in zip(deployment.progress(), had))
    # Every API has heard of all commits, and holds every key.
    heard = ", ".join(f"{p}-{end - 1}" for p, end in enumerate(deployment.ends()))
    readers = Readers(apis, load.keys)
    readers.all_once(Sluice_Read_After=heard)

    more = history.Load(clients, total=400, keys=100, seed=3, threads=4, pause=0.02)
    with Background(readers.all_once), Stopwatch() as t:
        if when == "under load":
            more.start()
        pair.fail_over()
        rounds = readers.rounds
        if when == "under load":
            more.join(60)
        history.settle(deployment)
        wait_until(lambda: readers.rounds > rounds + 1, 30, "reads go on")
    print(f"after {t.seconds:.1f} s, {readers.rounds} rounds of reads")
    # What was committed just before the primary died, and read by nobody since,
    # is known to be somewhere, and nowhere to be had for a moment.
    assert readers.failed <= {attempt.key for attempt in more.attempts}
    for part in (lost, more):
        load.attempts += part.attempts
    history.check_everything(deployment, load, apis)
    readers.all_once()
    readers.check(history.Log(deployment))
    check_versions(deployment)
    assert writer.events("postgres.went_back")
    for daemon in deployment.daemons:
        daemon.wait_ready()


def post(api, idempotency, **more):
    headers = {"Content-Type": "application/json", "Idempotency-Key": idempotency}
    headers |= {name.replace("_", "-"): value for name, value in more.items()}
    document = {"title": idempotency, "content": "c", "author": "a"}
    return api.http.request("POST", "/v1/posts", json.dumps(document).encode(), headers)


def test_a_retry_keeps_its_first_one(deployment, pair):
    """Each POST is retried on the other instance, and twenty race for one key, while
    the standby gets nothing. What each was told is what the log makes again."""
    deployment.start_all(apis=2, settings=QUICK_GROUP)
    apis = deployment.of("api")
    replica_caught_up(deployment)
    pair.cut()
    told = {}
    for n in range(12):
        first, again = (post(apis[(n + i) % 2], f"retry-{n}") for i in range(2))
        assert (first.status, again.status) == (201, 201), (first, again)
        assert again.header("Idempotency-Replayed") == "true", again
        assert again.json() == first.json(), again
        told[f"retry-{n}"] = first.json()["key"]
    answers = in_threads(20, [(apis[n % 2], "race") for n in range(20)], lambda a: post(*a))
    assert {a.status for a in answers} == {201}, answers
    (told["race"],) = {a.json()["key"] for a in answers}

    pair.fail_over()
    history.settle(deployment)
    rows = {title: str(key) for key, title in deployment.sql("SELECT id, title FROM posts")}
    assert rows == told
    for api in apis:
        for title, key in told.items():
            again = post(api, title, Prefer="wait=10")
            assert (again.status, again.json()["key"]) == (201, key), again
            path = f"/v1/posts/{key}"
            for how in ({}, {"Cache-Control": "no-cache"}):
                read = api.http.request("GET", path, None, how)
                assert (read.status, read.json()["title"]) == (200, title), read


def step(api, method, body, kind="application/json"):
    headers = {"Content-Type": kind, "Prefer": "wait=10"}
    return api.http.request(method, f"/v1/samples/{SAMPLE}", json.dumps(body).encode(), headers)


SAMPLE = "018f2b2e-0000-7000-8000-000000000000"
INCREMENT = "application/vnd.sluice.increment+json"


def what_became_of(api, write):
    """It is 503 until the API has found the new primary."""

    def answer():
        told = api.http.request("GET", f"/v1/_writes/{write.position}")
        return told if told.status != 503 else None

    return wait_until(answer, 20, "the write's state is told")


def test_a_refused_write_stays_refused(deployment, pair):
    """An increment that a bound forbids, then one that it allows: two batches at first,
    and one when the log is applied again."""
    deployment.start_all(apis=2, settings=QUICK_GROUP)
    apis = deployment.of("api")
    assert step(apis[0], "PUT", {"text": "x", "whole": -5}).status == 201
    replica_caught_up(deployment)
    pair.proxy.set("blackhole")
    refused = step(apis[0], "PATCH", {"whole": -1}, INCREMENT)
    assert (refused.status, refused.problem) == (409, "constraint-violation"), refused
    taken = step(apis[1], "PATCH", {"whole": 1}, INCREMENT)
    assert taken.status == 200, taken

    pair.fail_over()
    history.settle(deployment)
    rows = deployment.sql("SELECT whole FROM samples")
    assert rows == [(-4,)]
    for api in apis:
        told = [what_became_of(api, w) for w in (refused, taken)]
        assert [t.json()["state"] for t in told] == ["rejected", "committed"], told
        assert told[0].json()["constraint"] == "samples_whole_minimum"
        for how in ({}, {"Cache-Control": "no-cache"}):
            read = api.http.request("GET", f"/v1/samples/{SAMPLE}", None, how)
            assert read.json()["whole"] == -4, read
            assert read.header("ETag") == taken.header("ETag"), read


def test_a_host_that_takes_and_says_nothing(servers, deploy):
    """The first host of the URL is gone without a word (its machine, or the network in
    front of it): the next one is tried, though libpq would wait for the first."""
    at = urlsplit(servers.primary_url)
    gone = Proxy(servers.ports.take(), at.port)
    gone.set("blackhole")
    here = f"{at.hostname}:{at.port}"
    both = servers.primary_url.replace(here, f"{at.hostname}:{gone.port},{here}")
    try:
        d = deploy(servers.on_postgres(primary=both, replica=both))  # no standby: away
        api = d.start_all()
        assert api.http.put("a", "1", "wait=10").status == 201
        assert api.http.get("b").status == 404
        # On a connection of its own, that has not the time to find out.
        all_of_it = {"Accept": "application/x-ndjson"}
        answer = api.http.request("GET", "/v1/records", headers=all_of_it)
        assert answer.status == 200, answer
    finally:
        gone.close()
