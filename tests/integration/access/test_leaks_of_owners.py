"""Two owners search for each other's documents: by random reads, lists, cursors,
conditions, what is cached, feeds, the reference routes. Nothing of the other one may
be seen, and what is the other one's must be answered as what is not there: status,
names of headers, body, byte for byte.

SLUICE_TEST_LEAKS is the number of requests, if it is to search longer."""

import itertools
import json
import os
import random
import re

import pytest
from harness.bulk import LINES, lines
from harness.callers import COLLECTIONS, Guarded
from harness.feed import Feed
from harness.wires import Wire

REQUESTS = int(os.environ.get("SLUICE_TEST_LEAKS", 16_000))
SEED = 16
BATCH = 24  # requests under way on a connection
ROWS = 40  # of each owner, in each collection
OWNERS = ("ann", "ben")
WAITED = {"Content-Type": "application/json", "Prefer": "wait=30"}
MERGE = "application/merge-patch+json"
INCREMENT = "application/vnd.sluice.increment+json"
FIELDS = {"notes": "text", "posts": "content", "records": "value"}
OWNED_BY = {"notes": "owner", "posts": "author", "records": "owner"}
# Which of them there are must not depend on what is there; their values may.
RANDOM = {"date", "server-timing", "sluice-position", "location"}


def other_of(name):
    return OWNERS[1 - OWNERS.index(name)]


def secret(owner):
    return f"secret-of-{owner}-{random.getrandbits(40)}"


class Rows:
    """The keys of each owner, and keys that nobody has."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.keys = {(o, c): [] for o in OWNERS for c in FIELDS}
        self.tags = {}  # (collection, key) -> the newest ETag that its owner saw
        self.numbers = {o: itertools.count(10**7 * (n + 1)) for n, o in enumerate(OWNERS)}

    def new(self, owner, collection):
        if collection == "posts":
            return str(next(self.numbers[owner]) * 3)
        return f"{owner}-{self.random.getrandbits(48):012x}"

    def absent(self, owner, collection):
        """A key that looks like one of the owner's, as long."""
        if collection == "posts":
            return str(10**8 * 9 + self.random.randrange(10**7))[:8]
        return self.new(owner, collection)


class World:
    def __init__(self, guarded):
        self.guarded = guarded
        self.rows = Rows(SEED)
        self.random = self.rows.random
        self.wires = {o: [self.wire(o) for _ in range(2)] for o in OWNERS}
        self.editor = guarded.as_("editor")

    def wire(self, name):
        return Wire(self.guarded.api.http.port, self.guarded.callers.headers[name])

    def fill(self):
        for collection, field in FIELDS.items():
            key = "id" if collection == "posts" else "key"
            documents = []
            for owner in OWNERS:
                mine = [self.rows.new(owner, collection) for _ in range(ROWS)]
                self.rows.keys[owner, collection] = mine
                documents += [
                    {key: int(k) if key == "id" else k, field: secret(owner),
                     OWNED_BY[collection]: owner,
                     **({"title": f"title {n}"} if key == "id" else {})}
                    for n, k in enumerate(mine)
                ]  # fmt: skip
            self.create(collection, documents)

    def create(self, collection, documents):
        headers = {"Content-Type": LINES, "Prefer": "wait=30"}
        answer = self.editor.request(
            "POST", f"/v1/{collection}", lines(documents), headers
        )
        made = [json.loads(line) for line in answer.body.splitlines()]
        assert [m["status"] for m in made] == [201] * len(documents), answer


@pytest.fixture(scope="module")
def guarded(servers, module_deploy):
    return Guarded(module_deploy(servers, collections=COLLECTIONS))


@pytest.fixture(scope="module")
def world(guarded):
    return guarded.world


@pytest.fixture(scope="module")
def searched(guarded):
    before = Feed(guarded.api.http.port, "notes", always=guarded.callers.headers["ann"])
    made = World(guarded)
    made.first_id = before.last_id
    before.close()
    made.fill()
    yield made
    for wire in itertools.chain(*made.wires.values()):
        wire.close()


# --- requests that must not tell a foreign key from an absent one ------------------


def document(collection, key):
    return f"/v1/{collection}/{key}"


def seed(collection, key):
    return f"/read/{key}" if collection == "records" else f"/posts/{key}"


def json_body(**document):
    return json.dumps(document).encode()


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
    "the reference route": lambda c, key, tag: (
        "GET", seed(c, key) if c != "notes" else document(c, key), {}, None),
    "the reference route, cached": lambda c, key, tag: (
        "GET", seed(c, key) if c != "notes" else document(c, key),
        {"Cache-Control": "only-if-cached"}, None),
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


def plain(answer, key):
    """What may not differ."""
    replaced = lambda s: s and s.replace(key.encode(), b"KEY")
    fields = [(name, replaced(value)) for name, value in answer.named(RANDOM)]
    body = re.sub(rb'"position":"[^"]*"', b'"position":"P"', replaced(answer.body))
    return answer.status, fields, body


def check_unseen(answer, other, request):
    """Nothing of the other owner is in it."""
    for mark in (f"secret-of-{other}", f'"{other}"'):
        for part in (answer.head, answer.body):
            assert mark.encode() not in part, (request, answer)


class Twins:
    """Two requests that differ by the key only: of the other's document, and of one
    that is not there."""

    def __init__(self, world, caller, kinds):
        r = world.random
        self.kind = r.choice(list(kinds))
        other = other_of(caller)
        collection = r.choice(list(FIELDS))
        if self.kind in ONLY_POSTS:
            collection = "posts"
        elif self.kind == "increment":
            collection = "notes"
        self.foreign = r.choice(world.rows.keys[other, collection])
        self.absent = world.rows.absent(other, collection)
        tag = world.rows.tags.get((collection, self.foreign), '"1"')
        make = kinds[self.kind]
        self.requests = [make(collection, k, tag) for k in (self.foreign, self.absent)]
        self.other = other
        self.swapped = r.random() < 0.5
        if self.swapped:
            self.requests.reverse()

    def check(self, answers):
        keys = [self.foreign, self.absent]
        if self.swapped:
            keys.reverse()
        for request, answer in zip(self.requests, answers):
            check_unseen(answer, self.other, request)
        first, second = (plain(a, k) for a, k in zip(answers, keys))
        assert first == second, (self.kind, self.requests, answers)


class Own:
    """What the owner does meanwhile, so that the caches have the documents."""

    def __init__(self, world, caller):
        self.world, self.caller = world, caller
        self.collection = world.random.choice(list(FIELDS))
        self.key = world.random.choice(world.rows.keys[caller, self.collection])
        self.requests = [("GET", document(self.collection, self.key), {}, None)]

    def check(self, answers):
        (answer,) = answers
        assert answer.status == 200, (self.requests, answer)
        check_unseen(answer, other_of(self.caller), self.requests)
        self.world.rows.tags[self.collection, self.key] = answer.header("ETag")


class Listed:
    """A list, with whatever may be asked for."""

    def __init__(self, world, caller):
        r = world.random
        self.other, self.caller = other_of(caller), caller
        self.collection = r.choice(["notes", "notes", "posts", "records"])
        field = OWNED_BY[self.collection]
        filters = [
            f"{field}=eq.{self.other}", f"{field}=neq.{caller}", f"{field}=gt.a",
            f"{field}=in.({self.other},{caller})", f"{field}=like.*{self.other[1:]}*",
            f"{field}=ilike.{self.other.upper()}", f"{field}=is.not_null",
            f"{field}=is.null",
        ]  # fmt: skip
        if self.collection == "notes":
            filters += ["text=like.secret-of-*", "n=gte.0", f"text=eq.{secret('ben')}"]
        parts = r.sample(filters, r.randrange(3))
        if r.random() < 0.5 and self.collection != "records":
            orders = ["owner", "text", "n"] if self.collection == "notes" else ["title"]
            parts.append(f"order={r.choice(orders)}.{r.choice(['asc', 'desc'])}")
        if r.random() < 0.7:
            parts.append(f"limit={r.choice([1, 3, 20, 50])}")
        base = f"/v1/{self.collection}"
        if self.collection == "posts" and r.random() < 0.5:
            base = "/posts"
        path = base + ("?" + "&".join(parts) if parts else "")
        headers = r.choice([{}, {}, {"Cache-Control": "no-cache"}])
        self.requests = [(r.choice(["GET", "GET", "HEAD"]), path, headers, None)]

    def check(self, answers):
        (answer,) = answers
        assert answer.status == 200, (self.requests, answer)
        check_unseen(answer, self.other, self.requests)
        if not answer.body:
            return
        found = {d[OWNED_BY[self.collection]] for d in json.loads(answer.body)}
        assert found <= {self.caller}, (self.requests, answer)


def search(world, requests):
    """Batches, on two connections of each owner at once."""
    asked = 0
    while asked < requests:
        sent = []
        for caller, wire in ((o, w) for o in OWNERS for w in world.wires[o]):
            batch = []
            while sum(len(b.requests) for b in batch) < BATCH:
                kind = world.random.random()
                if kind < 0.7:
                    batch.append(Twins(world, caller, QUICK))
                elif kind < 0.85:
                    batch.append(Own(world, caller))
                else:
                    batch.append(Listed(world, caller))
            wire.send(list(itertools.chain(*(b.requests for b in batch))))
            sent.append((wire, batch))
        for wire, batch in sent:
            answers = wire.take()
            asked += len(answers)
            for each in batch:
                each.check([answers.pop(0) for _ in each.requests])
        move(world)
    return asked


def move(world):
    """The editor gives a document to the other owner, with another secret in it: as
    soon as that is answered, the former owner sees nothing of it."""
    giver = world.random.choice(OWNERS)
    taker = other_of(giver)
    keys = world.rows.keys
    key = keys[giver, "notes"].pop(world.random.randrange(len(keys[giver, "notes"])))
    body = json_body(owner=taker, text=secret(taker))
    headers = {**WAITED, "Content-Type": MERGE}
    answer = world.editor.request("PATCH", document("notes", key), body, headers)
    assert answer.status == 200, answer
    keys[taker, "notes"].append(key)
    found = world.wires[giver][0].ask("GET", document("notes", key))
    assert found.status == 404, found
    mine = world.wires[taker][0].ask("GET", document("notes", key))
    assert mine.status == 200 and f'"{taker}"'.encode() in mine.body, mine


# --- the tests -------------------------------------------------------------------


@pytest.mark.seconds(900)
def test_random_requests_show_nothing_of_the_other(searched):
    # Keys that were given away look like the former owner's.
    assert search(searched, REQUESTS) >= REQUESTS


def test_writes_to_what_is_the_others(searched):
    """One of each kind, for each owner; they change nothing."""
    documents = {k: row(searched, *k) for k in all_rows(searched)}
    for caller in OWNERS:
        wire = searched.wires[caller][0]
        for kind, make in SLOW.items():
            twins = Twins(searched, caller, {kind: make})
            twins.check([wire.ask(*request) for request in twins.requests])
    assert {k: row(searched, *k) for k in all_rows(searched)} == documents


def all_rows(world):
    return [(c, k) for (_, c), keys in world.rows.keys.items() for k in keys]


def row(world, collection, key):
    return world.editor.request("GET", document(collection, key)).body


def test_cursors_and_tags_of_pages(searched):
    for caller in OWNERS:
        other = other_of(caller)
        mine, its = searched.wires[caller][0], searched.wires[other][0]
        for query in ("/v1/notes?limit=3", "/v1/notes?limit=3&order=text.desc",
                      "/v1/posts?limit=3", "/posts?limit=3", "/v1/records?limit=3"):  # fmt: skip
            page = its.ask("GET", query)
            link = page.header("Link").partition(">")[0][1:]
            cursor = re.search("cursor=([^&]*)", link)[1]
            stolen = mine.ask("GET", link)
            made_up = mine.ask("GET", link.replace(cursor, "A" * len(cursor)))
            check_unseen(stolen, other, link)
            assert plain(stolen, cursor) == plain(made_up, "A" * len(cursor))
            tag = page.header("ETag")
            if tag:
                same = mine.ask("GET", query, {"If-None-Match": tag})
                assert same.status == 200, same
                check_unseen(same, other, query)


def test_exports_are_refused(searched):
    for caller, path in itertools.product(OWNERS, ("/v1/notes", "/v1/posts", "/posts")):
        for method in ("GET", "HEAD"):
            for accept in (LINES, f"{LINES}, */*;q=0.1", "application/*;q=0.1," + LINES):
                answer = searched.wires[caller][0].ask(method, path, {"Accept": accept})
                check_unseen(answer, other_of(caller), (path, accept))
                assert answer.status == 403, (path, accept, answer)


def test_idempotency_keys_and_statuses(searched):
    mine, its = searched.wires["ann"][0], searched.wires["ben"][0]
    body = json_body(text="mine")
    tried = {**WAITED, "Idempotency-Key": "the-same"}
    first = mine.ask("POST", "/v1/notes", tried, body)
    again = mine.ask("POST", "/v1/notes", tried, body)
    assert first.header("Location") == again.header("Location")
    assert again.header("Idempotency-Replayed") == "true"
    # The same key and document, and another document: ben's own, both times.
    other = its.ask("POST", "/v1/notes", tried, body)
    fresh = its.ask("POST", "/v1/notes", {**tried, "Idempotency-Key": "fresh"}, body)
    assert other.header("Location") != first.header("Location")
    names = [[name for name, _ in each.named(())] for each in (other, fresh)]
    assert names[0] == names[1]
    assert other.status == 201 and other.header("Idempotency-Replayed") is None
    position = first.header("Sluice-Position")
    partition, _, version = position.partition("-")
    nowhere = f"{partition}-{int(version) + 10**6}"
    found = [its.ask("GET", f"/v1/_writes/{p}") for p in (position, nowhere)]
    assert plain(found[0], position) == plain(found[1], nowhere), found
    assert found[0].status == 404
    assert mine.ask("GET", f"/v1/_writes/{position}").status == 200


def key_of(answer):
    return answer.header("Location").rsplit("/", 1)[1]


def test_feeds_from_the_beginning(searched):
    guarded = searched.guarded
    for caller in OWNERS:
        headers = guarded.callers.headers[caller]
        feed = Feed(guarded.api.http.port, "notes", searched.first_id, always=headers)
        # What is written now comes last of its partition, at least.
        marks = [document("notes", f"{caller}-end-{n}") for n in range(64)]
        wire = searched.wires[caller][0]
        answers = [
            wire.ask("PUT", path, {**WAITED, "Prefer": "respond-async"}, json_body(text="end"))
            for path in marks
        ]
        assert {a.status for a in answers} == {202}
        wanted = {path.rsplit("/", 1)[1] for path in marks}
        feed.wait_for(
            lambda events, wanted=wanted: wanted <= {e.key for e in events}, "the end", 60
        )
        other = other_of(caller)
        puts = [e.data for e in feed.events if e.kind == "put"]
        assert len(puts) >= ROWS
        assert {p["document"]["owner"] for p in puts} == {caller}
        assert not any("by" in e.data for e in feed.events)
        text = json.dumps([e.data for e in feed.events])
        assert f"secret-of-{other}" not in text
        # Of what was never the caller's, not even the key.
        given = {e.key for e in feed.events if e.kind == "put"}
        assert {e.key for e in feed.events} == given
        feed.close()
