"""POST /v1/{collection}/_bulk: operations of every kind, one a line, each with a result
of its own; and what ?on_conflict does with documents whose rows are there."""

import json
import uuid

import pytest
from harness.bulk import kind, lines, post_array, post_lines, results
from harness.client import key_path

LINES = {"Content-Type": "application/x-ndjson"}
WAIT = {**LINES, "Prefer": "wait=20"}
POST = {"title": "t", "content": "c", "author": "operations"}


def send(http, operations, collection="counters", headers=WAIT):
    return http.request("POST", f"/v1/{collection}/_bulk", lines(operations), headers)


def op(kind_of, key, document=None, **more):
    made = {"op": kind_of, "key": key, **more}
    return made if document is None else {**made, "document": document}


def statuses(answer):
    assert answer.status == 200, answer
    return [r["status"] for r in results(answer)]


def get(http, key, collection="counters"):
    return http.request("GET", key_path(str(key), collection))


def test_every_operation_in_order(http):
    answer = send(http, [
        op("create", "ops:a", {"count": 1}),
        op("create", "ops:a", {"count": 9}),
        op("increment", "ops:a", {"count": 5}),
        op("patch", "ops:a", {"amount": 2.5}),
        op("put", "ops:b", {"count": 1}, if_none_match="*"),
        op("put", "ops:b", {"count": 2}, if_none_match="*"),
        op("put", "ops:b", {"count": 3}, if_match="*"),
        op("put", "ops:b", {"count": 4}),
        op("patch", "ops:nothing", {"count": 1}),
        op("delete", "ops:b"),
        op("delete", "ops:b"),
    ])  # fmt: skip
    assert statuses(answer) == [201, 409, 200, 200, 201, 412, 200, 200, 404, 200, 404]
    found = results(answer)
    assert [r["key"] for r in found] == ["ops:a"] * 4 + ["ops:b"] * 4 + ["ops:nothing"] + ["ops:b"] * 2
    assert kind(found[1]) == "key-exists" and kind(found[5]) == "precondition-failed"
    after = {"Sluice-Read-After": answer.position}
    document = http.request("GET", key_path("ops:a", "counters"), headers=after).json()
    assert (document["count"], document["amount"]) == (6, 2.5)
    assert get(http, "ops:b").status == 404
    # Without Prefer, the log has them.
    answer = send(http, [op("increment", "ops:a", {"count": 1})], headers=LINES)
    assert answer.status == 202 and results(answer)[0]["status"] == 202
    # Of a version that it does not have any more.
    etag = get(http, "ops:a").header("ETag")
    answer = send(http, [op("put", "ops:a", {"count": 0}, if_match=etag) for _ in range(2)])
    assert statuses(answer) in ([200, 412], [412, 412])


def test_faults_are_of_their_lines(world, http):
    ends = world.ends()
    answer = send(http, [
        5,
        op("upsert", "a"),
        op("put", "a", {"count": "x"}),
        op("put", "a", {"count": 1}, collection="counters"),
        op("put", None, {"count": 1}),
        op("delete", "a", {"count": 1}),
        op("create", "a", {"count": 1}, idempotency_key="a b"),
    ], headers=LINES)  # fmt: skip
    assert answer.status == 202
    found = results(answer)
    assert {(r["status"], kind(r)) for r in found} == {(422, "validation-failed")}
    assert [r["errors"][0]["pointer"] for r in found] == [
        "", "/op", "/document/count", "", "/key", "/document", "/idempotency_key"
    ]  # fmt: skip
    assert world.ends() == ends
    body = lines([op("put", "f:1", {"count": 1})]) + b'{"op":"put","op":"put"}\n'
    answer = http.request("POST", "/v1/counters/_bulk", body, LINES)
    assert (answer.status, answer.problem) == (400, "invalid-json")
    assert [r["status"] for r in answer.json()["results"]] == [202]
    for headers, status in (
        ({"Content-Type": "application/json"}, 415),
        ({**LINES, "Idempotency-Key": "k"}, 422),
        ({**LINES, "If-None-Match": "*"}, 422),
        ({**LINES, "If-Match": "*"}, 422),
    ):
        assert http.request("POST", "/v1/counters/_bulk", body, headers).status == status
    answer = http.request("POST", "/v1/counters/_bulk?on_conflict=skip", body, LINES)
    assert (answer.status, answer.problem) == (400, "invalid-filter")
    assert http.request("POST", "/v1/nothing/_bulk", body, LINES).problem == "collection-not-found"
    answer = http.request("GET", "/v1/counters/_bulk")
    assert (answer.status, answer.header("Allow")) == (405, "POST")


@pytest.mark.parametrize("collection, document", [("counters", {"count": 1}), ("posts", POST)])
def test_a_bulk_can_be_sent_again(world, http, other_api, collection, document):
    """Nothing is done twice, on whatever instance; and generated keys are those of the
    first time."""
    name = uuid.uuid4().hex
    operations = [
        {"op": "create", "document": document, "idempotency_key": f"{name}-{n}"} for n in range(20)
    ]
    first = send(http, operations, collection)
    assert statuses(first) == [201] * 20
    keys = [r["key"] for r in results(first)]
    more = op("create", keys[0], document, idempotency_key=f"{name}-more")
    again = send(other_api.http, [*operations, more], collection)
    assert statuses(again) == [201] * 20 + [409]
    found = results(again)
    assert [r["key"] for r in found[:20]] == keys
    assert all(r["replayed"] for r in found[:20]) and "replayed" not in found[20]
    other = {**operations[0], "document": {**document, next(iter(document)): 7 if collection == "counters" else "x"}}
    answer = send(http, [other], collection)
    assert statuses(answer) == [422] and kind(results(answer)[0]) == "idempotency-key-reused"


def test_an_increment_that_is_sent_again(http):
    name = uuid.uuid4().hex
    send(http, [op("put", name, {"count": 0})])
    operations = [
        op("increment", name, {"count": 1}, idempotency_key=f"{name}-{n}") for n in range(10)
    ]
    for _ in range(3):
        answer = send(http, operations)
        assert statuses(answer) == [200] * 10
    after = {"Sluice-Read-After": answer.position}
    assert http.request("GET", key_path(name, "counters"), headers=after).json()["count"] == 10


@pytest.mark.parametrize("post", [post_lines, post_array])
def test_on_conflict(http, post):
    name = post.__name__
    old = [{"key": f"{name}:{n}", "count": n} for n in range(3)]
    new = [{"key": f"{name}:{n}", "count": 10 + n} for n in range(5)]
    assert statuses(post(http, "counters", old, "wait=20")) == [201] * 3

    def values():
        return [get(http, f"{name}:{n}").json().get("count") for n in range(5)]

    assert statuses(post(http, "counters?on_conflict=fail", new[:3], "wait=20")) == [409] * 3
    answer = post(http, "counters?on_conflict=skip", new[:4], "wait=20")
    assert statuses(answer) == [200] * 3 + [201]
    assert [r.get("skipped") for r in results(answer)] == [True] * 3 + [None]
    assert values() == [0, 1, 2, 13, None]
    answer = post(http, "counters?on_conflict=replace", new, "wait=20")
    assert statuses(answer) == [200] * 4 + [201]
    assert values() == [10, 11, 12, 13, 14]
    for query in ("on_conflict=x", "on_conflict=", "on_conflict=skip&on_conflict=skip", "limit=1"):
        answer = post(http, f"counters?{query}", new)
        assert (answer.status, answer.problem) == (400, "invalid-filter"), query
    one = json.dumps(new[0]).encode()
    answer = http.request(
        "POST", "/v1/counters?on_conflict=skip", one, {"Content-Type": "application/json"}
    )
    assert (answer.status, answer.json()["parameter"]) == (400, "on_conflict")
