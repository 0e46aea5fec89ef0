"""Two owners, their documents, and the requests by which one of them tries to learn
about the other's.

Every text of an owner begins with `secret-of-<owner>`, and so do the keys of what
stays theirs with `<owner>-`: in answers to the other owner, neither may occur.

What nobody else may tell from what is absent is asked for twice (Twins): with a key
of the other owner, and with one that is not there.
"""

import base64
import collections
import itertools
import json
import random
import re

from .bulk import LINES, lines
from .callers import COLLECTIONS, Guarded
from .wires import Wire

OWNERS = ("ann", "ben")
FIELDS = {"notes": "text", "posts": "content", "records": "value"}
OWNED_BY = {"notes": "owner", "posts": "author", "records": "owner"}
ROWS = 40  # of each owner, in each collection
WANDERERS = 16  # notes that the editor gives to the one and the other
WAITED = {"Content-Type": "application/json", "Prefer": "wait=30"}
MERGE = "application/merge-patch+json"
INCREMENT = "application/vnd.sluice.increment+json"
# Which of them there are must not depend on what is there; their values may.
RANDOM = {"date", "server-timing", "sluice-position", "location", "x-request-id"}
REQUEST_ID = re.compile(rb',"request_id":"[0-9a-f]{16}"')


def other_of(name):
    return OWNERS[1 - OWNERS.index(name)]


def secret(owner):
    return f"secret-of-{owner}-{random.getrandbits(40)}"


def document(collection, key):
    return f"/v1/{collection}/{key}"


def seed(collection, key):
    if collection == "notes":
        return document(collection, key)
    return f"/read/{key}" if collection == "records" else f"/posts/{key}"


def json_body(**fields):
    return json.dumps(fields).encode()


class Rows:
    """The keys of each owner, keys that nobody has, and what answers told."""

    def __init__(self):
        self.keys = {(o, c): [] for o in OWNERS for c in FIELDS}
        self.wanderers = [f"wanderer-{n}" for n in range(WANDERERS)]
        self.tags = {}  # (collection, key) -> the newest ETag that its owner saw
        # owner -> what the other one may use: each once
        self.pages, self.positions, self.tries, self.events = (
            {o: collections.deque(maxlen=200) for o in OWNERS} for _ in range(4)
        )
        self.groups = {}  # owner -> the ETag of the group
        self.numbers = {
            o: itertools.count(10**7 * (n + 1)) for n, o in enumerate(OWNERS)
        }

    def new(self, owner, collection, rng):
        if collection == "posts":
            return str(next(self.numbers[owner]) * 3)
        return f"{owner}-{rng.getrandbits(48):012x}"

    def absent(self, owner, collection, rng):
        """A key that looks like one of the owner's, as long."""
        if collection == "posts":
            return str(10**8 * 9 + rng.randrange(10**7))[:8]
        return self.new(owner, collection, rng)


class Owners:
    """A deployment of two API instances, with documents of both owners."""

    def __init__(self, servers, deploy):
        self.guarded = Guarded(deploy(servers, collections=COLLECTIONS), apis=2)
        self.world = self.guarded.world
        self.apis = self.world.of("api")
        self.rows = Rows()
        self.editors = [self.guarded.as_("editor", api) for api in self.apis]
        self.opened = []

    def headers(self, name):
        return self.guarded.callers.headers[name]

    def wire(self, name, api):
        made = Wire(api.http.port, self.headers(name))
        self.opened.append(made)
        return made

    def wires(self):
        """New ones: of each owner, to each instance."""
        return {o: [self.wire(o, api) for api in self.apis] for o in OWNERS}

    def close(self):
        for wire in self.opened:
            wire.close()

    def fill(self):
        rng = random.Random(1)
        for collection, field in FIELDS.items():
            documents = []
            for owner in OWNERS:
                mine = [self.rows.new(owner, collection, rng) for _ in range(ROWS)]
                self.rows.keys[owner, collection] = mine
                documents += [self.row(owner, collection, field, k) for k in mine]
            self.create(collection, documents)
        self.create(
            "notes", [self.row("ann", "notes", "text", k) for k in self.rows.wanderers]
        )
        self.fill_group()

    def fill_group(self):
        operations = [
            {"op": "create", "collection": "orders", "key": f"shared:{owner}-{n}",
             "document": {"owner": owner, "text": secret(owner)}}
            for owner in OWNERS for n in range(5)
        ]  # fmt: skip
        answer = self.editors[0].request(
            "POST", "/v1/_batch", json.dumps(operations).encode(), WAITED
        )
        assert answer.status == 200, answer

    def row(self, owner, collection, field, key):
        own = {field: secret(owner), OWNED_BY[collection]: owner}
        if collection == "posts":
            return {"id": int(key), "title": f"title {key}", **own}
        return {"key": key, **own}

    def create(self, collection, documents):
        headers = {"Content-Type": LINES, "Prefer": "wait=30"}
        answer = self.editors[0].request(
            "POST", f"/v1/{collection}", lines(documents), headers
        )
        made = [json.loads(line) for line in answer.body.splitlines()]
        assert [m["status"] for m in made] == [201] * len(documents), answer


# --- what may be seen ------------------------------------------------------------


def texts_of(answer):
    """Its bytes, and what its cursors say."""
    yield answer.head
    yield answer.body
    for cursor in re.findall(rb"cursor=([\w-]+)", answer.head):
        yield base64.urlsafe_b64decode(cursor + b"=" * (-len(cursor) % 4))


def check_unseen(answer, other, request, asked=()):
    """Nothing of the other owner is in it, but the keys that were asked for."""
    for text in texts_of(answer):
        for key in asked:
            text = text.replace(key.encode(), b"KEY")
        for mark in (f"secret-of-{other}", f'"{other}"', f"{other}-"):
            assert mark.encode() not in text, (mark, request, answer)


def plain(answer, key):
    """What may not differ."""

    def replaced(text):
        return text and text.replace(key.encode(), b"KEY")

    # A place has as many digits as it has; of a body, its bytes are compared.
    ignored = RANDOM | ({"content-length"} if answer.body else set())
    fields = [(name, replaced(value)) for name, value in answer.named(ignored)]
    body = re.sub(rb'"position":"[^"]*"', b'"position":"P"', replaced(answer.body))
    return answer.status, fields, REQUEST_ID.sub(b"", body)


# --- requests that must not tell a foreign key from an absent one ----------------


def read(**headers):
    named = {k.replace("_", "-"): v for k, v in headers.items()}
    return lambda c, key, tag: ("GET", document(c, key), named, None)


def read_if(name, method="GET"):
    return lambda c, key, tag: (method, document(c, key), {name: tag}, None)


def change(method, body=None, **headers):
    named = {**WAITED, **{k.replace("_", "-"): v for k, v in headers.items()}}
    return lambda c, key, tag: (method, document(c, key), named, body and body(c))


def of_field(c):
    return json_body(**{FIELDS[c]: "tried"})


def whole(c):
    extra = {"title": "tried"} if c == "posts" else {}
    return json_body(**{FIELDS[c]: "tried"}, **extra)


QUICK = {
    "read": read(),
    "head": lambda c, key, tag: ("HEAD", document(c, key), {}, None),
    "no-cache": read(Cache_Control="no-cache"),
    "only-if-cached": read(Cache_Control="only-if-cached"),
    "max-age": read(Cache_Control="max-age=0"),
    "if none matches the other's": read_if("If-None-Match"),
    "head if none matches": read_if("If-None-Match", "HEAD"),
    "if the other's matches": read_if("If-Match"),
    "if none matches any": read(If_None_Match="*"),
    "if any matches": read(If_Match="*"),
    "the reference route": lambda c, key, tag: ("GET", seed(c, key), {}, None),
    "the reference route, cached": lambda c, key, tag: (
        "GET", seed(c, key), {"Cache-Control": "only-if-cached"}, None),
}  # fmt: skip
SLOW = {
    "patch": change("PATCH", of_field, Content_Type=MERGE),
    "patch that shows the row": change(
        "PATCH", of_field, Content_Type=MERGE, Prefer="wait=30, return=representation"
    ),
    "increment": change(
        "PATCH", lambda c: json_body(n=1) if c == "notes" else None, Content_Type=INCREMENT
    ),
    "patch, not waited": change(
        "PATCH", of_field, Content_Type=MERGE, Prefer="respond-async"
    ),
    "patch if any matches": change("PATCH", of_field, Content_Type=MERGE, If_Match="*"),
    "put if any matches": change("PUT", whole, If_Match="*"),
    "delete": change("DELETE"),
    "delete if any matches": change("DELETE", If_Match="*"),
    "patch if the other's matches": lambda c, key, tag: (
        "PATCH", document(c, key), {**WAITED, "Content-Type": MERGE, "If-Match": tag},
        of_field(c)),
    "delete if the other's matches": lambda c, key, tag: (
        "DELETE", document(c, key), {**WAITED, "If-Match": tag}, None),
    "the reference route's put": lambda c, key, tag: (
        "PUT", f"/posts/{key}", WAITED, json_body(content="tried")),
    "the reference route's delete": lambda c, key, tag: (
        "DELETE", f"/posts/{key}", WAITED, None),
}  # fmt: skip
ONLY_POSTS = {"the reference route's put", "the reference route's delete"}


class Twins:
    """Two requests that differ by the key only: of the other's document, and of one
    that is not there."""

    def __init__(self, rows, caller, rng, kinds):
        self.kind = rng.choice(list(kinds))
        self.other = other_of(caller)
        collection = rng.choice(list(FIELDS))
        if self.kind in ONLY_POSTS:
            collection = "posts"
        elif self.kind == "increment":
            collection = "notes"
        foreign = rng.choice(rows.keys[self.other, collection])
        absent = rows.absent(self.other, collection, rng)
        tag = rows.tags.get((collection, foreign), '"1"')
        self.keys = [foreign, absent]
        if rng.random() < 0.5:
            self.keys.reverse()
        self.requests = [kinds[self.kind](collection, k, tag) for k in self.keys]

    def check(self, answers):
        for request, answer in zip(self.requests, answers):
            check_unseen(answer, self.other, request, self.keys)
        first, second = (plain(a, k) for a, k in zip(answers, self.keys))
        assert first == second, (self.kind, self.requests, answers)


class PlaceTwins:
    """The status of a write of the other, and of one that nobody made."""

    def __init__(self, rows, caller, rng):
        self.other = other_of(caller)
        position = rng.choice(list(rows.positions[self.other]))
        partition, _, version = position.partition("-")
        self.keys = [position, f"{partition}-{int(version) + 10**6}"]
        self.requests = [("GET", f"/v1/_writes/{p}", {}, None) for p in self.keys]

    def check(self, answers):
        assert answers[0].status == 404, answers
        for answer in answers:
            check_unseen(answer, self.other, self.requests)
        first, second = (plain(a, k) for a, k in zip(answers, self.keys))
        assert first == second, (self.requests, answers)
