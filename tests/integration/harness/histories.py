"""Random histories: the writes of one key, one after the other, each sent when
the receipt of the one before is there, and many histories at once.

A history does not wait for commits, so a precondition may name the version of a
write that is not applied yet, or never will be.
"""

import itertools
from collections import deque

from .client import key_path
from .model import STATUS

TYPES = {
    "put": "application/json",
    "patch": "application/merge-patch+json",
    "increment": "application/vnd.sluice.increment+json",
}
METHODS = {"put": "PUT", "patch": "PATCH", "increment": "PATCH", "delete": "DELETE"}
ANSWERS = {202, *STATUS.values()}

# The database's own rule, an operator's: as SQL, and as the model sees it.
RULES = {
    "records": ("no_poison", "value NOT LIKE 'poison%'"),
    "counters": ("no_beast", "count <> 666"),
}


def forbidden(key, document):
    if key.startswith("records/"):
        return document["value"].startswith("poison")
    return document["count"] == 666


class Request:
    """A write as a client wants it, and what it was answered."""

    def __init__(self, key, op, body, condition, idempotency, wait, tag):
        self.key = key  # collection/key
        self.op = op
        self.body = body  # text; None of a delete
        self.condition = condition  # (header, value) or None
        self.idempotency = idempotency
        self.wait = wait
        self.tag = tag
        self.status = None
        self.place = None  # (partition, offset); of a replay it is the first one's
        self.replayed = False

    @property
    def same(self):
        """Equal in two requests that are the same one for an Idempotency-Key."""
        return (self.key, self.op, self.body, self.condition)

    @property
    def message(self):
        collection, name = self.key.split("/", 1)
        lines = [
            f"{METHODS[self.op]} {key_path(name, collection)} HTTP/1.1",
            "Host: localhost",
            f"traceparent: 00-{self.tag}-{1:016x}-01",
            f"Prefer: wait={self.wait}" if self.wait else "Prefer: respond-async",
        ]
        if self.condition:
            lines.append(": ".join(self.condition))
        if self.idempotency:
            lines.append(f'Idempotency-Key: "{self.idempotency}"')
        body = (self.body or "").encode()
        if self.body is not None:
            lines += [f"Content-Type: {TYPES[self.op]}", f"Content-Length: {len(body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + body

    def __repr__(self):
        return f"<{self.op} {self.key} {self.body} {self.condition} {self.tag}>"


class History:
    def __init__(self, key, length, rng, draw, tags, keys):
        self.key = key
        self.left = length
        self.rng = rng
        self.draw = draw  # (rng) -> (op, body)
        self.tags = tags
        self.keys = keys  # Idempotency-Keys of all histories, newest last
        self.versions = []
        self.keyed = []  # requests that had an Idempotency-Key

    def next(self):
        self.left -= 1
        rng, tag = self.rng, f"{next(self.tags):032x}"
        wait = 10 if rng.random() < 0.01 else None
        if self.keyed and rng.random() < 0.1:
            again = rng.choice(self.keyed)
            return Request(*again.same, again.idempotency, wait, tag)
        op, body, condition = self._draw()
        request = Request(self.key, op, body, condition, None, wait, tag)
        if rng.random() < 0.2:
            request.idempotency = self._idempotency(tag)
            self.keyed.append(request)
        return request

    def answered(self, request):
        if request.place and not request.replayed:
            self.versions.append(request.place[1])

    def _draw(self):
        return *self.draw(self.rng), self._condition()

    def _condition(self):
        if self.rng.random() < 0.7:
            return None
        newest = self.versions[-1:] or [0]
        some = [self.rng.choice(self.versions or [7])]
        match = self.rng.choice(
            [newest, newest, newest, some, [*some, *newest], ["none"], ["absent"], ["*"]]
        )
        if match == ["absent"]:
            return ("If-None-Match", "*")
        if match == ["*"]:
            return ("If-Match", "*")
        return ("If-Match", ", ".join(f'"{version}"' for version in match))

    def _idempotency(self, tag):
        """A new key, mostly; one that was used for something else, sometimes."""
        if self.keys and self.rng.random() < 0.15:
            return self.rng.choice(self.keys)
        self.keys.append(f"key-{tag}")
        return self.keys[-1]


def draw_record(rng):
    op = rng.choices(["put", "patch", "delete"], [6, 3, 2])[0]
    if op == "delete":
        return op, None
    poison = "poison " if rng.random() < 0.05 else ""
    return op, f'{{"value":"{poison}{rng.getrandbits(64):x}"}}'


def draw_counter(rng):
    op = rng.choices(["put", "patch", "delete", "increment"], [3, 2, 1, 5])[0]
    if op == "delete":
        return op, None
    count, some = rng.randrange(-1000, 1000), rng.random()
    if op != "increment" and some < 0.08:
        count = 2**63 - 1 - rng.randrange(500)
    elif op != "increment" and some < 0.12:
        count = 666
    amount = f"{rng.randrange(-999, 999)}.{rng.randrange(1000)}"
    if op != "increment" and rng.random() < 0.1:
        amount = "null"
    both = rng.random()
    if both < 0.5 or (op == "put" and both < 0.7):
        return op, f'{{"count":{count}}}'
    if op == "put" or both < 0.7:
        return op, f'{{"count":{count},"amount":{amount}}}'
    return op, f'{{"amount":{amount}}}'


def draw_hot(rng):
    """A counter that is never put again once it is there."""
    if rng.random() < 0.05:
        return "put", '{"count":0}'
    return "increment", f'{{"count":{rng.randrange(1, 1000)}}}'


class HotHistory(History):
    """Of a key that it shares with others: all that they add must be there."""

    def _draw(self):
        op, body = self.draw(self.rng)
        return op, body, ("If-None-Match", "*") if op == "put" else None


class Histories:
    """`total` histories, `open` of them at once; a source of a swarm.

    It goes on with more of them until `enough()`, and pauses while `held`.
    """

    def __init__(self, rng, total, open, enough):
        self.rng = rng
        self.total = total
        self.open = open
        self.enough = enough
        self.held = False
        self.stopped = False
        self.begun = 0
        self.idle = []
        self.flying = {}  # request -> its history
        self.requests = []  # answered
        self.tags = itertools.count(1)
        self.keys = deque(maxlen=2000)

    def stop(self):
        self.stopped = True

    @property
    def done(self):
        return not self.flying and (self.stopped or (self._over and not self.idle))

    @property
    def _over(self):
        return self.begun >= self.total and self.enough()

    def _begin(self):
        self.begun += 1
        rng, n = self.rng, self.begun
        kind, draw = History, rng.choice([draw_record, draw_counter])
        key = f"{'records' if draw is draw_record else 'counters'}/h{n}"
        if n % 20 == 0:
            kind, draw, key = HotHistory, draw_hot, f"counters/hot{rng.randrange(10)}"
        length = rng.randint(3, 12)
        self.idle.append(kind(key, length, rng, draw, self.tags, self.keys))

    def next(self):
        if self.held or self.stopped:
            return None
        if len(self.idle) + len(self.flying) < self.open and not self._over:
            self._begin()
        if not self.idle:
            return None
        at = self.rng.randrange(len(self.idle))
        self.idle[at], self.idle[-1] = self.idle[-1], self.idle[at]
        history = self.idle.pop()
        request = history.next()
        self.flying[request] = history
        return request

    def answered(self, request, status, headers, body):
        assert status in ANSWERS, f"{request}: {status} {body}"
        request.status = status
        request.replayed = headers.get("idempotency-replayed") == "true"
        request.place = tuple(map(int, headers["sluice-position"].split("-")))
        self.requests.append(request)
        history = self.flying.pop(request)
        history.answered(request)
        if history.left:
            self.idle.append(history)
