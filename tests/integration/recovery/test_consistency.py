"""The promises of reads and writes, on the running system, from the record of
every request: harness/consistency.py says which.

SLUICE_TEST_SECONDS: how long (30). SLUICE_TEST_SEED repeats what the clients and
the faults draw, not how the operating system schedules them.
"""

import collections
import json
import os
import random
import time

import pytest
from harness import consistency
from harness.client import key_path
from harness.consistency import Model, Read, Write
from harness.crowd import Background, in_threads
from harness.deployment import QUICK_GROUP
from harness.foreign import Foreign
from harness.history import settle
from harness.mischief import FAULTS, Mischief, well_again
from harness.sessions import Instance, Session, document_of
from harness.wait import wait_until

SECONDS = int(os.environ.get("SLUICE_TEST_SECONDS", 30))
SESSIONS = 8
KEYS = [f"{c}/key {i}" for c in ("records", "counters") for i in range(20)]
# Small enough for evictions; commits come soon and in small batches.
API = {"l1.entries": 24, "pool.max_size": 4}


def first_writes(deployment, instances, partitions):
    """Every key is there, and its partition known."""
    writes = []
    for n, key in enumerate(KEYS):
        collection, name = key.split("/")
        document = {"value": "first"} if collection == "records" else {"count": 0}
        tag = f"{n + 1:032x}"
        event = Write(tag, key, instances[0].life, time.monotonic())
        answer = instances[0].daemon.http.request(
            "PUT",
            key_path(name, collection),
            json.dumps(document),
            {
                "Content-Type": "application/json",
                "traceparent": f"00-{tag}-{1:016x}-01",
            },
        )
        assert answer.status == 202, answer
        event.end, event.api_end = time.monotonic(), instances[0].life
        event.status = 202
        event.position = tuple(map(int, answer.position.split("-")))
        partitions[key] = event.position[0]
        writes.append(event)
    return writes


def rows(deployment):
    """Every row of both tables: collection/key -> (version, document)."""
    found = {}
    for collection, fields in (("records", "value"), ("counters", "count, amount")):
        query = (
            f"SELECT key, version, (SELECT row_to_json(d) FROM (SELECT {fields}) d)::text"
            f" FROM public.{collection} t WHERE key NOT LIKE 'foreign%'"
        )
        for key, version, text in deployment.sql(query):
            found[f"{collection}/{key}"] = (version, document_of(text))
    return found


def first_touches(deployment, foreign, instances, partitions):
    """The rows of another program are there, each has a version, and its partition is
    known."""
    foreign.begin()
    untouched = "SELECT count(*) FROM records WHERE version = 0 AND key LIKE 'foreign%'"
    wait_until(lambda: no_notes(deployment), 20, "the touches are in the log")
    wait_until(lambda: deployment.sql(untouched) == [(0,)], 20, "they are applied")
    for key in foreign.keys:
        seen = instances[0].daemon.page("/inspect/" + key.replace(" ", "%20"))
        partitions[key] = seen["partition"]


def no_notes(deployment):
    return deployment.sql("SELECT count(*) FROM sluice.outbox") == [(0,)]


def check_foreign(deployment, foreign, model, instances):
    """At rest, each touch was told, and all have the last number of each row."""
    found = {f"records/{k}": int(v) for k, v in deployment.sql(
        "SELECT key, value FROM records WHERE key LIKE 'foreign%'")}
    assert found.keys() == {*foreign.keys}
    for key, number in found.items():
        assert number >= foreign.committed[key] and number in foreign.tried[key]
        assert max(n for _, n in model.told[key]) == number, model.told[key][-3:]
        for instance in instances:
            answer = instance.daemon.http.request("GET", key_path(key.split("/")[1]))
            assert int(document_of(answer.body)["value"]) == number, answer


def check_rest(deployment, model, instances):
    """At rest all tiers hold what the log says."""
    want = {
        key: (model.row(key)[0], model.row(key)[1])
        for key in model.states
        if model.row(key)[1] is not None
    }
    assert rows(deployment) == want
    after = ", ".join(f"{p}-{end - 1}" for p, end in enumerate(deployment.ends()) if end)

    def check(instance, key):
        collection, name = key.split("/")
        answer = instance.daemon.http.request(
            "GET", key_path(name, collection), headers={"Sluice-Read-After": after}
        )
        if key not in want:
            assert answer.status == 404, answer
            return
        assert answer.status == 200, answer
        version = int(answer.header("ETag").strip('"'))
        assert (version, document_of(answer.body)) == want[key], answer

    for instance in instances:
        in_threads(4, KEYS, lambda key: check(instance, key))
    assert redis_agrees(deployment, want)


def redis_agrees(deployment, want):
    redis = deployment.servers.redis()
    for p in range(deployment.partitions):
        generation = redis.get(f"sluice:{{{p}}}:watermark")[16:32]
        for key in KEYS:
            entry = redis.get(f"sluice:{{{p}}}:{key}")
            if entry is None or entry[:16] != generation:
                continue
            if entry[16:17] == b"P":
                got = (int(entry[17:33], 16), document_of(entry[33:]))
                assert got == want[key], f"Redis has {got}, not {want[key]}"
            else:
                assert key not in want, f"Redis has no {key}"
    return True


def summary(writes, reads, faults):
    count = collections.Counter
    print(f"writes  {len(writes)}: {dict(count(w.status for w in writes))}")
    print(f"reads   {len(reads)}: {dict(count(r.status for r in reads))}")
    print(f"tiers   {dict(count(r.tier for r in reads if r.status == 200))}")
    print(f"faults  {sum(faults.values())}: {faults}")


@pytest.mark.seconds(SECONDS + 240)
def test_reads_and_writes_keep_their_promises(deployment):
    seed = int(os.environ.get("SLUICE_TEST_SEED", random.randrange(2**32)))
    print(f"SLUICE_TEST_SEED={seed}")
    daemons = [deployment.daemon("api", API) for _ in range(2)]
    daemons += [
        deployment.daemon(kind, QUICK_GROUP)
        for kind in ("writer", "projector")
        for _ in range(2)
    ]
    for daemon in daemons:
        daemon.start(ready=False)
    for daemon in daemons:
        daemon.wait_ready()
    instances = [Instance(n, d) for n, d in enumerate(deployment.of("api"))]
    partitions = {}
    writes = first_writes(deployment, instances, partitions)
    foreign = Foreign(deployment, 5, seed)
    first_touches(deployment, foreign, instances, partitions)
    sessions = [
        Session(n, instances, KEYS, partitions, seed, foreign.keys) for n in range(SESSIONS)
    ]
    mischief = Mischief(deployment, instances, random.Random(seed))
    end = time.monotonic() + SECONDS
    with well_again(deployment):
        with Background(foreign.step, *(s.step for s in sessions)) as load:
            mischief.run(lambda: time.monotonic() >= end or load.errors)
            for daemon in deployment.daemons:
                daemon.wait_ready(60)
    foreign.close()
    wait_until(lambda: no_notes(deployment), 60, "all touches are in the log")
    settle(deployment, 90)
    writes += [w for s in sessions for w in s.writes]
    reads = [r for s in sessions for r in s.reads]
    summary(writes, reads, mischief.done)
    log = deployment.servers.read_log(deployment.writes, deployment.partitions)
    model = Model(log)
    model.hear(deployment.servers.read_log(deployment.commits, deployment.partitions))
    print(f"touches {sum(map(len, model.told.values()))} of {foreign.n} changes")
    violations = consistency.check(model, writes, reads, foreign.tried)
    print(f"violations {len(violations)}")
    assert not violations, "\n".join(violations[:20])
    check_rest(deployment, model, instances)
    check_foreign(deployment, foreign, model, instances)
    assert sum(r.status in (200, 404) for r in reads) > 20 * SECONDS
    assert SECONDS < 60 or set(mischief.done) == set(FAULTS)


# --- the checker finds what it is for -----------------------------------------


class Message:
    def __init__(self, offset, op, body, tag, seq=None):
        self._offset = offset
        self._body = body
        self._headers = {
            "op": op,
            "instance": "0" * 16,
            "seq": str(offset if seq is None else seq),
            "traceparent": f"00-{tag}-{1:016x}-01",
        }

    def partition(self):
        return 3

    def offset(self):
        return self._offset

    def key(self):
        return b"records/k"

    def value(self):
        return json.dumps(self._body).encode() if self._body else None

    def headers(self):
        return [(k, v.encode()) for k, v in self._headers.items()]


LOG = [
    Message(0, "put", {"value": "a"}, "w0"),
    Message(1, "put", {"value": "b"}, "w1"),
    Message(2, "delete", None, "w2"),
    Message(3, "patch", {"value": "x"}, "w3"),
    Message(4, "put", {"value": "c"}, "w4"),
]
A, B = (0, 0), (1, 0)


def write(tag, begin, end, status, offset=None, api=A):
    position = None if offset is None else (3, offset)
    return Write(tag, "records/k", api, begin, end, api, status, None, position)


def read(begin, version, value, api=A, after=None, **more):
    document = {"value": value} if value else None
    status = 200 if value else 404
    named = {3: after} if after is not None else {}
    event = Read("records/k", api, begin, named, begin + 1, api, status)
    event.version, event.document = version, document
    return event


def violations(writes=(), reads=(), log=LOG):
    return [v.split(": ")[0] for v in consistency.check(Model(log), writes, reads)]


def test_the_checker_takes_what_is_right():
    assert not violations(
        [
            write("w0", 0, 1, 201, 0),
            write("w1", 2, 3, 202, 1),
            write("w2", 4, 5, 204, 2),
            write("w3", 6, 7, 404, 3),
            write("never sent", 6, None, None),
        ],
        [
            read(1.5, 0, "a"),
            read(1.5, 1, "b"),
            read(8, None, None),
            read(8, 4, "c"),
            read(8, 0, "a", api=B),
            read(9, 4, "c", after=4),
        ],
    )


@pytest.mark.parametrize(
    "what, writes, reads",
    [
        ("acknowledged, not in the log", [write("lost", 0, 1, 202)], []),
        ("acknowledged at (3, 1), in the log at [(3, 0)]", [write("w0", 0, 1, 202, 1)], []),
        ("refused, but in the log", [write("w0", 0, 1, 503)], []),
        ("the outcome was 200", [write("w1", 0, 1, 201, 1)], []),
        ("older than a commit heard of", [write("w1", 0, 1, 200, 1)], [read(2, 0, "a")]),
        ("older than a commit heard of", [write("w2", 0, 1, 204, 2)], [read(2, 1, "b")]),
        ("older than a commit heard of", [write("w4", 0, 1, 201, 4)], [read(2, None, None)]),
        ("older than a position that it named", [], [read(2, 0, "a", after=1)]),
        ("older than a commit heard of", [], [read(2, 1, "b", after=1), read(4, 0, "a")]),
        ("no state that the key has ever had", [], [read(2, 1, "a")]),
        ("no state that the key has ever had", [], [read(2, 3, "x")]),
    ],
)
def test_the_checker_finds(what, writes, reads):
    assert violations(writes, reads) == [what]


def foreign_violations(*reads):
    log = [*LOG, *(Message(n, "touch", None, "") for n in (5, 7))]
    model = Model(log)
    model.told["records/k"] = [(5, 10), (7, 12)]
    writes = [write("w4", 0, 1, 201, 4)]
    found = consistency.check(model, writes, reads, {"records/k": [9, 10, 11, 12]})
    return [v.split(": ")[0] for v in found]


def test_the_checker_knows_another_program():
    assert not foreign_violations(
        read(2, 4, "9"),
        read(2, 4, "11"),  # it is newer than its version
        read(2, 5, "10", after=5),
        read(2, 5, "12", after=6),
        read(9, 7, "12", after=7),
        read(9, 5, "10", api=B),
    )
    named = "older than a position that it named"
    assert foreign_violations(read(2, 5, "9", after=5)) == [named]
    assert foreign_violations(read(2, 5, "11", after=7)) == [named]
    assert foreign_violations(read(2, None, None, after=5)) == [named]
    heard = "older than a touch heard of"
    assert foreign_violations(read(2, 7, "12", after=7), read(4, 5, "10")) == [heard]
    assert foreign_violations(read(2, 5, "8")) == ["nothing that the program has ever written"]


def test_the_checker_knows_a_second_copy():
    event = write("w0", 0, 1, 201, 0)
    copy = Message(1, "put", {"value": "a"}, "w0", seq=0)
    assert not violations([event], log=[LOG[0], copy])
    other = Message(1, "put", {"value": "a"}, "w0")
    assert violations([event], log=[LOG[0], other]) == ["in the log 2 times"]
