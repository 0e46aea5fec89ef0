"""Each part of the cluster is killed, and cut off the network, under load: the
record of every request is held against the log (harness/consistency.py), and at
rest all tiers hold what the log says.

While one part is away, writes are accepted: one broker of three, one api of two,
Redis, the replica, and the primary, whose buffer the log is.
"""

import collections
import json
import os
import random

import pytest
from harness import consistency
from harness.client import Client, key_path
from harness.consistency import DECIDED, Model
from harness.crowd import Background
from harness.history import settle
from harness.sessions import Instance, Session
from harness.wait import Stopwatch, wait_until
from stack import traceparent
from test_consistency import KEYS, check_rest

SESSIONS = 6
# The writes that are accepted and the reads that are answered in each stretch of a
# run, at least. While a part is away many of either wait for their time.
ENOUGH = (30, 150)
AWAY = (15, 15)
SEED = int(os.environ.get("SLUICE_TEST_SEED", random.randrange(2**32)))

PARTS = (
    "writer-1",
    "projector-1",
    "api-1",
    "kafka-2",
    "redis",
    "replica",
    "primary",
)


@pytest.fixture(scope="module")
def begun(stack):
    """The instances, and the partition of every key, which is there."""
    print(f"SLUICE_TEST_SEED={SEED}")
    stack.empty()
    instances = [Instance(n, d) for n, d in enumerate(stack.of("api"))]
    partitions = {}
    for key in KEYS:
        collection, name = key.split("/")
        body = {"value": "first"} if collection == "records" else {"count": 0}
        headers = {"Content-Type": "application/json", "traceparent": traceparent()}
        http, path = instances[0].daemon.http, key_path(name, collection)

        def accepted(request=("PUT", path, json.dumps(body), headers), http=http):
            answer = http.request(*request)
            assert answer.status == 202, answer
            return answer

        # The topics are new: not every partition has a leader yet.
        answer = wait_until(accepted, 60, f"{key} is accepted")
        partitions[key] = int(answer.position.split("-")[0])
    return instances, partitions


class Run:
    """Sessions on both instances; what they have recorded."""

    def __init__(self, begun, seed):
        self.instances, partitions = begun
        self.sessions = [
            Session(n, self.instances, KEYS, partitions, seed) for n in range(SESSIONS)
        ]

    @property
    def writes(self):
        return [w for s in self.sessions for w in list(s.writes)]

    @property
    def reads(self):
        return [r for s in self.sessions for r in list(s.reads)]

    def accepted(self):
        return sum(w.status in DECIDED | {202} for w in self.writes)

    def answered(self):
        return sum(r.status in (200, 404) for r in self.reads)

    def stretch(self, load, enough, deadline, why):
        """Waits for so many more: (accepted writes, answered reads)."""
        writes, reads = enough[0] + self.accepted(), enough[1] + self.answered()
        wait_until(
            lambda: load.errors or (self.accepted() >= writes and self.answered() >= reads),
            deadline,
            why,
        )

    def summary(self):
        count = collections.Counter
        print(f"writes {dict(count(w.status for w in self.writes))}", end=" ")
        print(f"reads {dict(count(r.status for r in self.reads))}", end=" ")
        print(f"tiers {dict(count(r.tier for r in self.reads if r.status == 200))}")

    def check(self, stack):
        log = stack.servers.read_log(stack.writes, stack.partitions)
        model = Model(m for m in log if m.key().decode() in KEYS)
        violations = consistency.check(model, self.writes, self.reads)
        assert not violations, "\n".join(violations[:20])
        check_rest(stack, model, self.instances)


def new_life(run, service):
    """An api that is killed forgets what it has heard of."""
    for instance in run.instances:
        if instance.daemon.name == service:
            instance.incarnation += 1


@pytest.mark.seconds(400)
@pytest.mark.parametrize("how", ["killed", "cut"])
@pytest.mark.parametrize("service", PARTS)
def test_nothing_is_lost(stack, begun, service, how):
    run = Run(begun, SEED + 2 * PARTS.index(service) + (how == "cut"))
    with Background(*(s.step for s in run.sessions)) as load:
        run.stretch(load, ENOUGH, 60, "requests before")
        if how == "killed":
            new_life(run, service)
        with Stopwatch() as away, stack.without(service, how) as part:
            run.stretch(load, AWAY, 90, f"requests while {service} is {how}")
        with Stopwatch() as back:
            part.wait_healthy()
            run.stretch(load, ENOUGH, 60, "requests afterwards")
    settle(stack, 90)
    print(f"{service} {how}: away {away.seconds:.1f} s, well after {back.seconds:.1f} s")
    run.summary()
    run.check(stack)


@pytest.mark.seconds(300)
def test_the_proxy_leads_round_an_api_that_is_away(stack):
    proxy = Client(int(os.environ["SLUICE_TEST_PROXY_PORT"]), timeout=15)
    assert proxy.put("by proxy", "one", prefer="wait=10").status in (200, 201)
    for how in ("killed", "cut"):
        with stack.without("api-1", how) as part:
            # The proxy has to notice first; then every request is answered.
            wait_until(
                lambda: all(proxy.get("by proxy").status == 200 for _ in range(10)),
                30,
                f"the proxy has noticed that api-1 is {how}",
            )
            for n in range(50):
                assert proxy.put("by proxy", f"{how} {n}", prefer="wait=10").status == 200
                assert proxy.value("by proxy", Cache_Control="no-cache") == f"{how} {n}"
        part.wait_healthy()


def test_an_api_shows_rejected_writes(stack):
    """It asks a writer by its name in the network (writer.admin)."""
    for api in stack.of("api"):
        answer = api.http.request("GET", "/rejections")
        assert answer.status == 200 and "rejections" in answer.json(), answer


def test_three_brokers_acknowledge_with_two(stack):
    """What makes the loss of one harmless: three replicas, of which two must have a
    write; and with two away, nothing is acknowledged."""
    http = stack.of("api")[0].http
    assert http.put("quorum", "three", prefer="wait=10").status in (200, 201)
    with stack.without("kafka-2", "killed"), stack.without("kafka-3", "killed"):
        answer = wait_until(
            lambda: (a := http.put("quorum", "one")).status == 503 and a,
            90,
            "one broker alone acknowledges nothing",
        )
        assert answer.problem in ("log-unavailable", "write-outcome-unknown"), answer
    wait_until(
        lambda: http.put("quorum", "again", prefer="wait=10").status in (200, 201),
        120,
        "writes are accepted again",
    )


def test_a_daemon_that_dies_by_itself_is_started_again(stack):
    """restart: unless-stopped; a `docker kill` is a stop, this is none."""
    writer = stack.container("writer-2")
    before = writer.state()
    os.kill(before["State"]["Pid"], 9)
    wait_until(
        lambda: writer.running
        and writer.state()["RestartCount"] == before["RestartCount"] + 1,
        60,
        "the engine started it again",
    )
    writer.meet()
    writer.wait_ready()
