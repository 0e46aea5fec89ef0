"""Members of the groups of writers and projectors. The session is longer than
any test, so whoever has partitions within a deadline did not wait for its end.

A member that is killed and comes back finds its partitions, and the others do not
notice; one that drains hands them over; of two with one name the older one ends."""

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


def revocations(daemon):
    return len(daemon.events("group.revoked"))


def test_a_killed_writer_comes_back(writers):
    http, killed, other = writers
    all_commit(http)
    before = revocations(other)
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
    assert revocations(other) == before, other.tail()


def test_a_killed_projector_comes_back(projectors, deployment):
    http, killed, other = projectors
    all_commit(http)
    deployment.wait_projected()
    before = revocations(other)
    killed.sigkill()
    all_commit(http)
    killed.start(ready=False)
    has(killed, PARTITIONS / 2)
    deployment.wait_projected()
    assert revocations(other) == before, other.tail()


@pytest.mark.parametrize("kind", ["writer", "projector"])
def test_who_drains_hands_over(kind, request):
    _, first, second = request.getfixturevalue(f"{kind}s")
    first.stop()
    has(second, PARTITIONS)
    first.start(ready=False)
    has(first, PARTITIONS / 2)
    has(second, PARTITIONS / 2)


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
