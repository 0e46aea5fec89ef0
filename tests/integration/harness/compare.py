"""Is everything that Postgres holds, and everything that was announced, what the
model says? Each check raises with what differs."""

import bisect
import collections
import datetime
import json

from .model import APPLIED, FIELDS, REPLAYED, read_json

BATCHES = """
CREATE TABLE batches (n bigserial, partition int, start bigint, upto bigint);
CREATE FUNCTION batches() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  INSERT INTO batches (partition, start, upto)
  VALUES (new.partition, old.next_offset, new.next_offset);
  RETURN NULL;
END $$;
CREATE TRIGGER batches AFTER UPDATE ON sluice.progress
  FOR EACH ROW WHEN (new.next_offset <> old.next_offset) EXECUTE FUNCTION batches();
"""


def same(what, want, got):
    """Two dictionaries are equal."""
    wrong = [key for key in want.keys() | got.keys() if want.get(key) != got.get(key)]
    told = [f"{key}: not {want.get(key)} but {got.get(key)}" for key in wrong[:20]]
    assert not wrong, f"{what}: {len(wrong)} differ:\n" + "\n".join(told)


def batches(deployment):
    """Every batch in the order of the commits, each beginning where the one before
    ended: (partition, start, end)."""
    found = deployment.sql("SELECT partition, start, upto FROM batches ORDER BY n")
    at = collections.Counter()
    for partition, start, upto in found:
        assert start == at[partition] < upto, f"{partition}: {start} after {at[partition]}"
        at[partition] = upto
    assert [at[p] for p in range(deployment.partitions)] == deployment.ends()
    return found


def refused(deployment):
    """The places of the writes that a constraint of the database was against."""
    query = "SELECT partition, version FROM sluice.rejections WHERE reason = %s"
    return set(deployment.sql(query, "constraint-violation"))


# --- rows ---------------------------------------------------------------------


def microseconds(text):
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    delta = datetime.datetime.fromisoformat(text) - epoch
    return delta // datetime.timedelta(microseconds=1)


def read_document(key, text):
    """A canonical document as (fields, created_at, updated_at)."""
    document = read_json(text)
    collection, name = key.split("/", 1)
    assert list(document) == ["key", *FIELDS[collection], "created_at", "updated_at"]
    assert document.pop("key") == name
    created, updated = document.pop("created_at"), document.pop("updated_at")
    return document, microseconds(created), microseconds(updated)


def of_row(row):
    return row.document, row.created_at, row.updated_at


def rows(deployment):
    """Every row: key -> (version, canonical document)."""
    found = {}
    for collection, fields in FIELDS.items():
        columns = ", ".join(f"t.{name}" for name in ("key", *fields))
        query = (
            "SELECT t.key, t.version, (SELECT row_to_json(d) FROM"
            f" (SELECT {columns}, t.created_at, t.updated_at) d)::text FROM {collection} t"
        )
        for key, version, text in deployment.sql(query):
            found[f"{collection}/{key}"] = (version, text)
    return found


def check_rows(model, found):
    want = {k: (row.version, *of_row(row)) for k, row in model.rows.items() if row}
    got = {k: (version, *read_document(k, text)) for k, (version, text) in found.items()}
    same("rows", want, got)


def check_sums(model, deployment, prefix, copies):
    """What the database says it applied of increments is what its rows have: the
    counters with this prefix begin at 0, are never put again, and never deleted.
    Returns the sum."""
    without = set(copies) | {
        (partition, version)
        for table in ("rejections", "replays")
        for partition, version in deployment.sql(
            f"SELECT partition, version FROM sluice.{table}"
        )
    }
    sums = collections.Counter()
    for record in model.records:
        if record.op == "increment" and record.key.startswith(f"counters/{prefix}"):
            if record.place not in without:
                sums[record.key] += record.body["count"]
    query = "SELECT 'counters/' || key, count FROM counters WHERE starts_with(key, %s)"
    found = dict(deployment.sql(query, prefix))
    same("sums", {key: sums[key] for key in found.keys() | sums.keys()}, found)
    return sums.total()


# --- outcomes -----------------------------------------------------------------


def expected_rejection(model, record, reason, constraints):
    """(collection, key, op, reason, body, constraint), as Postgres should have it."""
    where, _, key = record.key.partition("/")
    known = where in FIELDS and record.op is not None
    return (
        where if known else "",
        key if known else record.key,
        record.op or "unknown",
        reason,
        record.raw or b"",
        constraints[where] if reason == "constraint-violation" else None,
    )


def check_rejections(model, deployment, constraints):
    found = deployment.sql(
        "SELECT partition, version, collection, key, op, reason, coalesce(body, ''),"
        " CASE reason WHEN 'constraint-violation' THEN detail END FROM sluice.rejections"
    )
    want = {
        place: expected_rejection(model, model.record(place), o.what, constraints)
        for place, o in model.outcomes.items()
        if o.rejected
    }
    same("rejections", want, {(row[0], row[1]): tuple(row[2:]) for row in found})


def check_retries(model, deployment):
    """Idempotency keys, replays, and how far the producers are."""
    found = deployment.sql(
        "SELECT key, fingerprint, partition, version, outcome FROM sluice.idempotency"
    )
    got = {key: (f"{f % 2**64:016x}", (p, v), what) for key, f, p, v, what in found}
    same("idempotency keys", model.idempotency, got)

    found = deployment.sql(
        "SELECT partition, version, first_partition, first_version, outcome"
        " FROM sluice.replays"
    )
    want = {
        place: (o.first, model.outcomes[o.first].what)
        for place, o in model.outcomes.items()
        if o.what == REPLAYED
    }
    same("replays", want, {(p, v): ((fp, fv), what) for p, v, fp, fv, what in found})

    found = deployment.sql("SELECT partition, instance, last_seq FROM sluice.producers")
    same("producers", model.producers, {(p, i): seq for p, i, seq in found})


# --- announcements ------------------------------------------------------------


class Announced:
    """One partition of the log of commits, in its order."""

    def __init__(self, model, partition):
        self.model = model
        self.partition = partition
        self.through = 0
        self.newest = {}  # key -> (version, document or None)
        self.changes = sorted(  # (version, key)
            (version, record.key)
            for record in model.log.get(partition, [])
            for version in [record.place[1]]
            if model.outcomes[record.place].what in ("created", "replaced", "deleted")
        )
        self.rejected = sorted(
            (place[1], o.what)
            for place, o in model.outcomes.items()
            if place[0] == partition and o.rejected
        )
        self.replays = sorted(
            (place[1], o.first, *first_of(model, o.first))
            for place, o in model.outcomes.items()
            if place[0] == partition and o.what == REPLAYED
        )

    def take(self, m):
        if m.key() == b"_mark":
            self._mark(json.loads(m.value()))
        else:
            self._record(m.key().decode(), dict(m.headers()), m.value())

    def _record(self, key, headers, value):
        version = int(headers["version"])
        states = self.model.states.get(key, [])
        if value is None:
            # Of a row that is gone a late announcer does not know since when.
            gone = any(v >= version and row is None for v, row in states)
            before = [row for v, row in states if v <= version]
            assert gone or not before or before[-1] is None, f"{key} is there: {version}"
        else:
            row = dict(states).get(version)
            assert row, f"{key} was never {version}: {value}"
            assert read_document(key, value) == of_row(row), f"{key} {version}: {value}"
            if "created" in headers:
                assert int(headers["created"]) == row.creator, f"{key} {version}"
        if version >= self.newest.get(key, (-1, None))[0]:
            self.newest[key] = (version, value and value.decode())

    def _mark(self, mark):
        start, end = int(mark["from"]), int(mark["through"])
        where = f"{self.partition}: {start} to {end}"
        if mark.get("anew"):  # no mark was there when the gap was announced
            assert start == end <= self.through, f"{where} after {self.through}"
            return
        assert start < end and start <= self.through, f"{where} after {self.through}"
        self.through = max(end, self.through)
        rejected = [(int(r["version"]), r["reason"]) for r in mark.get("rejected", [])]
        want = between(self.rejected, start, end)
        assert rejected == want, f"{where}: not {want} but {rejected}"
        replays = [replay_of(r) for r in mark.get("replays", [])]
        want = between(self.replays, start, end)
        assert replays == want, f"{where}: not {want} but {replays}"
        for version, key in between(self.changes, start, end):
            newest = self.newest.get(key, (-1, None))[0]
            assert newest >= version, f"{where}: {key} was announced at {newest}"


def first_of(model, place):
    """The outcome of the first write of a replay; of a row that it changed, the key."""
    what = model.outcomes[place].what
    key = model.record(place).key.split("/", 1)[1] if what in APPLIED else None
    return what, key


def replay_of(replay):
    """As a mark says it."""
    first = tuple(int(n) for n in replay["first"].split("-"))
    what = replay["outcome"]
    return int(replay["version"]), first, what, replay["key"] if what in APPLIED else None


def between(items, start, end):
    """Those of a sorted list whose versions are in [start, end)."""
    low = bisect.bisect_left(items, (start,))
    return items[low : bisect.bisect_left(items, (end,))]


def check_commits(model, deployment, found):
    """Each record says what was so at its version, each mark all that was rejected
    or replayed, and stands behind what was changed; the last ones say what Postgres has."""
    parts = [Announced(model, p) for p in range(deployment.partitions)]
    for m in deployment.servers.read_log(deployment.commits, deployment.partitions):
        parts[m.partition()].take(m)
    assert [part.through for part in parts] == deployment.progress()
    newest = {key: what for part in parts for key, what in part.newest.items()}
    same("announced", found, {k: what for k, what in newest.items() if what[1] is not None})
