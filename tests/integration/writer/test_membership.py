"""Members of the groups of writers and projectors. The session is longer than
any test, so whoever has partitions within a deadline did not wait for its end.

A member that is killed and comes back finds its partitions, and the others do not
notice; one that drains hands them over; of two with one name the older one ends.
While members come and go, partitions that stay with a member go on."""

import re
import time

import pytest
from harness.wait import wait_until

LONG = {"group.session": "2m"}
DEADLINE = 30
PARTITIONS = 8


def count(daemon):
    return daemon.metrics()[f"sluice_{daemon.kind}_partitions"]


def has(daemon, n):
    wait_until(lambda: count(daemon) == n, DEADLINE, f"{daemon.name} has {n}")


def pair(deployment, kind):
    """Two members that share the partitions."""
    members = [deployment.daemon(kind, LONG).start(ready=False) for _ in range(2)]
    for member in members:
        has(member, PARTITIONS / 2)
        member.wait_ready()
    return members


@pytest.fixture
def writers(deployment):
    deployment.daemon("projector", LONG).start(ready=False)
    api = deployment.daemon("api").start(ready=False)
    first, second = pair(deployment, "writer")
    api.wait_ready()
    return api.http, first, second


@pytest.fixture
def projectors(deployment):
    deployment.daemon("writer", LONG).start(ready=False)
    api = deployment.daemon("api").start(ready=False)
    first, second = pair(deployment, "projector")
    api.wait_ready()
    return api.http, first, second


def commits_of(http, n):
    """The partitions of the first n keys that were committed."""
    answers = [http.put(f"k{i}", f"{time.time()}", prefer="wait=20") for i in range(n)]
    return {a.position.split("-")[0] for a in answers if a.status in (200, 201)}


def all_commit(http):
    assert len(commits_of(http, 64)) == PARTITIONS


def rearrangements(daemon):
    return len(daemon.events("group.unsettled"))


def test_a_killed_writer_comes_back(writers):
    http, killed, other = writers
    all_commit(http)
    before = rearrangements(other)
    killed.sigkill()
    # Those of the other one: their commits are waited for while nobody has the rest.
    asked = [http.put(f"k{i}", "meanwhile") for i in range(64)]
    receipts = {a.position.split("-")[0]: a.position for a in asked}
    assert len(receipts) == PARTITIONS
    states = lambda: [
        http.request("GET", f"/v1/_writes/{p}").json()["state"] for p in receipts.values()
    ]
    wait_until(lambda: states().count("committed") == PARTITIONS / 2, 20, "its half is")
    killed.start(ready=False)
    has(killed, PARTITIONS / 2)
    wait_until(lambda: states().count("committed") == PARTITIONS, 20, "all are")
    all_commit(http)
    assert rearrangements(other) == before, other.tail()


def test_a_killed_projector_comes_back(projectors, deployment):
    http, killed, other = projectors
    all_commit(http)
    deployment.wait_projected()
    before = rearrangements(other)
    killed.sigkill()
    all_commit(http)
    killed.start(ready=False)
    has(killed, PARTITIONS / 2)
    deployment.wait_projected()
    assert rearrangements(other) == before, other.tail()


def watermarks(member):
    """By partition, of those that it has."""
    stats = member.admin.request("GET", "/stats").json()
    return {p["partition"]: int(p["watermark"]) for p in stats["partitions"]}


def all_move(http, member):
    """A commit in each partition of the member, and it applies it."""
    before = watermarks(member)
    assert before
    for i in range(64):
        assert http.put(f"k{i}", f"{time.time()}").status == 202
    moved = lambda: [p for p, at in watermarks(member).items() if at > before.get(p, at)]
    wait_until(lambda: moved() == list(before), 20, f"{member.name} goes on")


def assigned(member):
    return len(member.events("group.assigned"))


def takes(member):
    """How often it has taken each of its partitions."""
    taken = [int(re.search(r" partition=(\d+)", e)[1]) for e in member.events("partition.taken")]
    return {p: taken.count(p) for p in watermarks(member)}


@pytest.mark.parametrize("kind", ["writer", "projector"])
def test_others_go_on(kind, request, deployment):
    """The group waits for a member that is stopped. Meanwhile it says nothing to the
    others; they go on. Then a third member joins, leaves, joins and is lost."""
    http, stopped, other = request.getfixturevalue(f"{kind}s")
    if kind == "projector":
        all_commit(http)
        deployment.wait_projected()
    before, own = takes(other), set(watermarks(other))
    settled, unsettled = assigned(other), rearrangements(other)
    stopped.sigstop()
    named = {**LONG, "group.instance": "zzz"}  # the last in the order of the names
    third = deployment.daemon(kind, named).start(ready=False)
    wait_until(lambda: rearrangements(other) > unsettled, DEADLINE, "it is rearranged")
    all_move(http, other)
    assert assigned(other) == settled and set(watermarks(other)) == own
    stopped.sigcont()

    def shared(*members):
        have = lambda: sorted(p for m in members for p in watermarks(m))
        wait_until(lambda: have() == list(range(PARTITIONS)), DEADLINE, "all are taken")

    has(third, 2)
    shared(stopped, other, third)
    kept = own & set(watermarks(other))
    assert kept
    third.stop()
    shared(stopped, other)
    third.start(ready=False)
    has(third, 2)
    third.sigkill()
    deployment.servers.remove_member(f"{deployment.name}-{kind}", "zzz")
    shared(stopped, other)
    assert set(watermarks(other)) >= own
    all_move(http, other)
    assert {p: takes(other)[p] for p in kept} == {p: before[p] for p in kept}


@pytest.mark.parametrize("kind", ["writer", "projector"])
def test_two_of_one_name(kind, deployment):
    api = deployment.daemon("api").start(ready=False)
    mate = "projector" if kind == "writer" else "writer"
    deployment.daemon(mate, LONG).start(ready=False)
    named = {**LONG, "group.instance": "blue"}
    older, newer = (deployment.daemon(kind, named) for _ in range(2))
    older.start(ready=False)
    has(older, PARTITIONS)
    newer.start(ready=False)
    older.ends_by_itself(1)
    (line,) = older.events(f"{kind}.fatal")
    assert "code=group.fenced" in line and "'blue'" in line and "'group.instance'" in line
    assert "could not be left" not in older.text()
    has(newer, PARTITIONS)
    api.wait_ready()
    all_commit(api.http)
    deployment.wait_projected()


def lose_session(deployment, member):
    """It joins again."""
    times = len(member.events("group.assigned"))
    deployment.servers.remove_member(f"{deployment.name}-{member.kind}", "blue")
    joined = lambda: len(member.events("group.assigned")) > times
    wait_until(joined, DEADLINE, "it has joined again")


@pytest.mark.parametrize("kind", ["writer", "projector"])
def test_a_lost_session_excuses_one_fence(kind, deployment):
    """A member that has lost its session is fenced by a late heartbeat of its own as
    it is by a second process of its name; here it is a second process. The member
    takes its name back, once, and the other process ends.

    If there was a late heartbeat, too, that one was excused, and the member ends: once
    more with the process that has the name now."""
    api = deployment.daemon("api").start(ready=False)
    mate = "projector" if kind == "writer" else "writer"
    deployment.daemon(mate, LONG).start(ready=False)
    named = {**LONG, "group.instance": "blue"}
    older = deployment.daemon(kind, named).start(ready=False)
    while True:
        has(older, PARTITIONS)
        lose_session(deployment, older)
        newer = deployment.daemon(kind, named).start(ready=False)
        wait_until(lambda: not (older.running and newer.running), DEADLINE, "one ends")
        if older.running:
            break
        older.ends_by_itself(1)
        assert len(older.events("group.rejoins")) == 1
        older = newer
    newer.ends_by_itself(1)
    assert "code=group.fenced" in newer.text()
    has(older, PARTITIONS)
    assert older.metrics()[f"sluice_{kind}_group_rejoins_total"] == 1
    assert len(older.events("group.rejoins")) == 1
    api.wait_ready()
    all_commit(api.http)
    deployment.wait_projected()
    third = deployment.daemon(kind, named).start(ready=False)
    older.ends_by_itself(1)
    assert "code=group.fenced" in older.text()
    has(third, PARTITIONS)
    all_commit(api.http)
