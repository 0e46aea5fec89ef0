"""What the record of a run must satisfy (no I/O).

The log of writes is the truth: `Model` applies it one write at a time and knows
every state that each key has had. `check` holds the answers of all requests
against it:

- a 2xx for a write: the write is in the log, at the position that was given;
  "not accepted": it is not;
- what a read answers is a state that the key has had, and none older than
    - a commit that the instance is known to have heard of before the read
      began (it answered a write with its outcome, or a read after a position),
    - a position that the read itself named: so what a session reads never goes
      back, on whichever instance, if it passes its positions;
- nobody waited in vain: a write that was answered with its outcome has the
  outcome that the log says.

Rows that another program changes (harness/foreign.py) have touches in the log, and
the commits say what each touch took. What a read of such a row answers is something
that the program wrote, and nothing older than what was taken by a touch that the
instance has heard of, or whose position was named. Between the commit of the program
and the touch it may be newer than its version.
"""

import bisect
import json
from dataclasses import dataclass, field

DECIDED = {200, 201, 204, 404, 412}


@dataclass
class Write:
    """A write as it was sent, and what was answered."""

    tag: str  # unique, in the log, too
    key: str  # collection/key
    api: tuple  # (number, incarnation) when it was sent
    begin: float
    end: float = None
    api_end: tuple = None
    status: int = None  # None: no answer
    problem: str = None
    position: tuple = None  # (partition, offset)


@dataclass
class Read:
    key: str
    api: tuple
    begin: float
    after: dict = field(default_factory=dict)  # partition -> offset
    end: float = None
    api_end: tuple = None
    status: int = None
    version: int = None
    document: dict = None
    tier: str = None


class Model:
    """The log, applied one write at a time."""

    def __init__(self, messages):
        self.partition = {}  # key -> partition
        self.places = {}  # tag -> [(partition, offset)]
        self.status = {}  # (partition, offset) -> what a waiting client gets
        self.states = {}  # key -> [(version, document or None)], the first absent
        self.told = {}  # key of another program -> [(offset of a touch, number)]
        self.last_seq = {}
        for m in messages:
            self._apply(m)

    def _apply(self, m):
        headers = {name: value.decode() for name, value in m.headers()}
        place = (m.partition(), m.offset())
        producer = (m.partition(), headers["instance"])
        if int(headers["seq"]) <= self.last_seq.get(producer, -1):
            return  # the second copy of a record
        self.last_seq[producer] = int(headers["seq"])
        key = m.key().decode()
        self.partition[key] = m.partition()
        if headers["op"] == "touch":
            self.told.setdefault(key, [])
            return
        tag = headers["traceparent"].split("-")[1]
        self.places.setdefault(tag, []).append(place)
        body = json.loads(m.value()) if m.value() else None
        states = self.states.setdefault(key, [(-1, None)])
        before = states[-1][1]
        self.status[place], after = decide(headers["op"], before, body)
        if after is not before:
            states.append((m.offset(), after))

    def hear(self, commits):
        """What the touches took."""
        for m in commits:
            told = self.told.get(m.key().decode())
            if told is not None and m.value():
                version = int(dict(m.headers())["version"])
                told.append((version, int(json.loads(m.value())["value"])))
        for told in self.told.values():
            told.sort()

    def taken(self, key, bound):
        """What the touches below `bound` took at last."""
        below = [n for offset, n in self.told.get(key, []) if offset < bound]
        return max(below, default=-1)

    def row(self, key):
        return self.states[key][-1]

    def known_at(self, key, bound):
        """The index of the state that a read must at least show, when all writes
        below `bound` are known."""
        return bisect.bisect_left(self.states[key], bound, key=lambda s: s[0]) - 1


def decide(op, before, body):
    """What a write does to a document: (status, document)."""
    if op == "put":
        return (201 if before is None else 200), dict(body)
    if before is None:
        return 404, None
    if op == "delete":
        return 204, None
    if op == "patch":
        return 200, {**before, **body}
    assert op == "increment", op
    return 200, {**before, **{k: before[k] + n for k, n in body.items()}}


class Heard:
    """What each instance is known to have heard of, and since when."""

    def __init__(self, writes, reads):
        found = []
        for w in writes:
            if w.position and w.status in DECIDED and w.api == w.api_end:
                found.append((w.end, w.api, w.position[0], w.position[1] + 1))
        for r in reads:
            if r.status in (200, 404) and r.api == r.api_end:
                found += [(r.end, r.api, p, at + 1) for p, at in r.after.items()]
        self.times = {}
        self.bounds = {}
        for end, api, partition, bound in sorted(found):
            bounds = self.bounds.setdefault((api, partition), [0])
            self.times.setdefault((api, partition), []).append(end)
            bounds.append(max(bound, bounds[-1]))

    def bound(self, api, partition, time):
        """Everything below it was heard of before `time`."""
        times = self.times.get((api, partition), [])
        return self.bounds.get((api, partition), [0])[bisect.bisect_left(times, time)]


def check_write(model, w):
    places = model.places.get(w.tag, [])
    if len(places) > 1:
        return f"in the log {len(places)} times"
    if w.position and places != [w.position]:
        return f"acknowledged at {w.position}, in the log at {places}"
    if w.status in DECIDED | {202} and not places:
        return "acknowledged, not in the log"
    if w.status == 503 and w.problem != "write-outcome-unknown" and places:
        return "refused, but in the log"
    if w.status in DECIDED and not same(model.status[places[0]], w.status):
        return f"the outcome was {model.status[places[0]]}"
    return None


def same(decided, answered):
    """Whether a write made its row is known to the writer that applied it; what
    another announces for it, after its death, is a commit (docs/http.md)."""
    return answered == decided or (decided, answered) == (201, 200)


def check_read(model, heard, r):
    states = model.states.get(r.key, [(-1, None)])
    partition = model.partition.get(r.key)
    named = r.after.get(partition, -1) + 1
    known = heard.bound(r.api, partition, r.begin) if r.api == r.api_end else 0
    least = model.known_at(r.key, max(named, known)) if r.key in model.states else 0
    shown = [
        i
        for i, (version, document) in enumerate(states)
        if document == r.document and (r.document is None or version == r.version)
    ]
    if not shown:
        return "no state that the key has ever had"
    if shown[-1] < least:
        why = "a position that it named" if named >= known else "a commit heard of"
        return f"older than {why}: state {shown[-1]}, not {least} {states[least]}"
    return None


def check_foreign_read(model, heard, tried, r):
    partition = model.partition.get(r.key)
    named = r.after.get(partition, -1) + 1
    known = heard.bound(r.api, partition, r.begin) if r.api == r.api_end else 0
    least = model.taken(r.key, max(named, known))
    shown = int(r.document["value"]) if r.document else -1
    if r.document and shown not in tried:
        return "nothing that the program has ever written"
    if shown < least:
        why = "a position that it named" if named >= known else "a touch heard of"
        return f"older than {why}: {shown}, not {least}"
    return None


def check(model, writes, reads, foreign=None):
    """Every violation, as text. `foreign`: key of another program -> the numbers that
    it has tried to write."""
    heard = Heard(writes, reads)
    found = [(check_write(model, w), w) for w in writes]
    for r in reads:
        if r.status not in (200, 404):
            continue
        if foreign and r.key in foreign:
            found.append((check_foreign_read(model, heard, foreign[r.key], r), r))
        else:
            found.append((check_read(model, heard, r), r))
    return [f"{what}: {event}" for what, event in found if what]
