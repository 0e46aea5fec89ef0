"""What the writer must do, one write at a time (no I/O).

The model is given the log of writes, and the batches in the order in which they
were committed. It knows what becomes of every write, every state that a key has
had, and so what Postgres must hold in the end. Batches matter to it in two ways
only:

- an Idempotency-Key that is used for keys of two partitions belongs to the write
  that was committed first;
- what the database itself forbids (`forbidden`) may pass unseen if another write of
  the same batch replaces it (writer/decide/fold.c). So the model is told which writes the
  database refused. It minds a refusal that is not called for, and a batch that ends
  with what is forbidden.
"""

import json
from dataclasses import dataclass
from decimal import Decimal

import xxhash

FIELDS = {"records": ("value",), "counters": ("count", "amount")}
INT8 = range(-(2**63), 2**63)

COPY = "copy"  # has no effect, not even an outcome
REPLAYED = "replayed"
APPLIED = ("created", "replaced", "deleted")


def read_json(text):
    return json.loads(text, parse_float=Decimal)


def homes(key, partitions):
    """The partitions where a record of this key may be. A collection that the writer does
    not know may have groups."""
    collection, _, rest = key.partition("/")
    hashed = {key} if collection in FIELDS else {key, rest.split(":")[0]}
    return {xxhash.xxh3_64_intdigest(h.encode()) % partitions for h in hashed}


class Record:
    """A record of the log of writes."""

    def __init__(self, m, partitions):
        headers = {name: value.decode() for name, value in m.headers() or ()}
        self.place = (m.partition(), m.offset())
        self.key = m.key().decode() if m.key() is not None else ""
        self.raw = m.value()
        self.op = headers.get("op")
        self.producer = (m.partition(), headers.get("instance"))
        self.seq = int(headers.get("seq", -1))
        self.accepted_at = int(headers.get("accepted-at", 0))
        self.match = headers.get("if-match")
        self.none_match = headers.get("if-none-match")
        self.idempotency = headers.get("idempotency-key")
        self.fingerprint = headers.get("fingerprint")
        self.tag = headers.get("traceparent", "--").split("-")[1] or None
        if m.partition() not in homes(self.key, partitions):
            # Nothing that it says of itself counts.
            self.op = self.idempotency = None
            self.producer = (m.partition(), None)

    @property
    def collection(self):
        return self.key.split("/", 1)[0]

    @property
    def body(self):
        return read_json(self.raw)


@dataclass
class Row:
    version: int
    document: dict  # every field of the collection
    created_at: int  # microseconds
    updated_at: int
    creator: int  # the version that made the row


@dataclass
class Outcome:
    what: str  # one of APPLIED, a reason, REPLAYED, COPY
    first: tuple = None  # of a replay: the place of its first write

    @property
    def rejected(self):
        return self.what not in (*APPLIED, REPLAYED, COPY)


def holds(record, row):
    """Does the precondition hold?"""
    if record.none_match is not None:
        return row is None
    if record.match is None:
        return True
    return row is not None and (
        record.match == "*" or str(row.version) in record.match.split(",")
    )


def increment(document, body):
    """The sums; None: one does not fit."""
    sums = {name: (document[name] or 0) + by for name, by in body.items()}
    fits = "count" not in sums or sums["count"] in INT8
    return {**document, **sums} if fits else None


def decide(record, row):
    """(what, document) of a write to a row; the document of a rejected one does
    not count."""
    if not holds(record, row):
        return "precondition-failed", None
    if record.op == "put":
        document = {name: record.body.get(name) for name in FIELDS[record.collection]}
        return "replaced" if row else "created", document
    if row is None:
        return "not-found", None
    if record.op == "delete":
        return "deleted", None
    if record.op == "patch":
        return "replaced", {**row.document, **record.body}
    assert record.op == "increment", record.op
    document = increment(row.document, record.body)
    return ("overflow" if document is None else "replaced"), document


class Model:
    """`strange` names the outcome of the records that Sluice did not write:
    place -> reason. `forbidden(key, document)` is the database's own rule, for which
    it refused the writes at the places `refused`."""

    def __init__(self, messages, partitions, strange, forbidden, refused):
        self.log = {}  # partition -> its records
        for m in messages:
            log = self.log.setdefault(m.partition(), [])
            assert m.offset() == len(log), f"{m.partition()}: a hole at {len(log)}"
            log.append(Record(m, partitions))
        self.strange = strange
        self.forbidden = forbidden
        self.refused = refused
        self.rows = {}  # key -> Row, or None
        self.states = {}  # key -> [(version, Row or None)]
        self.outcomes = {}  # place -> Outcome
        self.idempotency = {}  # key -> (fingerprint, place, what)
        self.producers = {}  # (partition, instance) -> seq
        self.faults = []

    @property
    def records(self):
        return (record for log in self.log.values() for record in log)

    def record(self, place):
        return self.log[place[0]][place[1]]

    def commit(self, partition, start, end):
        """The next batch."""
        records = self.log[partition][start:end]
        for record in records:
            self.outcomes[record.place] = self._judge(record)
        for key in {record.key for record in records}:
            row = self.rows.get(key)
            if row and self.forbidden(key, row.document):
                self.faults.append(f"{key}: {row} was committed at {partition}-{end}")

    def _judge(self, record):
        if record.producer[1] is not None:
            if record.seq <= self.producers.get(record.producer, -1):
                return Outcome(COPY)
            self.producers[record.producer] = record.seq
        first = self.idempotency.get(record.idempotency)
        if first and first[0] == record.fingerprint:
            return Outcome(REPLAYED, first[1])
        if first:
            return Outcome("idempotency-key-reused")
        outcome = Outcome(self.strange.get(record.place) or self._apply(record))
        if record.idempotency is not None:
            self.idempotency[record.idempotency] = (
                record.fingerprint,
                record.place,
                outcome.what,
            )
        return outcome

    def _apply(self, record):
        row = self.rows.get(record.key)
        what, document = decide(record, row)
        if record.place in self.refused:
            if document is None or not self.forbidden(record.key, document):
                self.faults.append(f"{record.place} was refused: {what} {document}")
            return "constraint-violation"
        if what not in APPLIED:
            return what
        version = record.place[1]
        after = None
        if document is not None:
            created = (record.accepted_at, version)
            if row:
                created = (row.created_at, row.creator)
            after = Row(version, document, created[0], record.accepted_at, created[1])
        self.rows[record.key] = after
        self.states.setdefault(record.key, []).append((version, after))
        return what

    def status(self, place):
        """What a client that waited for it is answered."""
        outcome = self.outcomes[place]
        if outcome.what == REPLAYED:
            return self.status(outcome.first)
        return STATUS[outcome.what]


STATUS = {
    "created": 201,
    "replaced": 200,
    "deleted": 204,
    "not-found": 404,
    "constraint-violation": 409,
    "precondition-failed": 412,
    "overflow": 422,
    "idempotency-key-reused": 422,
    "malformed": 422,
    "validation-failed": 422,
}
