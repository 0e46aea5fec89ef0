"""Writes that the database refuses, in the middle of large batches: exactly
those are rejected, with the right reason, everything else is applied in its
order, the partition goes on, and what was rejected can be repaired."""

import json
import random
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from confluent_kafka import Producer
from harness import history
from harness.client import key_path
from harness.wait import Stopwatch, wait_until

BATCH = 1000
POISON = "poison"


@pytest.fixture(scope="module")
def running(servers, module_deploy):
    """One partition, so that a thousand writes are one batch."""
    d = module_deploy(servers, partitions=1)
    d.start_all()
    return d


@pytest.fixture
def deployment(running):
    running.sql("TRUNCATE records, sluice.rejections")
    yield running
    for daemon in running.daemons:
        daemon.check_alive()
        daemon.check_log()


@pytest.fixture
def no_poison(deployment):
    check = f"CHECK (value NOT LIKE '{POISON}%')"
    deployment.sql(f"ALTER TABLE records ADD CONSTRAINT no_poison {check}")
    yield lambda: deployment.sql("ALTER TABLE records DROP CONSTRAINT IF EXISTS no_poison")
    deployment.sql("ALTER TABLE records DROP CONSTRAINT IF EXISTS no_poison")


def admin(deployment, method, path, body=None):
    (writer,) = deployment.of("writer")
    return writer.admin.request(method, path, body)


def as_one_batch(deployment, writes):
    """Appends (key, value) pairs while the writer is paused; returns their
    receipts, then lets it go."""
    (api,), (writer,) = deployment.of("api"), deployment.of("writer")
    assert admin(deployment, "POST", "/pause").json() == {"paused": True}
    receipts = [api.http.put(*write) for write in writes]
    assert {r.status for r in receipts} == {202}
    wait_until(
        lambda: writer.metrics()["sluice_writer_buffered_writes"] >= len(writes),
        30,
        "the writer holds them all",
    )
    assert admin(deployment, "POST", "/resume").json() == {"paused": False}
    return receipts


def status(deployment, position):
    return history.decided(deployment.of("api")[0].http, position)


def listed(deployment, path="/rejections"):
    """All pages of the list."""
    found, after = [], ""
    while after is not None:
        page = admin(deployment, "GET", f"{path}?after={after}" if after else path).json()
        found += page["rejections"]
        after = page.get("next")
    return found


def marked(deployment, begin):
    """What the batch marks say was rejected from there on: version -> reason."""
    told = {}
    for m in deployment.servers.read_log(deployment.commits, deployment.partitions):
        if m.key() == b"_mark":
            for one in json.loads(m.value()).get("rejected", ()):
                told[int(one["version"])] = one["reason"]
    return {version: reason for version, reason in told.items() if version >= begin}


def test_a_statement_that_a_rejection_took_away(servers, deploy):
    """What a rejected batch would have been the first to use is there for the
    batch behind it, which was sent before anybody knew. (First of this file: the
    deployment of the others stays.)"""
    d = deploy(servers, partitions=4)
    d.projector()
    api, writer = d.api(), d.writer({"connections": 1})
    d.sql(f"ALTER TABLE records ADD CHECK (value NOT LIKE '{POISON}%')")
    assert admin(d, "POST", "/pause").json() == {"paused": True}
    receipts = {f"key {i}": api.http.put(f"key {i}", "good") for i in range(40)}
    first = [key for key, receipt in receipts.items() if receipt.position.startswith("0-")]
    assert 0 < len(first) < len(receipts)
    bad = api.http.put(first[0], POISON)
    wait_until(
        lambda: writer.metrics()["sluice_writer_buffered_writes"] == 41,
        30,
        "the writer holds them all",
    )
    assert admin(d, "POST", "/resume").json() == {"paused": False}
    history.settle(d)
    assert status(d, bad.position)["state"] == "rejected"
    assert len(d.rows()) == 40
    assert writer.metrics()["sluice_writer_batches_failed_total", 'why="retry"'] == 0


@pytest.mark.parametrize("bad", [1, 10, 500])
def test_poison_in_a_batch_of_a_thousand(deployment, no_poison, bad):
    """Keys are written more than once: a good write that stands before a bad
    one in the fold of its key counts. None stands behind it: it would take the
    bad one in, and Postgres never see it."""
    rng = random.Random(bad)
    guilty = set(rng.sample(range(BATCH), bad))
    keys, writes = [f"key {n}" for n in range(900)], []
    for i in range(BATCH):
        key = rng.choice(keys)
        writes.append((key, f"{POISON if i in guilty else 'good'} {i}"))
        if i in guilty:
            keys.remove(key)
    (api,), (writer,) = deployment.of("api"), deployment.of("writer")
    before, (begin,) = writer.metrics(), deployment.ends()
    receipts = as_one_batch(deployment, writes)
    with Stopwatch() as t:
        history.settle(deployment)
    m = writer.metrics()
    batches = m["sluice_writer_batches_total"] - before["sluice_writer_batches_total"]
    print(f"after {t.seconds:.2f} s, {batches:.0f} batches")
    for result, n in ("rejected", bad), ("applied", BATCH - bad):
        name = "sluice_writer_writes_total", f'result="{result}"'
        assert m[name] - before[name] == n

    log = history.Log(deployment)
    offsets = {o: write for (_, o), write in log.records.items() if o >= begin}
    assert len(offsets) == BATCH
    refused = {o for o, (_, value) in offsets.items() if value.startswith(POISON)}
    assert len(refused) == bad
    want = {key: (value, o) for o, (key, value) in sorted(offsets.items()) if o not in refused}
    rows = {key: row[:2] for key, row in deployment.rows().items()}
    assert rows == want
    found = deployment.sql("SELECT version, reason, detail FROM sluice.rejections")
    assert sorted(found) == [(o, "constraint-violation", "no_poison") for o in sorted(refused)]
    assert marked(deployment, begin) == dict.fromkeys(refused, "constraint-violation")

    for i in rng.sample(range(BATCH), 20) + sorted(guilty)[:20]:
        told = status(deployment, receipts[i].position)
        if i in guilty:
            assert (told["state"], told["reason"]) == ("rejected", "constraint-violation")
            assert (told["status"], told["constraint"]) == (409, "no_poison"), told
        else:
            assert told["state"] == "committed", told
    assert {(r["position"], r["detail"]) for r in listed(deployment)} == {
        (receipts[i].position, "no_poison") for i in guilty
    }
    # It goes on, and bad ones are still told apart.
    assert api.http.put("after", POISON, prefer="wait=10").status == 409
    assert api.http.put("after", "good", prefer="wait=10").status == 201
    for key, (value, _) in list(want.items())[:50]:
        assert api.http.value(key) == value


# What refuses, how to end it, a good value, a bad one; what is told: reason,
# status, constraint.
REFUSALS = {
    "later": (
        "ALTER TABLE records ADD CONSTRAINT later CHECK (length(value) < 9) NOT VALID",
        "ALTER TABLE records DROP CONSTRAINT later",
        "short", "much too long", ("constraint-violation", 409, "later"),
    ),
    "unique": (
        "CREATE UNIQUE INDEX one_of_each ON records (left(value, 20))",
        "DROP INDEX one_of_each",
        "u {n}", "taken", ("constraint-violation", 409, "one_of_each"),
    ),
    "at the commit": (
        "ALTER TABLE records ADD CONSTRAINT at_commit UNIQUE (value)"
        " DEFERRABLE INITIALLY DEFERRED",
        "ALTER TABLE records DROP CONSTRAINT at_commit",
        "c {n}", "taken", ("constraint-violation", 409, "at_commit"),
    ),
    "by a trigger": (
        "CREATE FUNCTION judge() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF new.value = 'bad' THEN RAISE EXCEPTION 'I do not like it'; END IF;"
        " RETURN new; END $$;"
        " CREATE TRIGGER judge BEFORE INSERT OR UPDATE ON records"
        " FOR EACH ROW EXECUTE FUNCTION judge()",
        "DROP TRIGGER judge ON records",
        "good", "bad", ("constraint-violation", 409, "I do not like it"),
    ),
    "too large for an index": (
        "CREATE INDEX large ON records (value)",
        "DROP INDEX large",
        "small", "{large}", ("validation-failed", 422, None),
    ),
    "too long for the type": (
        "ALTER TABLE records ALTER COLUMN value TYPE varchar(9)",
        "ALTER TABLE records ALTER COLUMN value TYPE text",
        "short", "much too long", ("validation-failed", 422, None),
    ),
}  # fmt: skip


def test_each_way_to_be_refused(deployment):
    (api,) = deployment.of("api")
    # Not one that compresses well.
    large = "".join(random.Random(1).choices("abcdefghijklmnop0123456789", k=9000))
    guilty = {3, 17, 18, 39}
    for what, (begin, end, good, bad, (reason, code, constraint)) in REFUSALS.items():
        print(what)
        deployment.sql("TRUNCATE records, sluice.rejections")
        deployment.sql(begin)
        if bad == "taken":
            assert api.http.put(f"{what} first", bad, prefer="wait=10").status == 201
        values = [(bad if i in guilty else good).format(n=i, large=large) for i in range(40)]
        keys = [f"{what} {i}" for i in range(40)]
        receipts = as_one_batch(deployment, list(zip(keys, values)))
        history.settle(deployment)
        for i, receipt in enumerate(receipts):
            told = status(deployment, receipt.position)
            if i not in guilty:
                assert told["state"] == "committed", (i, told)
                continue
            assert (told["state"], told["reason"], told["status"]) == ("rejected", reason, code)
            assert told.get("constraint") == constraint, told
        assert {r["position"] for r in listed(deployment)} == {
            receipts[i].position for i in guilty
        }
        there = {key for (key,) in deployment.sql("SELECT key FROM records")}
        assert there - {f"{what} first"} == {keys[i] for i in range(40) if i not in guilty}
        deployment.sql(end)


STRANGE_KEYS = {
    "no text, and no collection": (b"nowhere/x", b"\xff"),
    "no text": (b"records/x", b"a\0b"),
    # Not one that compresses well.
    "too large for an index": (b"records/x", random.Random(1).randbytes(3000).hex().encode()),
}


@pytest.mark.parametrize("what", STRANGE_KEYS)
def test_idempotency_keys_that_no_api_sends(deployment, what):
    """Anybody may append to the log: it must not stop there."""
    (api,) = deployment.of("api")
    key, idempotency = STRANGE_KEYS[what]
    headers = {
        "op": "put",
        "accepted-at": "1700000000000000",
        "instance": random.randbytes(8).hex(),
        "seq": "1",
        "idempotency-key": idempotency,
        "fingerprint": "0" * 16,
    }
    producer = Producer({"bootstrap.servers": deployment.servers.kafka_servers})
    producer.produce(deployment.writes, b'{"value":"x"}', key, 0, headers=headers)
    assert producer.flush(20) == 0
    answer = api.http.put("behind it", what, prefer="wait=10")
    assert answer.status in (200, 201), answer
    (reason,) = deployment.sql("SELECT reason FROM sluice.rejections")
    assert reason == ("malformed",)


def test_what_depends_on_the_order(deployment):
    """Where a batch fails, a write that is good only because of the one before
    it, or bad only then, is judged in the order of the log, not of the keys."""
    deployment.sql("CREATE UNIQUE INDEX one_of_each ON records (left(value, 20))")
    (api,) = deployment.of("api")
    for key in ("a", "m", "z"):
        assert api.http.put(key, f"of {key}", prefer="wait=10").status == 201
    writes = [(f"filler {i}", f"filler {i}") for i in range(60)]
    writes[10:10] = [("z", "moved"), ("b", "of z")]  # b has what z had
    writes[20:20] = [("y", "new"), ("c", "new")]  # c wants what y has
    writes[30:30] = [("x", "of m"), ("m", "too late"), ("d", "of m")]
    receipts = as_one_batch(deployment, writes)
    history.settle(deployment)
    told = [status(deployment, receipt.position)["state"] for receipt in receipts]
    assert set(told) == {"committed", "rejected"}
    rejected = [write for write, state in zip(writes, told) if state == "rejected"]
    assert rejected == [("c", "new"), ("x", "of m")]
    rows = {key: row[0] for key, row in deployment.rows().items()}
    assert rows == {"a": "of a"} | dict(write for write in writes if write not in rejected)
    deployment.sql("DROP INDEX one_of_each")


def test_increments_down_to_a_bound(deployment):
    """Writes of one key that are computed from each other: each has its own
    outcome, and those of the other keys are not held up."""
    deployment.sql("ALTER TABLE counters ADD CONSTRAINT in_stock CHECK (count >= 0)")
    (api,), (writer,) = deployment.of("api"), deployment.of("writer")
    kind = "application/vnd.sluice.increment+json"

    def send(method, key, body, kind="application/json", **more):
        headers = {"Content-Type": kind} | more
        path = key_path(key, "counters")
        return api.http.request(method, path, json.dumps(body).encode(), headers)

    assert send("PUT", "stock", {"count": 5}, Prefer="wait=10").status in (200, 201)
    assert admin(deployment, "POST", "/pause").json() == {"paused": True}
    wanted = [2, 2, 3, 1, 4, 1, 1]
    taken, other = [], []
    for i, n in enumerate(wanted):
        taken.append(send("PATCH", "stock", {"count": -n}, kind))
        other.append(send("PUT", f"other {i}", {"count": i - 1}))
    wait_until(
        lambda: writer.metrics()["sluice_writer_buffered_writes"] == 2 * len(wanted),
        30,
        "the writer holds them all",
    )
    assert admin(deployment, "POST", "/resume").json() == {"paused": False}
    history.settle(deployment)
    told = [status(deployment, answer.position)["state"] for answer in taken]
    assert [n for n, state in zip(wanted, told) if state == "committed"] == [2, 2, 1]
    told = [status(deployment, answer.position)["state"] for answer in other]
    assert told == ["rejected"] + ["committed"] * (len(wanted) - 1)
    assert deployment.sql("SELECT count FROM counters WHERE key = 'stock'") == [(0,)]
    deployment.sql("ALTER TABLE counters DROP CONSTRAINT in_stock")


def test_repair(deployment, no_poison):
    (api,) = deployment.of("api")
    positions = {}
    for name in ("as it is", "corrected", "worse", "discarded", "left"):
        answer = api.http.put(name, f"{POISON} {name}", prefer="wait=10")
        assert answer.status == 409, answer
        positions[name] = answer.position

    first = listed(deployment)[0]
    assert (first["collection"], first["key"], first["op"]) == ("records", "as it is", "put")
    assert (first["reason"], first["detail"]) == ("constraint-violation", "no_poison")
    assert json.loads(first["body"]) == {"value": f"{POISON} as it is"}
    assert first["accepted_at"] <= first["rejected_at"]
    assert [r["position"] for r in listed(deployment, "/rejections/records")] == list(
        positions.values()
    )
    assert listed(deployment, "/rejections/counters") == []

    def requeue(name, body=None):
        return admin(deployment, "POST", f"/rejections/{positions[name]}/requeue", body)

    # Refused at once, and still there to be repaired.
    for body in (b"{", b"[]", b'{"value":1}', b'{"other":"x"}'):
        assert requeue("corrected", body).status == 422, body
    repaired = requeue("corrected", b'{"value":"good"}')
    assert repaired.status == 202, repaired
    successor = repaired.json()["successor"]
    assert repaired.json()["position"] == positions["corrected"]
    wait_until(
        lambda: status(deployment, successor)["state"] == "committed",
        10,
        "the successor is applied",
    )
    assert api.http.value("corrected", Sluice_Read_After=successor) == "good"
    told = status(deployment, positions["corrected"])
    assert (told["state"], told["successor"]) == ("rejected", successor)
    assert requeue("corrected", b'{"value":"again"}').status == 404

    # What would be rejected again is, as another one; without the constraint
    # the write as it was is good.
    again = requeue("worse", json.dumps({"value": f"{POISON} again"}).encode())
    assert again.status == 202, again
    wait_until(
        lambda: status(deployment, again.json()["successor"])["state"] == "rejected",
        10,
        "its successor is rejected, too",
    )
    no_poison()
    plain = requeue("as it is")
    assert plain.status == 202, plain
    successor = plain.json()["successor"]
    assert api.http.value("as it is", Sluice_Read_After=successor) == f"{POISON} as it is"

    path = f"/rejections/{positions['discarded']}"
    assert admin(deployment, "DELETE", path).json() == {"state": "discarded"}
    assert admin(deployment, "DELETE", path).status == 404
    assert requeue("discarded").status == 404
    assert status(deployment, positions["discarded"])["state"] == "rejected"
    assert [r["position"] for r in listed(deployment)] == [
        positions["left"],
        again.json()["successor"],
    ]
    for path in ("/rejections/0-999/requeue", "/rejections/9-0/requeue"):
        assert admin(deployment, "POST", path).status == 404
    assert admin(deployment, "GET", "/rejections?after=x").status == 400
    assert admin(deployment, "GET", "/rejections/nothing").status == 404
    assert admin(deployment, "GET", key_path("x")).status == 404


def test_pages_of_large_rejections(deployment, no_poison):
    """A page is bounded by bytes, too: the writer holds it whole."""
    (api,) = deployment.of("api")
    receipts = [api.http.put(f"large {n}", POISON + "x" * 1_000_000) for n in range(12)]
    assert {r.status for r in receipts} == {202}
    for n in range(100):
        api.http.put(f"small {n}", POISON)
    last = api.http.put("last", POISON, prefer="wait=20")
    assert last.status == 409, last
    page = admin(deployment, "GET", "/rejections").json()
    assert [r["key"] for r in page["rejections"]] == [f"large {n}" for n in range(5)]
    found = [r["key"] for r in listed(deployment)]
    assert found == [f"large {n}" for n in range(12)] + [f"small {n}" for n in range(100)] + ["last"]


# Writes of one row, and what becomes of each. `whole` is at least -5.
STEPS = (
    ("PUT", {"text": "a", "whole": -5}, 201),
    ("INCREMENT", {"whole": -1}, 409),
    ("INCREMENT", {"whole": 1}, 200),
    ("INCREMENT", {"part": -2}, 409),
    ("PATCH", {"text": "b"}, 200),
    ("DELETE", None, 204),
    ("DELETE", None, 404),
    ("PATCH", {"text": "c"}, 404),
    ("PUT", {"text": "d"}, 201),
    ("PUT", {"text": "e"}, 200),
    ("DELETE", None, 204),
    ("PUT", {"text": "f", "whole": -4}, 201),
    ("INCREMENT", {"whole": -2}, 409),
)
TYPES = {
    "PUT": "application/json",
    "PATCH": "application/merge-patch+json",
    "INCREMENT": "application/vnd.sluice.increment+json",
}


def step(api, key, kind, document):
    method = "PATCH" if kind == "INCREMENT" else kind
    headers = {"Prefer": "wait=30"}
    if document is not None:
        headers["Content-Type"] = TYPES[kind]
        document = json.dumps(document).encode()
    return api.http.request(method, key_path(key, "samples"), document, headers)


def outcome_of(deployment, answer):
    told = status(deployment, answer.position)
    told.pop("position")
    problem = answer.json().get("constraint") if answer.status == 409 else None
    return answer.status, problem, told


def test_a_batch_decides_as_its_writes_alone(deployment):
    """The same writes one by one, each in a batch of its own, and in one batch."""
    (api,), (writer,) = deployment.of("api"), deployment.of("writer")
    alone, together = str(uuid.uuid4()), str(uuid.uuid4())
    one_by_one = [step(api, alone, kind, document) for kind, document, _ in STEPS]
    assert [a.status for a in one_by_one] == [status for *_, status in STEPS]
    assert admin(deployment, "POST", "/pause").json() == {"paused": True}
    before = writer.metrics()
    with ThreadPoolExecutor(len(STEPS)) as pool:
        sent = []
        for kind, document, _ in STEPS:
            (end,) = deployment.ends()
            sent.append(pool.submit(step, api, together, kind, document))
            wait_until(lambda end=end: deployment.ends() > [end], 30, "it is in the log")
        wait_until(
            lambda: writer.metrics()["sluice_writer_buffered_writes"] == len(STEPS),
            30,
            "the writer holds them all",
        )
        assert admin(deployment, "POST", "/resume").json() == {"paused": False}
        at_once = [future.result() for future in sent]
    after = writer.metrics()
    assert after["sluice_writer_batches_total"] == before["sluice_writer_batches_total"] + 1
    refused = "sluice_writer_batches_failed_total", 'why="reject"'
    assert after[refused] == before[refused]  # the database was not asked twice
    assert [outcome_of(deployment, a) for a in at_once] == [
        outcome_of(deployment, a) for a in one_by_one
    ]
    rows = deployment.sql("SELECT text, whole, part FROM samples")
    assert rows == [("f", -4, 1.5)] * 2
    said = deployment.sql(
        "SELECT r.op, r.reason, r.detail FROM sluice.rejections r ORDER BY version"
    )
    assert said[: len(said) // 2] == said[len(said) // 2 :], said


def test_a_constraint_by_hand_judges_every_write(deployment, no_poison):
    """Those that a later write of the same batch replaces, too, and in the order of the
    log: b may not have what a gives up only after it."""
    (api,), (writer,) = deployment.of("api"), deployment.of("writer")
    assert api.http.put("a", "x", prefer="wait=10").status == 201
    assert api.http.put("b", "y", prefer="wait=10").status == 201
    deployment.sql("ALTER TABLE records ADD CONSTRAINT one_of_each UNIQUE (value)")
    try:
        wait_until(
            lambda: any("by=order" in line for line in writer.events("collection.judged")),
            30,
            "the writer has seen it",
        )
        # Applied at once, in the order of their keys, nothing of it would be refused.
        writes = [("b", "x"), ("a", "z"), ("d", POISON), ("d", "good")]
        receipts = as_one_batch(deployment, writes)
        history.settle(deployment)
        told = [status(deployment, r.position) for r in receipts]
        assert [t.get("constraint") for t in told] == ["one_of_each", None, "no_poison", None]
        assert (told[1]["state"], told[3]["state"]) == ("committed", "committed")
        rows = {key: row[0] for key, row in deployment.rows().items()}
        assert rows == {"a": "z", "b": "y", "d": "good"}
    finally:
        deployment.sql("ALTER TABLE records DROP CONSTRAINT one_of_each")
