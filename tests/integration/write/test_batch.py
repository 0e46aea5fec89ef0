"""POST /v1/_batch: operations on documents of one group, all or nothing."""

import json

import pytest
from harness.client import key_path
from harness.feed import Feed
from harness.wait import wait_until

INDEX = {"accounts": "balance", "transfers": "amount"}


def op(kind, key, document=None, collection="accounts", **more):
    operation = {"op": kind, "collection": collection, "key": key, **more}
    return operation if document is None else {**operation, "document": document}


def send(http, operations, **more):
    headers = {name.replace("_", "-"): v for name, v in more.items()}
    headers["Content-Type"] = "application/json"
    return http.request("POST", "/v1/_batch", json.dumps(operations).encode(), headers)


def committed(http, operations, **more):
    more.setdefault("Prefer", "wait=20")
    answer = send(http, operations, **more)
    assert answer.status == 200, answer
    assert answer.json()["state"] == "committed"
    return answer


def transfer(group, source, target, amount, number):
    return [
        op("increment", f"{group}:{source}", {"balance": -amount}),
        op("increment", f"{group}:{target}", {"balance": amount}),
        op("create", f"{group}:{number}", {"amount": amount}, "transfers"),
    ]


def opened(http, group, *names, balance=10):
    return committed(
        http, [op("create", f"{group}:{n}", {"balance": balance}) for n in names]
    )


def read(http, key, collection="accounts", **more):
    headers = {name.replace("_", "-"): v for name, v in more.items()}
    return http.request("GET", key_path(key, collection), headers=headers)


def balances(http, group, *names, **more):
    found = [read(http, f"{group}:{n}", **more) for n in names]
    return [a.json()["balance"] if a.status == 200 else None for a in found]


def rows(world, group):
    """Every row of the group: (collection, key, value, version)."""
    return [
        (collection, *row)
        for collection, column in INDEX.items()
        for row in world.sql(
            f"SELECT key, {column}, version FROM {collection}"
            " WHERE split_part(key, ':', 1) = %s ORDER BY key",
            group,
        )
    ]


# --- all of it ------------------------------------------------------------------


def test_all_of_it(world, http):
    first = opened(http, "all", "a", "b")
    answer = committed(http, transfer("all", "a", "b", 3, 1))
    body = answer.json()
    assert body == {
        "state": "committed",
        "group": "all",
        "operations": 3,
        "position": answer.position,
        "version": answer.position.split("-")[1],
    }
    version = int(body["version"])
    assert rows(world, "all") == [
        ("accounts", "all:a", 7, version),
        ("accounts", "all:b", 13, version),
        ("transfers", "all:1", 3, version),
    ]
    # One partition, whatever the collection; also for a write by itself.
    alone = http.request(
        "PUT",
        key_path("all", "transfers"),
        b'{"amount":1}',
        {"Content-Type": "application/json", "Prefer": "wait=20"},
    )
    places = {a.position.split("-")[0] for a in (first, answer, alone)}
    assert len(places) == 1, places
    # The documents have the version of the batch as their ETag.
    etag = f'"{version}"'
    assert read(http, "all:a").header("ETag") == etag
    committed(http, [op("patch", "all:a", {"note": "n"}, if_match=etag)])
    committed(http, [op("delete", "all:a", if_match="*"), op("delete", "all:b")])
    assert [row[1] for row in rows(world, "all")] == ["all", "all:1"]


def test_puts_and_conditions(world, http):
    committed(
        http,
        [
            op("put", "cond:a", {"balance": 1}, if_none_match="*"),
            op("put", "cond:b", {"balance": 2}),
            op("put", "cond:c", {"amount": 3}, "transfers"),
        ],
    )
    etag = read(http, "cond:a").header("ETag")
    committed(
        http,
        [
            op("put", "cond:a", {"balance": 5}, if_match=etag),
            op("delete", "cond:b", if_match=f'{etag}, "999"'),
            op("put", "cond:c", {"amount": 4}, "transfers", if_match="*"),
        ],
    )
    assert [row[:3] for row in rows(world, "cond")] == [
        ("accounts", "cond:a", 5),
        ("transfers", "cond:c", 4),
    ]


def test_a_batch_of_a_hundred(world, http):
    names = [f"{i:03}" for i in range(100)]
    opened(http, "many", *names)
    committed(http, [op("increment", f"many:{n}", {"balance": 1}) for n in names])
    found = rows(world, "many")
    assert len(found) == 100
    assert {row[2] for row in found} == {11} and len({row[3] for row in found}) == 1


def test_caches_move_over_it(world, http, other_api):
    """After its position both instances have all of it, from whatever tier."""
    opened(http, "cache", "a", "b")
    clients = [http, other_api.http]
    for i in range(10):
        for client in clients:  # every cache has what was before
            assert balances(client, "cache", "a", "b") == [10 - i, 10 + i]
        after = committed(clients[i % 2], transfer("cache", "a", "b", 1, i)).position
        for client in clients:
            # It waits for the mark; from then on, nothing old is served.
            read(client, "cache:a", Sluice_Read_After=after)
            assert balances(client, "cache", "b", "a") == [11 + i, 9 - i]


def test_feeds_have_it_in_one_piece(world, api, http):
    opened(http, "feed", *"abcdef")
    feed = Feed(api.http.port, "accounts")
    versions = []
    for i in range(5):
        some = [op("increment", f"feed:{n}", {"balance": 1}) for n in "abcdef"]
        versions.append(int(committed(http, some).json()["version"]))
        http.put(f"other-{i}", "x", prefer="wait=20")
    mine = lambda: [e for e in feed.events if e.version in versions]
    wait_until(lambda: len(mine()) == 30, 20, "the events")
    for i, version in enumerate(versions):
        piece = mine()[6 * i : 6 * i + 6]
        assert {e.version for e in piece} == {version}
        assert [e.key for e in piece] == [f"feed:{n}" for n in "abcdef"]
        # Only the last one has an id, so nobody resumes within a batch.
        assert len({e.id for e in piece[:-1]}) == 1
        assert piece[-1].id != piece[0].id
    again = Feed(api.http.port, "accounts", last_id=mine()[8].id)
    wait_until(lambda: len(again.events) >= 24, 20, "the events, again")
    assert [e.version for e in again.events[:6]] == [versions[1]] * 6


# --- none of it -----------------------------------------------------------------

REJECTED = {
    "not-found": (
        [op("put", "GROUP:n", {"balance": 1}), op("patch", "GROUP:no", {"note": "x"})],
        (404, "not-found", 1, None),
    ),
    "delete": (
        [op("put", "GROUP:n", {"balance": 1}), op("delete", "GROUP:no")],
        (404, "not-found", 1, None),
    ),
    "key-exists": (
        [op("create", "GROUP:a", {"balance": 1}), op("put", "GROUP:n", {"balance": 1})],
        (409, "key-exists", 0, None),
    ),
    "precondition": (
        [
            op("increment", "GROUP:a", {"balance": 1}),
            op("delete", "GROUP:b"),
            op("put", "GROUP:n", {"balance": 1}, if_match='"1"'),
        ],
        (412, "precondition-failed", 2, None),
    ),
    "constraint": (
        [
            op("increment", "GROUP:a", {"balance": 1}),
            op("increment", "GROUP:b", {"balance": -11}),
        ],
        (409, "constraint-violation", 1, "accounts_balance_minimum"),
    ),
    "the first counts": (
        [
            op("patch", "GROUP:z", {"note": "x"}),
            op("create", "GROUP:a", {"balance": 1}),
        ],
        (404, "not-found", 0, None),
    ),
    "overflow": (
        [
            op("put", "GROUP:n", {"balance": 1}),
            op("increment", "GROUP:a", {"balance": 2**63 - 1}),
        ],
        (422, "validation-failed", 1, None),
    ),
}


def status(http, position):
    def decided():
        answer = http.request("GET", f"/v1/_writes/{position}")
        assert answer.status == 200, answer
        return answer.json()["state"] != "pending" and answer.json()

    return wait_until(decided, 20, "the decision")


@pytest.mark.parametrize("name", REJECTED)
def test_one_operation_rejects_all(world, http, name):
    operations, (code, problem, index, constraint) = REJECTED[name]
    group = "no" + str(list(REJECTED).index(name))
    operations = json.loads(json.dumps(operations).replace("GROUP", group))
    opened(http, group, "a", "b")
    before = rows(world, group)
    answer = send(http, operations, Prefer="wait=20")
    assert (answer.status, answer.problem) == (code, problem), answer
    assert answer.json()["index"] == index
    assert answer.json().get("constraint") == constraint
    assert rows(world, group) == before
    assert balances(http, group, "a", "b", "n") == [10, 10, None]
    told = status(http, answer.position)
    assert (told["state"], told["index"]) == ("rejected", index)
    assert told["status"] == code and told.get("constraint") == constraint
    # What comes behind it is not held up.
    committed(http, transfer(group, "a", "b", 1, 1))


def test_what_only_postgres_knows(world, http):
    """An operator's constraint: the operation that violates it is found."""
    world.sql("ALTER TABLE transfers ADD CONSTRAINT odd"
        " CHECK (amount % 2 = 1) NOT VALID")
    try:
        opened(http, "odd", "a", "b")
        before = rows(world, "odd")
        operations = transfer("odd", "a", "b", 2, 1)
        answer = send(http, operations, Prefer="wait=20")
        assert (answer.status, answer.problem) == (409, "constraint-violation"), answer
        assert (answer.json()["index"], answer.json()["constraint"]) == (2, "odd")
        assert rows(world, "odd") == before
        committed(http, transfer("odd", "a", "b", 3, 2))
    finally:
        world.sql("ALTER TABLE transfers DROP CONSTRAINT odd")


def test_a_trigger_that_looks_at_more_rows(world, http):
    """A trigger that looks at all rows: the second operation is at fault."""
    world.sql(
        "CREATE FUNCTION balanced() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
        " IF (SELECT count(*) FROM accounts WHERE key LIKE 'sum:%') > 1 THEN"
        " RAISE EXCEPTION 'too many' USING ERRCODE = '23514'; END IF;"
        " RETURN NULL; END$$"
    )
    world.sql(
        "CREATE TRIGGER balanced AFTER INSERT ON accounts FOR EACH STATEMENT"
        " EXECUTE FUNCTION balanced()"
    )
    try:
        names = [op("create", f"sum:{n}", {"balance": 1}) for n in "ab"]
        answer = send(http, names, Prefer="wait=20")
        assert (answer.status, answer.problem) == (409, "constraint-violation"), answer
        assert answer.json()["index"] == 1, answer
        assert rows(world, "sum") == []
        committed(http, names[:1])
    finally:
        world.sql("DROP TRIGGER balanced ON accounts")
        world.sql("DROP FUNCTION balanced()")


# --- retries and receipts ---------------------------------------------------------


def test_retries(world, http, other_api):
    opened(http, "retry", "a", "b")
    operations = transfer("retry", "a", "b", 4, 1)
    first = committed(http, operations, Idempotency_Key="retry-1")
    again = committed(other_api.http, operations, Idempotency_Key="retry-1")
    assert again.header("Idempotency-Replayed") == "true"
    assert again.json() == first.json()
    assert balances(http, "retry", "a", "b") == [6, 14]
    other = send(http, operations[:1], Idempotency_Key="retry-1")
    assert (other.status, other.problem) == (422, "idempotency-key-reused"), other
    # The outcome of a rejected one is remembered, too, with the operation.
    wrong = [*operations[:1], op("delete", "retry:no")]
    for replayed in (None, "true"):
        answer = send(http, wrong, Idempotency_Key="retry-2")
        assert (answer.status, answer.json()["index"]) == (404, 1), answer
        assert answer.header("Idempotency-Replayed") == replayed
    assert balances(http, "retry", "a", "b") == [6, 14]


def test_receipts(http):
    operations = [op("put", "receipt:a", {"balance": 1})]
    answer = send(http, operations, Prefer="respond-async")
    assert answer.status == 202, answer
    body = answer.json()
    assert (body["state"], body["group"]) == ("accepted", "receipt")
    assert answer.header("Location") == f"/v1/_writes/{answer.position}"
    assert status(http, answer.position) == {
        "state": "committed",
        "position": answer.position,
    }
    minimal = send(http, operations, Prefer="wait=20, return=minimal")
    assert (minimal.status, minimal.body) == (200, b"")


# --- faults of the request --------------------------------------------------------


def put(key, **more):
    return op("put", key, {"balance": 1}, **more)


FAULTS = {
    "two groups": ([put("g:a"), put("h:a")], "/1/key", 'is "h", but that of'),
    "twice": ([put("g:a"), put("g:a")], "/1/key", "operation 0 has the same key"),
    "too many": ([put(f"g:{i}") for i in range(101)], "", "more than 100"),
    "none": ([], "", "at least one"),
    "no array": ({}, "", "must be an array"),
    "unknown operation": ([op("upsert", "g:a", {})], "/0/op", "must be create, put"),
    "no collection": ([put("g", collection="none")], "/0/collection", "there is none"),
    "no groups": ([put("g", collection="records")], "/0/collection", "no groups"),
    "no group": ([put(":a")], "/0/key", "its group would be empty"),
    "invalid": ([put("g"), op("put", "g:a", {"balance": "x"})], "/1/document/balance", ""),
    "no document": ([op("put", "g")], "/0/document", "is required"),
    "bad tag": ([put("g", if_match="x")], "/0/if_match", "entity tags"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults(http, name):
    operations, pointer, detail = FAULTS[name]
    answer = send(http, operations)
    assert (answer.status, answer.problem) == (422, "validation-failed"), answer
    [error] = answer.json()["errors"]
    assert error["pointer"] == pointer and detail in error["detail"], error


def test_other_faults(http):
    answer = http.request(
        "POST", "/v1/_batch", b"[", {"Content-Type": "application/json"}
    )
    assert (answer.status, answer.problem) == (400, "invalid-json"), answer
    answer = http.request("POST", "/v1/_batch", b"[]", {"Content-Type": "text/plain"})
    assert answer.status == 415, answer
    large = [op("put", f"g:{i}", {"balance": 1, "note": "x" * 60_000}) for i in range(20)]
    answer = send(http, large)
    assert (answer.status, answer.problem) == (413, "payload-too-large"), answer
    assert http.request("GET", "/v1/_batch").status == 405


def test_a_key_without_a_group(http):
    answer = http.request(
        "PUT",
        key_path(":a", "accounts"),
        b'{"balance":1}',
        {"Content-Type": "application/json"},
    )
    assert (answer.status, answer.pointers) == (422, ["/key"]), answer
