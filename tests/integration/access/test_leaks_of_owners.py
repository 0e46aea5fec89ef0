"""Two owners search for each other's documents: by random reads, lists, cursors,
conditions, what is cached, feeds, keys of retries, statuses of writes, the reference
routes. Nothing of the other one may be seen, and what is the other one's must be
answered as what is not there: status, names of headers, body, byte for byte, and by
the same tiers.

SLUICE_TEST_LEAKS is the number of requests, if it is to search longer."""

import os
import random
import re

import pytest
from harness.counters import Moved
from harness.feed import Feed
from harness.owners import (
    FIELDS,
    OWNED_BY,
    OWNERS,
    ROWS,
    SLOW,
    WAITED,
    Owners,
    Twins,
    check_unseen,
    document,
    json_body,
    other_of,
    plain,
)
from harness.prowl import check_feed, prowl
from harness.replica import replica_caught_up

REQUESTS = int(os.environ.get("SLUICE_TEST_LEAKS", "1500"))
LIMIT = 300 + REQUESTS // 50


@pytest.fixture(scope="module")
def searched(servers, module_deploy):
    made = Owners(servers, module_deploy)
    port = made.apis[0].http.port
    before = Feed(port, "notes", always=made.headers("ann"))
    made.first_id = before.last_id
    before.close()
    made.fill()
    yield made
    made.close()


@pytest.fixture(scope="module")
def world(searched):
    return searched.world


@pytest.mark.seconds(LIMIT)
def test_random_requests_show_nothing_of_the_other(searched):
    rows = searched.rows
    for owner in OWNERS:
        rows.tries[owner].extend(f"first-{owner}-{n}" for n in range(100))
    assert prowl(searched, REQUESTS) >= REQUESTS
    # Nobody has changed what is another's.
    for collection, field in FIELDS.items():
        owner = OWNED_BY[collection]
        assert searched.world.sql(
            f"SELECT * FROM {collection}"
            f" WHERE NOT starts_with({field}, 'secret-of-' || {owner} || '-')"
        ) == []  # fmt: skip


def test_writes_to_what_is_the_others(searched):
    """One of each kind, for each owner; they change nothing."""
    documents = {k: row(searched, *k) for k in all_rows(searched)}
    rng, wires = random.Random(2), searched.wires()
    for caller in OWNERS:
        wire = wires[caller][0]
        for kind, make in SLOW.items():
            twins = Twins(searched.rows, caller, rng, {kind: make})
            twins.check([wire.ask(*request) for request in twins.requests])
    assert {k: row(searched, *k) for k in all_rows(searched)} == documents


def all_rows(searched):
    return [(c, k) for (_, c), keys in searched.rows.keys.items() for k in keys]


def row(searched, collection, key):
    return searched.editors[0].request("GET", document(collection, key)).body


# --- by the same tiers -------------------------------------------------------------

DATABASE = "sluice_postgres_keys_total"
REDIS = "sluice_redis_lookups_total"
PLACES = ("hit", "miss", "below_floor")
TIMES = 20


def cost(api, wire, path, times):
    """What so many reads of a document ask of L1, of Redis, of Postgres."""
    with Moved(api) as moved:
        wire.send([("GET", path, {}, None)] * times)
        answers = wire.take()
    assert {a.status for a in answers} == {404}
    l1 = [moved["sluice_l1_lookups_total", f'result="{p}"'] for p in PLACES]
    redis = [moved[REDIS, f'result="{p}"'] for p in PLACES]
    return l1, redis, moved[DATABASE], moved["sluice_lookups_total"]


@pytest.mark.parametrize("collection", FIELDS)
def test_what_is_the_others_costs_what_is_absent(searched, collection):
    """Whoever looks at the clock cannot tell them, either: once their answer is
    known, both come from the memory of the instance; if it is not, both cost the
    same lookup."""
    api = searched.apis[0]
    rows, wires, rng = searched.rows, searched.wires(), random.Random(3)
    for caller in OWNERS:
        wire, other = wires[caller][0], other_of(caller)
        foreign = document(collection, rng.choice(rows.keys[other, collection]))
        absent = document(collection, rows.absent(other, collection, rng))
        replica_caught_up(searched.world)
        api.admin.forget()  # the connection may have been idle for long
        done = api.admin.request("DELETE", f"/cache/{collection}")
        assert done.json()["redis"] == "purged", done
        first = [cost(api, wire, path, 1) for path in (foreign, absent)]
        later = [cost(api, wire, path, TIMES) for path in (foreign, absent)]
        assert first[0] == first[1] and later[0] == later[1]
        assert later[0] == ([TIMES, 0, 0], [0, 0, 0], 0, 0)


# --- what was written down, used once more -----------------------------------------


def test_cursors_and_tags_of_pages(searched):
    wires = searched.wires()
    for caller in OWNERS:
        other = other_of(caller)
        mine, its = wires[caller][0], wires[other][0]
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


def test_idempotency_keys_and_statuses(searched):
    wires = searched.wires()
    mine, its = wires["ann"][0], wires["ben"][0]
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
    for wire in wires["ben"]:
        found = [wire.ask("GET", f"/v1/_writes/{p}") for p in (position, nowhere)]
        assert plain(found[0], position) == plain(found[1], nowhere), found
        assert found[0].status == 404
    assert mine.ask("GET", f"/v1/_writes/{position}").status == 200


def test_feeds_from_the_beginning(searched):
    wires = searched.wires()
    for caller in OWNERS:
        port = searched.apis[0].http.port
        headers = searched.headers(caller)
        feed = Feed(port, "notes", searched.first_id, always=headers)
        # What is written now comes last of its partition, at least.
        marks = [document("notes", f"{caller}-end-{n}") for n in range(64)]
        wire = wires[caller][0]
        # Of the other's notes that are gone, nothing is told.
        gone = document("notes", f"{other_of(caller)}-gone")
        other = wires[other_of(caller)][0]
        assert other.ask("PUT", gone, WAITED, json_body(text="gone")).status == 201
        assert other.ask("DELETE", gone, WAITED).status == 204
        answers = [
            wire.ask("PUT", path, {**WAITED, "Prefer": "respond-async"}, json_body(text="end"))
            for path in marks
        ]  # fmt: skip
        assert {a.status for a in answers} == {202}
        wanted = {path.rsplit("/", 1)[1] for path in marks}
        feed.wait_for(
            lambda events, wanted=wanted: wanted <= {e.key for e in events},
            "the end",
            60,
        )
        events = check_feed(feed, caller)
        given = {e.key for e in events if e.kind == "put"}
        assert len(given) >= ROWS
        # Of what was never the caller's, not even the key.
        assert {e.key for e in events} == given
        feed.close()
