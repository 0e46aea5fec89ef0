"""Versions that meet: the daemons of the version before beside today's, and formats
that are newer than a daemon knows (docs/operations.md, Formats)."""

import itertools
import re
import shutil

import pytest
from harness import history
from harness.client import ADMIN
from harness.deployment import QUICK_GROUP
from harness.forge import Forger
from harness.former import former
from harness.servers import ROOT
from harness.wait import wait_until

# Who is replaced first, second, third: by today's, and then back.
ORDERS = (
    ("writer", "projector", "api"),
    ("projector", "api", "writer"),
    ("api", "writer", "projector"),
)
STEP = 150  # writes between two steps


class Fleet:
    """One daemon of each kind, replaced under a load."""

    def __init__(self, deployment):
        self.deployment = deployment
        self.former = deployment.programs
        self.clients = [None]
        self.now = {}
        for kind in ("writer", "projector", "api"):
            self.now[kind] = self._new(kind)
        self.clients[0] = self.now["api"].http
        self.load = history.Load(
            self.clients, 10**6, keys=40, seed=1, threads=4, pause=0.004
        )

    def _new(self, kind):
        settings = None if kind == "api" else QUICK_GROUP
        return self.deployment.daemon(kind, settings).start(deadline=60)

    def goes_on(self, kind):
        """Writes come, are applied, and are read back."""
        least = self.load.acked + STEP
        wait_until(
            lambda: self.load.errors or self.load.acked >= least, 60, f"writes ({kind})"
        )
        assert not self.load.errors, self.load.errors[0]
        answer = self.clients[0].put("probe", f"{kind} {least}", prefer="wait=20")
        assert answer.status in (200, 201), (kind, answer)
        after = {"Sluice_Read_After": answer.position}
        assert self.clients[0].value("probe", **after) == f"{kind} {least}"

    def replace(self, kind, by):
        """An api is replaced by another one that is there first."""
        self.deployment.programs = by
        before = self.now[kind]
        if kind == "api":
            self.now[kind] = self._new(kind)
            self.clients[0] = self.now[kind].http
            self.goes_on(kind)
            before.stop()
        else:
            before.stop()
            self.now[kind] = self._new(kind)
            self.goes_on(kind)
        self.deployment.daemons.remove(before)


@pytest.mark.skipif(not former(), reason="the version before is not built")
@pytest.mark.seconds(240)
def test_versions_side_by_side(deploy, servers, tmp_path):
    """In each order, forth and back, nothing is lost and nothing applied twice."""
    shutil.copy(ROOT / "common/collections/records.json", tmp_path)
    d = deploy(servers, collections=str(tmp_path), programs=former())
    history.audited(d)
    fleet = Fleet(d)
    fleet.load.start()
    try:
        fleet.goes_on("all")
        d.programs = None
        d.migrate()  # while those of before run
        for order, by in itertools.product(ORDERS, (None, fleet.former)):
            for kind in order:
                fleet.replace(kind, by)
        fleet.replace("api", None)
        # The api of before has the same answers.
        d.programs = fleet.former
        other = d.api()
    finally:
        fleet.load.stop()
    # What the test wrote itself is not in the load's record.
    history.settle(d)
    history.check_everything(d, fleet.load, [fleet.now["api"], other])


# --- formats that are newer than a daemon knows ---------------------------------


@pytest.fixture
def forger(world):
    return Forger(world)


@pytest.fixture(scope="module")
def world(module_deployment):
    module_deployment.start_all()
    return module_deployment


def put(world, key, value):
    (api,) = world.of("api")
    answer = api.http.put(key, value, prefer="wait=20")
    assert answer.status in (200, 201), answer
    return int(answer.position.split("-")[0])


def not_ready(daemon, pattern):
    def says():
        status, text = daemon.readiness()
        return status == 503 and re.search(pattern, text)

    wait_until(says, 20, f"{daemon.name}: {pattern}")
    assert daemon.events("record.newer")


def test_a_newer_write_holds_its_partition(world, forger):
    (writer,) = world.of("writer")
    partition = put(world, "newer", "1")
    offset = forger.write(partition, "records/newer", {"value": "2"}, format="3")
    position = f"{partition}-{offset}"
    not_ready(writer, f"partition {partition}: .*{position} has a format that")
    (api,) = world.of("api")
    assert api.http.put("newer", "3").status == 202
    assert world.rows()["newer"][0] == "1"
    path = f"/positions/{position}/reject"
    assert writer.admin.request("POST", path, None, ADMIN).status == 202
    wait_until(lambda: world.rows()["newer"][0] == "3", 20, "the partition goes on")
    writer.wait_ready()
    status = f"/v1/_writes/{position}"
    wait_until(
        lambda: api.http.request("GET", status).json().get("reason")
        == "rejected-by-operator",
        20,
        "its outcome is known",
    )


def test_newer_commits_are_not_passed_over(world, forger):
    """Nothing of the partition comes from a cache, until a writer that is known has
    gone on behind them."""
    (api,), (projector,) = world.of("api"), world.of("projector")
    key = "unread"
    partition = put(world, key, "1")
    assert api.http.value(key) == "1"
    assert api.http.get(key).tier == "l1"
    forger.commit(partition, f"records/{key}", 7, format="3")
    not_ready(api, f"partition {partition}: its commits have a format that")
    not_ready(projector, f"partition {partition}: its commits have a format that")
    answer = api.http.get(key)
    assert answer.status == 503 or answer.tier in ("replica", "primary"), answer

    def go_on():
        """A mark counts if its writer knew of what stands behind them: a write has to
        be announced before the next one is."""
        api.http.put(key, "2")
        return all(daemon.readiness()[0] == 200 for daemon in (api, projector))

    wait_until(go_on, 30, "both go on")
    put(world, key, "3")
    assert api.http.value(key) == "3"
    world.wait_projected()


def test_newer_ids_end_the_reservations(world, forger):
    (api,) = world.of("api")
    headers = {"accepted-at": "1", "instance": "f" * 16, "seq": "1", "format": "2"}
    forger.say(world.ids, 0, "posts", '{"first":1,"n":9}', headers)
    wait_until(lambda: api.metrics()["sluice_ids_malformed_total"] == 1, 20, "it heard it")
    # Those that it holds are given out, and no others.
    assert api.http.request("GET", "/health").status == 200


def test_a_takeover_waits_for_newer_marks(world, forger):
    """The writer cannot know what was announced."""
    (writer,) = world.of("writer")
    partition = put(world, "marked", "1")
    offset = world.progress()[partition]
    forger.announce(
        partition, "_mark", f'{{"from":"{offset}","through":"{offset}","after":-1}}',
        {"format": "3"},
    )  # fmt: skip
    writer.stop()
    writer.start(ready=False)
    not_ready(writer, "takeover waits for: sluice.commits has a format that")
    writer.stop()


def test_a_newer_schema_is_left_alone(world):
    """Whoever may not use it ends, and says so; --migrate takes nothing back."""
    (writer,), (api,) = world.of("writer"), world.of("api")
    world.sql("UPDATE sluice.log SET schema_format = 9")
    try:
        done = world.migrate(code=1)
        assert "format 9; this version knows up to" in done.stderr
        world.sql("UPDATE sluice.log SET schema_least = 8")
        other = world.daemon("api").start(ready=False)
        writer.start(ready=False)
        for daemon in (writer, other):
            daemon.ends_by_itself(1)
            assert "must know its format 8; this version knows up to" in daemon.text()
    finally:
        api.sigkill()
        world.sql("UPDATE sluice.log SET schema_format = 2, schema_least = 1")
