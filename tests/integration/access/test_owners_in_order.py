"""Whose a document is, is decided in the order of the log: an editor gives documents
to others while their owners change and delete them. The outcomes of all writes, taken
in the order of their positions, are those of a model that applies one after the
other."""

import collections
import json
import random
import threading

import pytest
from harness.callers import COLLECTIONS, Guarded

WRITES = 140  # of each client
CLIENTS = ["ann", "ann", "ben", "ben", "editor", "editor"]
KEYS = [f"fought-over-{n}" for n in range(5)]
MERGE = "application/merge-patch+json"
INCREMENT = "application/vnd.sluice.increment+json"
CREATED, REPLACED, DELETED = 201, 200, 204

Write = collections.namedtuple(
    "Write", "version key who method media document condition status position"
)


@pytest.fixture(scope="module")
def guarded(servers, module_deploy):
    return Guarded(module_deploy(servers, collections=COLLECTIONS), apis=2)


@pytest.fixture(scope="module")
def world(guarded):
    return guarded.world


# --- the model -------------------------------------------------------------------


class Row:
    def __init__(self):
        self.document = None
        self.version = self.position = None

    def is_foreign(self, who):
        return self.document and who != "editor" and self.document["owner"] != who

    def holds(self, condition):
        if condition is None:
            return True
        name, value = condition
        if name == "If-None-Match":
            return self.document is None
        if self.document is None:
            return False
        return value == "*" or value == f'"{self.version}"'

    def apply(self, w):
        """The status that the write must have."""
        self.position = w.position
        if self.is_foreign(w.who):
            return 404 if w.condition is None else 412
        if not self.holds(w.condition):
            return 412
        if w.method == "PUT":
            status = REPLACED if self.document else CREATED
            owner = w.document.get("owner", w.who)
            self.document = {"n": 0, **w.document, "owner": owner}
        elif self.document is None:
            return 404
        elif w.method == "DELETE":
            self.document, status = None, DELETED
        elif w.media == INCREMENT:
            self.document["n"] += w.document["n"]
            status = REPLACED
        else:
            self.document.update(w.document)
            status = REPLACED
        self.version = w.version
        return status


# --- the clients -----------------------------------------------------------------


class Player(threading.Thread):
    def __init__(self, guarded, who, number):
        super().__init__(daemon=True)
        apis = guarded.world.of("api")
        self.client = guarded.as_(who, apis[number % len(apis)])
        self.who = who
        self.random = random.Random(number)
        self.tags = {}
        self.made, self.error = [], None

    def run(self):
        try:
            for n in range(WRITES):
                self.write(n)
        except Exception as e:  # told by the test
            self.error = e

    def choose(self, n):
        """(method, media, document)"""
        r = self.random
        text = f"{self.who}-{r.getrandbits(32)}"
        owner = r.choice(["ann", "ben"])
        kind = r.random()
        if self.who == "editor":
            if kind < 0.5:
                return "PATCH", MERGE, {"owner": owner}
            if kind < 0.8:
                return "PUT", "application/json", {"owner": owner, "text": text}
            return "DELETE", None, None
        if kind < 0.35:
            return "PATCH", MERGE, {"text": text, "n": n}
        if kind < 0.55:
            return "PATCH", INCREMENT, {"n": 1}
        if kind < 0.85:
            return "PUT", "application/json", {"text": text}
        return "DELETE", None, None

    def condition(self, method, key):
        kind = self.random.random()
        if kind < 0.7:
            return None
        if kind < 0.8 and method == "PUT":
            return "If-None-Match", "*"
        if kind < 0.9 and key in self.tags:
            return "If-Match", self.tags[key]
        return "If-Match", "*"

    def write(self, n):
        key = self.random.choice(KEYS)
        method, media, document = self.choose(n)
        condition = self.condition(method, key)
        headers = {"Prefer": "wait=30"}
        headers.update({"Content-Type": media} if media else {})
        headers.update([condition] if condition else [])
        body = None if document is None else json.dumps(document).encode()
        answer = self.client.request(method, f"/v1/notes/{key}", body, headers)
        assert answer.status in (200, 201, 204, 404, 412), answer
        assert answer.position, answer
        if answer.header("ETag"):
            self.tags[key] = answer.header("ETag")
        version = int(answer.position.partition("-")[2])
        self.made.append(
            Write(version, key, self.who, method, media, document, condition,
                  answer.status, answer.position)
        )  # fmt: skip


def test_outcomes_are_those_of_the_order_of_the_log(guarded):
    players = [Player(guarded, who, n) for n, who in enumerate(CLIENTS)]
    for player in players:
        player.start()
    for player in players:
        player.join()
        assert player.error is None, player.error
    writes = sorted(w for p in players for w in p.made)
    rows = {key: Row() for key in KEYS}
    wrong = [w for w in writes if rows[w.key].apply(w) != w.status]
    assert wrong == []
    statuses = collections.Counter((w.who == "editor", w.status) for w in writes)
    # It was a fight: each outcome occurred, for those who were no editors.
    assert all(statuses[False, s] > 3 for s in (200, 201, 204, 404, 412)), statuses
    for key, row in rows.items():
        check_row(guarded, key, row)


def check_row(guarded, key, row):
    after = {"Sluice-Read-After": row.position}
    fresh = {**after, "Cache-Control": "no-cache"}
    for who in ("editor", "ann", "ben"):
        for api in guarded.world.of("api"):
            client = guarded.as_(who, api)
            for headers in (after, fresh):
                answer = client.request("GET", f"/v1/notes/{key}", headers=headers)
                if row.document is None or row.is_foreign(who):
                    assert answer.status == 404, (who, row.document, answer)
                    continue
                found = answer.json()
                assert {f: found[f] for f in row.document} == row.document
                assert answer.header("ETag") == f'"{row.version}"'


def test_the_name_of_the_owner_can_be_written_in_many_ways(guarded):
    """None of them lets an owner give a document away, or take one."""
    ann = guarded.as_("ann")
    ends = guarded.world.ends()
    for body in (
        b'{"text":"x","owner":"ben"}',
        rb'{"text":"x","\u006fwner":"ben"}',
        rb'{"text":"x","owner":"ann","own\u0065r":"ben"}',
        b'{"owner":"ben","text":"x","owner":"ann"}',
        rb'{"text":"x","owner":"be\u006e"}',
        b'{"text":"x","owner":null}',
        b'{"text":"x","owner":["ann"]}',
    ):
        for method, media in (("PUT", "application/json"), ("PATCH", MERGE)):
            answer = ann.request(
                method, "/v1/notes/named", body, {"Content-Type": media}
            )
            assert answer.status in (400, 403, 422), (method, body, answer)
        answer = ann.request("POST", "/v1/notes", body, {"Content-Type": "application/json"})
        assert answer.status in (400, 403, 422), (body, answer)
    assert guarded.world.ends() == ends
