"""INV-3, INV-5, and the promise of the writer: whatever happens to it, the rows, the
outcomes and the sums of increments are those of applying the log one write at a
time.

Many thousand histories of writes of all kinds run through an API, while two
writers die at every crash point of writer/core/crashpoints.def, again and again; then
everything is compared with a model (harness/model.py).

SLUICE_TEST_SEED repeats what the clients and the crashes draw, not how the
operating system schedules them. SLUICE_TEST_HISTORIES: how many (10000).
"""

import collections
import json
import os
import random
import subprocess
import time

import pytest
from harness import compare, history
from harness.client import key_path
from harness.crashes import Mortal, Tally
from harness.crowd import Background, in_threads
from harness.histories import RULES, Histories, forbidden
from harness.intruders import Meddler, Requeuer
from harness.model import APPLIED, COPY, FIELDS, REPLAYED, STATUS, Model
from harness.servers import ROOT
from harness.swarm import Swarm

HISTORIES = int(os.environ.get("SLUICE_TEST_HISTORIES", 10_000))
CRASHES = 150  # at least
EACH = 3  # at least, of each crash point
PATIENCE_S = 400  # for that many crashes
OPEN = 150  # histories at once
BACKLOG = 3000  # writes that may wait for the writers
CONSTRAINTS = {collection: name for collection, (name, _) in RULES.items()}


@pytest.fixture
def seed():
    number = int(os.environ.get("SLUICE_TEST_SEED", random.randrange(2**32)))
    print(f"SLUICE_TEST_SEED={number}")
    return number


class Run:
    """Everything that is done to a deployment."""

    def __init__(self, deployment, seed):
        self.deployment = deployment
        self.tally = Tally(CRASHES, EACH)
        self.writers = [Mortal(deployment, n, self.tally, seed) for n in range(2)]
        self.requeuer = Requeuer(deployment, self.writers, seed)
        self.meddler = Meddler(deployment, seed)
        self.api = deployment.daemon("api")
        self.end = time.monotonic() + PATIENCE_S
        self.histories = Histories(random.Random(seed), HISTORIES, OPEN, self._enough)

    @property
    def requests(self):
        return self.histories.requests

    def _enough(self):
        return self.tally.enough or time.monotonic() > self.end

    def go(self):
        projector = self.deployment.daemon("projector")
        for daemon in (self.api, projector):
            daemon.start(ready=False)
        self.api.wait_ready()
        first, second = self.writers
        with (
            first,
            second,
            Background(self.requeuer.step, self.meddler.step),
            Swarm(self.api.http.port, self.histories, connections=48) as swarm,
        ):
            self._watch(swarm)
        self.meddler.close()
        for writer in self.writers:
            writer.daemon.start(ready=False)

    def _watch(self, swarm):
        """No writer fails, and the backlog is bounded, so that every history meets
        several crashes."""
        query = "SELECT sum(next_offset) FROM sluice.progress"
        with self.deployment.servers.postgres(self.deployment.name) as connection:
            while swarm.running:
                done = connection.execute(query).fetchone()[0]
                self.histories.held = len(self.requests) - done > BACKLOG
                if any(writer.error for writer in self.writers):
                    self.histories.stop()
                time.sleep(0.05)


# --- the log is what was sent -------------------------------------------------


def check_log(model, run):
    """Every write is in the log once, at the place of its receipt, as it was sent;
    beside them are only the copies, what is strange, and what was requeued: returns
    the places of that."""
    places = collections.defaultdict(set)
    for record in model.records:
        if record.place not in run.meddler.strange:
            places[record.tag].add(record.place)
    copies = set(run.meddler.copies)
    prints = {}  # of requests with an Idempotency-Key
    for request in run.requests:
        (place,) = places.pop(request.tag) - copies
        record = model.record(place)
        assert request.replayed or request.place == place, (request, place)
        assert (record.key, record.op) == (request.key, request.op), request
        assert (record.raw or b"").decode() == (request.body or ""), request
        assert record.idempotency == request.idempotency, request
        if request.idempotency:
            known = prints.setdefault(request.same, record.fingerprint)
            assert known == record.fingerprint, request
        request.place = place
    requeued = places.pop(None, set()) - copies
    assert not places, f"nobody sent {places}"
    assert len(set(prints.values())) == len(prints)
    return requeued


def check_requeued(model, run, requeued):
    """Each attempt made one write at most: the one that it names, if it was answered,
    and that Postgres names, if it was noted."""
    answered = {place: s for place, _, s in run.requeuer.attempts if s}
    assert len(set(answered.values())) == len(answered)
    assert set(answered.values()) <= requeued
    silent = sum(s is None for _, _, s in run.requeuer.attempts)
    assert len(requeued) - len(answered) <= silent
    for place, body, successor in run.requeuer.attempts:
        if successor:
            was, new = model.record(place), model.record(successor)
            assert (new.key, new.op) == (was.key, was.op), place
            assert (new.raw or b"") == (body.encode() if body else was.raw or b""), place
    noted = run.deployment.sql(
        "SELECT partition, version, successor FROM sluice.rejections"
        " WHERE successor IS NOT NULL"
    )
    for partition, version, text in noted:
        successor = tuple(map(int, text.split("-")))
        assert successor in requeued
        assert answered.get((partition, version), successor) == successor
    assert answered.keys() <= {(partition, version) for partition, version, _ in noted}


# --- over HTTP ----------------------------------------------------------------


def check_answers(model, run):
    """Who waited was told the outcome; returns how many."""
    waited = [r for r in run.requests if r.wait and r.status != 202]
    for request in waited:
        want = model.status(request.place)
        # docs/http.md: who announces for a dead writer does not know of creations.
        assert request.status in (want, 200 if want == 201 else want), (request, want)
        replayed = model.outcomes[request.place].what == REPLAYED
        assert request.replayed == replayed, request
    return len(waited)


def expected_state(model, place):
    outcome = model.outcomes[place]
    decided = model.outcomes[outcome.first] if outcome.first else outcome
    told = {"state": "committed", "position": "%d-%d" % place}
    if decided.rejected:
        told["state"] = "rejected"
        told["reason"] = decided.what
        told["status"] = STATUS[decided.what]
    if outcome.first:
        told["first"] = "%d-%d" % outcome.first
    if decided.what == "constraint-violation":
        first = model.record(outcome.first or place)
        told["constraint"] = CONSTRAINTS[first.collection]
    return told


def check_states(model, run, rng):
    """GET /v1/_writes/{position}, of every kind of outcome."""
    kinds = collections.defaultdict(list)
    for place, outcome in model.outcomes.items():
        kinds[outcome.what].append(place)

    def check(place):
        told = history.decided(run.api.http, "%d-%d" % place)
        told.pop("successor", None)
        assert told == expected_state(model, place)

    for places in kinds.values():
        in_threads(4, rng.sample(places, min(len(places), 100)), check)


def check_reads(model, run, found, rng):
    """The API answers with the primary's rows, each twice, from whatever tier."""
    ends = enumerate(run.deployment.ends())
    after = ", ".join(f"{p}-{end - 1}" for p, end in ends)

    def check(key):
        collection, name = key.split("/", 1)
        path, named = key_path(name, collection), {"Sluice-Read-After": after}
        answer = run.api.http.request("GET", path, headers=named)
        if key in found:
            assert answer.status == 200, answer
            assert answer.header("ETag") == f'"{found[key][0]}"', answer
            assert answer.body.decode() == found[key][1], answer
        else:
            assert answer.status == 404, answer

    keys = sorted(model.states)
    in_threads(4, rng.sample(keys, min(len(keys), 500)) * 2, check)


def check_redis(deployment, found):
    """What Redis holds is what the primary has; returns how many entries."""
    entries = {
        f"{collection}/{key}": entry
        for collection in FIELDS
        for key, entry in deployment.redis_entries(collection).items()
    }
    for key, entry in entries.items():
        assert entry == found.get(key), f"{key}: {entry}, not {found.get(key)}"
    return len(entries)


# --- the whole ----------------------------------------------------------------


def prepare(deployment):
    deployment.sql(compare.BATCHES)
    for collection, (name, rule) in RULES.items():
        deployment.sql(f"ALTER TABLE {collection} ADD CONSTRAINT {name} CHECK ({rule})")


def modelled(run, batches):
    partitions = run.deployment.partitions
    log = run.deployment.servers.read_log(run.deployment.writes, partitions)
    refused = compare.refused(run.deployment)
    model = Model(log, partitions, run.meddler.strange, forbidden, refused)
    for batch in batches:
        model.commit(*batch)
    return model


def report(run, batches, outcomes):
    sizes = sorted(end - start for _, start, end in batches)
    print(f"histories {run.histories.begun}, writes {len(run.requests)}")
    print(f"batches   {len(sizes)} of {sizes[0]} to {sizes[-1]}, median {sizes[len(sizes) // 2]}")
    print(f"outcomes  {dict(outcomes.most_common())}")
    print(f"crashes   {run.tally.crashes}: {dict(run.tally.deaths)}")


@pytest.mark.seconds(900)
def test_random_histories_with_crashes_equal_the_model(deployment, seed):
    prepare(deployment)
    run = Run(deployment, seed)
    run.go()
    history.settle(deployment, 90)
    batches = compare.batches(deployment)
    model = modelled(run, batches)
    outcomes = collections.Counter(o.what for o in model.outcomes.values())
    report(run, batches, outcomes)

    requeued = check_log(model, run)
    check_requeued(model, run, requeued)
    copies = {place for place, o in model.outcomes.items() if o.what == COPY}
    assert copies == set(run.meddler.copies)
    assert not model.faults, "\n".join(model.faults)
    found = compare.rows(deployment)
    compare.check_rows(model, found)
    compare.check_rejections(model, deployment, CONSTRAINTS)
    compare.check_retries(model, deployment)
    compare.check_commits(model, deployment, found)
    total = compare.check_sums(model, deployment, "hot", copies)
    rng = random.Random(seed)
    waited = check_answers(model, run)
    check_states(model, run, rng)
    check_reads(model, run, found, rng)
    entries = check_redis(deployment, found)
    print(f"sum {total}, requeued {len(requeued)}, waited {waited}, in Redis {entries}")

    # What this test is about did happen.
    assert run.histories.begun >= HISTORIES
    assert run.tally.enough, run.tally.deaths
    assert set(outcomes) == {*STATUS, *APPLIED, REPLAYED, COPY}
    assert min(*outcomes.values(), len(requeued), waited) >= HISTORIES // 1000, outcomes


# --- not in production --------------------------------------------------------


def test_a_build_for_production_has_no_crash_points(servers, tmp_path):
    configure = ["cmake", "-S", ROOT, "-B", tmp_path, "-G", "Ninja"]
    subprocess.run(configure, check=True, capture_output=True, timeout=60)
    commands = json.loads((tmp_path / "compile_commands.json").read_text())
    assert not [c for c in commands if "SLUICE_CRASH_POINTS" in c["command"]]
    target = "CMakeFiles/sluice_writer.dir/writer/core/crashpoint.c.o"
    build = ["cmake", "--build", tmp_path, "--target", target]
    subprocess.run(build, check=True, capture_output=True, timeout=60)
    assert b"SLUICE_TEST_CRASH" not in (tmp_path / target).read_bytes()
    # The one that the tests run has them.
    assert b"SLUICE_TEST_CRASH" in servers.program("writer").read_bytes()
