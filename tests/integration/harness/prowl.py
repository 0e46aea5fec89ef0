"""Random requests of two owners (owners.py), on several connections to two API
instances, while the documents change and an editor gives some of them from the one
to the other. Each request knows what its answer may be."""

import itertools
import json
import random

from .bulk import LINES
from .crowd import Background, in_threads
from .feed import Feed
from .owners import (
    FIELDS,
    MERGE,
    OWNED_BY,
    OWNERS,
    QUICK,
    SLOW,
    WAITED,
    PlaceTwins,
    Twins,
    check_unseen,
    document,
    json_body,
    other_of,
    secret,
)
from .wait import wait_until

BATCH = 24  # requests under way on a connection


class Own:
    """A document of the caller's, so that the caches have it."""

    def __init__(self, rows, caller, rng):
        self.rows, self.other = rows, other_of(caller)
        self.collection = rng.choice(list(FIELDS))
        self.key = rng.choice(rows.keys[caller, self.collection])
        self.requests = [("GET", document(self.collection, self.key), {}, None)]

    def check(self, answers):
        (answer,) = answers
        assert answer.status == 200, (self.requests, answer)
        check_unseen(answer, self.other, self.requests)
        self.rows.tags[self.collection, self.key] = answer.header("ETag")


class Change:
    """The caller changes what is the caller's."""

    def __init__(self, rows, caller, rng):
        self.rows, self.caller = rows, caller
        self.collection = rng.choice(list(FIELDS))
        key = rng.choice(rows.keys[caller, self.collection])
        prefer = rng.choice(["wait=30", "wait=30, return=representation"])
        headers = {"Content-Type": MERGE, "Prefer": prefer}
        body = json_body(**{FIELDS[self.collection]: secret(caller)})
        self.requests = [("PATCH", document(self.collection, key), headers, body)]

    def check(self, answers):
        (answer,) = answers
        assert answer.status == 200, (self.requests, answer)
        check_unseen(answer, other_of(self.caller), self.requests)
        self.rows.positions[self.caller].append(answer.header("Sluice-Position"))


class Wanderer:
    """A note that is the caller's now, or the other's, or about to become so."""

    def __init__(self, rows, caller, rng):
        self.other = other_of(caller)
        path = document("notes", rng.choice(rows.wanderers))
        body = json_body(text=secret(caller))
        patch = {"Content-Type": MERGE, "Prefer": "wait=30, return=representation"}
        self.requests = [rng.choice([
            ("GET", path, {}, None),
            ("GET", path, {"Cache-Control": "no-cache"}, None),
            ("GET", path, {"Cache-Control": "only-if-cached"}, None),
            ("GET", path, {"If-None-Match": "*"}, None),
            ("PATCH", path, patch, body),
            ("PATCH", path, {**patch, "If-Match": "*"}, body),
            ("PUT", path, {**patch, "Content-Type": "application/json"}, body),
        ])]  # fmt: skip

    def check(self, answers):
        (answer,) = answers
        assert answer.status in (200, 304, 404, 412, 504), (self.requests, answer)
        check_unseen(answer, self.other, self.requests)


class Listed:
    """A list, with whatever may be asked for."""

    def __init__(self, rows, caller, rng):
        self.rows, self.caller, self.other = rows, caller, other_of(caller)
        self.collection = rng.choice(["notes", "notes", "posts", "records"])
        parts = rng.sample(self.filters(), rng.randrange(3))
        if rng.random() < 0.5 and self.collection != "records":
            orders = ["owner", "text", "n"] if self.collection == "notes" else ["title"]
            parts.append(f"order={rng.choice(orders)}.{rng.choice(['asc', 'desc'])}")
        if rng.random() < 0.7:
            parts.append(f"limit={rng.choice([1, 3, 20, 50])}")
        base = f"/v1/{self.collection}"
        if self.collection == "posts" and rng.random() < 0.5:
            base = "/posts"
        path = base + ("?" + "&".join(parts) if parts else "")
        headers = rng.choice([{}, {}, {"Cache-Control": "no-cache"}])
        self.requests = [(rng.choice(["GET", "GET", "HEAD"]), path, headers, None)]

    def filters(self):
        field = OWNED_BY[self.collection]
        found = [
            f"{field}=eq.{self.other}", f"{field}=neq.{self.caller}", f"{field}=gt.a",
            f"{field}=in.({self.other},{self.caller})",
            f"{field}=like.*{self.other[1:]}*", f"{field}=ilike.{self.other.upper()}",
            f"{field}=is.not_null", f"{field}=is.null",
        ]  # fmt: skip
        if self.collection == "notes":
            found += ["text=like.secret-of-*", "n=gte.0", f"text=eq.{secret('ben')}"]
        return found

    def check(self, answers):
        (answer,) = answers
        _, path, _, _ = self.requests[0]
        assert answer.status == 200, (self.requests, answer)
        # The link to the next page repeats the filters that were asked for.
        asked = [f"secret-of-{self.other}"] if "text=eq" in path else []
        check_unseen(answer, self.other, self.requests, asked)
        if answer.body:
            found = {d[OWNED_BY[self.collection]] for d in json.loads(answer.body)}
            assert found <= {self.caller}, (self.requests, answer)
        link = (answer.header("Link") or "").partition(">")[0][1:]
        if link and "text=" not in link:
            self.rows.pages[self.caller].append((path, answer.header("ETag"), link))


class Counted:
    """A count of what is the other's, alone or beside a page: there is nothing."""

    def __init__(self, rows, caller, rng):
        self.other = other_of(caller)
        collection = rng.choice(["notes", "notes", "posts", "records"])
        field = OWNED_BY[collection]
        only = rng.choice([
            f"{field}=eq.{self.other}", f"{field}=neq.{caller}", f"{field}=not.eq.{caller}",
            f"or=({field}.eq.{self.other},{field}.eq.nobody)",
            f"{field}=in.({self.other},nobody)",
        ])  # fmt: skip
        route, headers = rng.choice([
            ("/_count", {}), ("", {"Prefer": "count=exact"}),
            ("/_count", {"Cache-Control": "no-cache"}),
        ])  # fmt: skip
        self.requests = [("GET", f"/v1/{collection}{route}?{only}", headers, None)]

    def check(self, answers):
        (answer,) = answers
        assert answer.status == 200, (self.requests, answer)
        total = answer.header("Content-Range") or f"*/{json.loads(answer.body)['count']}"
        assert total == "*/0", (self.requests, answer)
        check_unseen(answer, self.other, self.requests, [self.requests[0][1]])


class Grouped:
    """A group in which both have documents; with the tag of what the other one saw."""

    def __init__(self, rows, caller, rng):
        self.rows, self.caller, self.other = rows, caller, other_of(caller)
        headers = rng.choice([{}, {}, {"Cache-Control": "no-cache"}])
        if self.other in rows.groups and rng.random() < 0.5:
            headers = {"If-None-Match": rows.groups[self.other]}
        path = "/v1/_group/shared" + rng.choice(["", "?collections=orders"])
        self.requests = [("GET", path, headers, None)]

    def check(self, answers):
        (answer,) = answers
        assert answer.status == 200, (self.requests, answer)
        check_unseen(answer, self.other, self.requests)
        found = json.loads(answer.body)["collections"]["orders"]
        assert [d["document"]["owner"] for d in found] == [self.caller] * 5, answer
        self.rows.groups[self.caller] = answer.header("ETag")


class StolenPage(Listed):
    """The other's cursor, and the tag of the other's page."""

    def __init__(self, rows, caller, rng):
        super().__init__(rows, caller, rng)
        path, tag, link = rng.choice(list(rows.pages[self.other]))
        self.collection = path.partition("?")[0].rsplit("/", 1)[1]
        headers = {"If-None-Match": tag} if tag else {}
        self.stolen = rng.random() < 0.5
        self.requests = [("GET", link if self.stolen else path, headers, None)]

    def check(self, answers):
        if not self.stolen:
            return super().check(answers)
        # The owner is a part of what a cursor belongs to.
        assert answers[0].status == 400, (self.requests, answers)
        check_unseen(answers[0], self.other, self.requests)


class Export(Listed):
    """All that is the caller's, whatever is asked for; the reference routes export
    nothing to those who have a part of a collection."""

    def __init__(self, rows, caller, rng):
        super().__init__(rows, caller, rng)
        self.collection = rng.choice(["notes", "posts"])
        accept = rng.choice(
            [LINES, f"{LINES}, */*;q=0.1", "application/*;q=0.1," + LINES]
        )
        base, self.expected = f"/v1/{self.collection}", (200, 503)
        if rng.random() < 0.5:
            base += "/_export"
        elif self.collection == "posts" and rng.random() < 0.5:
            base, self.expected = "/posts", (403,)
        path = base + "?" + "&".join(rng.sample(self.filters(), rng.randrange(3)))
        self.requests = [("GET", path, {"Accept": accept}, None)]

    def check(self, answers):
        (answer,) = answers
        assert answer.status in self.expected, (self.requests, answer)
        check_unseen(answer, self.other, self.requests)
        if answer.status == 200:
            found = [json.loads(line) for line in answer.body.splitlines()]
            whose = {d[OWNED_BY[self.collection]] for d in found}
            assert whose <= {self.caller}, (self.requests, answer)


class Service:
    """What the service says of itself."""

    PATHS = ("/v1", "/openapi.json", "/health", "/stats", "/cache-stats",
             "/cache/stats", "/v1/notes/_changes", "/v1/_writes/0-0", "/docs")  # fmt: skip

    def __init__(self, rows, caller, rng):
        self.other = other_of(caller)
        accept = {"Accept": "application/json"}
        self.requests = [("GET", rng.choice(self.PATHS), accept, None)]

    def check(self, answers):
        assert answers[0].status < 500, (self.requests, answers)
        check_unseen(answers[0], self.other, self.requests)


class Tried:
    """The caller makes a note, with an Idempotency-Key that the other one has used,
    or that is new: the answer is the same but for the key that was made."""

    def __init__(self, rows, caller, rng):
        self.rows, self.caller, self.other = rows, caller, other_of(caller)
        own = f"try-{rng.getrandbits(64):016x}"
        self.tries = [rows.tries[self.other].popleft(), own]
        self.requests = [
            ("POST", "/v1/notes", {**WAITED, "Idempotency-Key": k},
             json_body(text=secret(caller)))
            for k in self.tries
        ]  # fmt: skip

    def check(self, answers):
        for answer in answers:
            assert answer.status == 201, (self.requests, answer)
            check_unseen(answer, self.other, self.requests)
            assert answer.header("Idempotency-Replayed") is None, answer
            self.rows.positions[self.caller].append(answer.header("Sluice-Position"))
        first, second = ([name for name, _ in a.named(())] for a in answers)
        assert first == second, (self.requests, answers)
        self.rows.tries[self.caller].append(self.tries[1])


class Taken:
    """The caller would make what is there and the other's."""

    def __init__(self, rows, caller, rng):
        self.other = other_of(caller)
        key = rng.choice(rows.keys[self.other, "notes"])
        path, body = document("notes", key), json_body(text="tried")
        shown = {**WAITED, "Prefer": "wait=30, return=representation"}
        self.key = key
        self.requests = [rng.choice([
            ("PUT", path, shown, body),
            ("PUT", path, {**shown, "If-None-Match": "*"}, body),
            ("POST", "/v1/notes", shown, json_body(key=key, text="tried")),
            ("POST", "/v1/notes", {**shown, "Content-Type": LINES},
             json_body(key=key, text="tried")),
        ])]  # fmt: skip

    def check(self, answers):
        (answer,) = answers
        check_unseen(answer, self.other, self.requests, [self.key])
        status = answer.status
        if status == 200:  # of many documents: each has its own
            status = json.loads(answer.body)["status"]
        assert status in (404, 409, 412), (self.requests, answer)


def quick_twins(rows, caller, rng):
    return Twins(rows, caller, rng, QUICK)


def slow_twins(rows, caller, rng):
    return Twins(rows, caller, rng, SLOW)


KINDS = {  # and how often
    quick_twins: 300, slow_twins: 6, PlaceTwins: 20, Own: 100, Change: 6,
    Wanderer: 30, Listed: 60, Counted: 20, Grouped: 20, StolenPage: 60, Export: 10, Service: 20, Tried: 4,
    Taken: 4,
}  # fmt: skip


class Prowler:
    """One connection of one owner, and what is asked on it."""

    def __init__(self, owners, caller, api, number):
        self.rows, self.caller = owners.rows, caller
        self.wire = owners.wire(caller, api)
        self.rng = random.Random(f"{number} {caller} {owners.apis.index(api)}")

    def one(self):
        (kind,) = self.rng.choices(list(KINDS), list(KINDS.values()))
        try:
            return kind(self.rows, self.caller, self.rng)
        except IndexError:  # the other one has shown nothing of that kind yet
            return quick_twins(self.rows, self.caller, self.rng)

    def batch(self):
        """Asks, and checks the answers; returns how many."""
        made = []
        while sum(len(each.requests) for each in made) < BATCH:
            made.append(self.one())
        self.wire.send(list(itertools.chain(*(each.requests for each in made))))
        answers = self.wire.take()
        taken = len(answers)
        for each in made:
            each.check([answers.pop(0) for _ in each.requests])
        return taken


class Mover:
    """The editor gives a note to the other owner, with another text. As soon as that
    is answered, its former owner sees nothing of it on that instance; and on the
    other one, who reads after that write."""

    def __init__(self, owners):
        self.rows, self.editors = owners.rows, owners.editors
        self.wires = owners.wires()
        self.rng, self.steps = random.Random("mover"), 0
        self.owner_of = dict.fromkeys(self.rows.wanderers, "ann")

    def step(self):
        key = self.rng.choice(self.rows.wanderers)
        at = self.rng.randrange(len(self.editors))
        giver = self.owner_of[key]
        taker = self.owner_of[key] = other_of(giver)
        body = json_body(owner=taker, text=secret(taker))
        headers = {**WAITED, "Content-Type": MERGE}
        path = document("notes", key)
        answer = self.editors[at].request("PATCH", path, body, headers)
        assert answer.status == 200, answer
        after = {"Sluice-Read-After": answer.position}
        for there in range(len(self.editors)):
            more = {} if there == at else after
            found = self.wires[giver][there].ask("GET", path, more)
            assert found.status == 404, (path, found)
            mine = self.wires[taker][there].ask("GET", path, more)
            assert mine.status == 200, (path, mine)
            assert f'"{taker}"'.encode() in mine.body, mine
            check_unseen(mine, giver, path)
        self.steps += 1


class Follower:
    """Feeds that begin at a place that the other owner was told."""

    def __init__(self, owners):
        self.owners, self.rng, self.steps = owners, random.Random("feeds"), 0

    def step(self):
        caller = self.rng.choice(OWNERS)
        rows, other = self.owners.rows, other_of(caller)
        known = list(rows.events[other])
        last = self.rng.choice(known) if known else None
        api = self.rng.choice(self.owners.apis)
        feed = Feed(api.http.port, "notes", last, always=self.owners.headers(caller))
        try:
            if feed.status == 503:  # the places of the feeds before are not free yet
                return
            assert feed.status == 200, feed.status
            feed.wait_for(lambda events: len(events) >= 3, "three events", 60)
            check_feed(feed, caller)
            rows.events[caller].append(feed.last_id)
        finally:
            feed.close()
        self.steps += 1


def check_feed(feed, caller):
    """Own documents; of others, only that a note which was one's own is gone."""
    other = other_of(caller)
    events = list(feed.events)
    for each in events:
        text = json.dumps(each.data)
        for mark in (f"secret-of-{other}", f'"{other}"', f'"{other}-', '"by"'):
            assert mark not in text, (caller, each)
        if each.kind == "put":
            assert each.document["owner"] == caller, (caller, each)
    return events


def prowl(owners, requests, connections=2):
    """Asks at least so many requests, on that many connections of each owner to each
    instance; returns how many."""
    made = [
        Prowler(owners, caller, api, n)
        for n, api, caller in itertools.product(range(connections), owners.apis, OWNERS)
    ]

    def go(prowler):
        asked = 0
        while asked * len(made) < requests:
            asked += prowler.batch()
        return asked

    mover, follower = Mover(owners), Follower(owners)
    with Background(mover.step, follower.step):
        asked = sum(in_threads(len(made), made, go))
        wait_until(lambda: mover.steps and follower.steps, 60, "both have begun")
    return asked
