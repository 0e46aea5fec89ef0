"""Writes that the writer decides: preconditions, merge patches, increments,
Idempotency-Key; and what is told of them later."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from harness.client import key_path
from harness.proxy import Proxy
from harness.servers import at_database, at_port
from harness.wait import wait_until

PATCH = "application/merge-patch+json"
INCREMENT = "application/vnd.sluice.increment+json"


def send(http, method, key, body=None, kind="application/json", where="records", **more):
    headers = {name.replace("_", "-"): v for name, v in more.items()}
    if body is not None:
        headers["Content-Type"] = kind
        body = json.dumps(body).encode()
    return http.request(method, key_path(key, where), body, headers)


def put(http, key, value, **more):
    return send(http, "PUT", key, {"value": value}, Prefer="wait=10", **more)


def count(http, key, **members):
    return send(http, "PUT", key, members, where="counters", Prefer="wait=10")


def increment(http, key, members, **more):
    more.setdefault("Prefer", "wait=10")
    return send(http, "PATCH", key, members, INCREMENT, "counters", **more)


def counter(http, key):
    return http.request("GET", key_path(key, "counters")).json()


# --- preconditions ------------------------------------------------------------


def test_if_match_is_decided_against_the_row(http):
    first = put(http, "match", "1")
    assert first.status == 201, first
    etag = first.header("ETag")
    # It waits without being asked to.
    second = send(http, "PUT", "match", {"value": "2"}, If_Match=etag)
    assert second.status == 200, second
    stale = send(http, "PUT", "match", {"value": "3"}, If_Match=etag)
    assert (stale.status, stale.problem) == (412, "precondition-failed"), stale
    assert http.value("match") == "2"
    listed = f'"999", {second.header("ETag")}'
    assert send(http, "PUT", "match", {"value": "4"}, If_Match=listed).status == 200


def test_if_match_star_wants_a_row(http):
    answer = send(http, "PUT", "star", {"value": "1"}, If_Match="*")
    assert (answer.status, answer.problem) == (412, "precondition-failed"), answer
    assert http.value("star") is None
    assert put(http, "star", "1").status == 201
    assert send(http, "PUT", "star", {"value": "2"}, If_Match="*").status == 200


def test_if_none_match_star_creates_once(http):
    def create(n):
        return send(http, "PUT", "once", {"value": str(n)}, If_None_Match="*").status

    with ThreadPoolExecutor(16) as pool:
        statuses = sorted(pool.map(create, range(64)))
    assert statuses == [201] + [412] * 63


def test_a_conditional_delete(http):
    etag = put(http, "cond", "1").header("ETag")
    put(http, "cond", "2")
    assert send(http, "DELETE", "cond", If_Match=etag).status == 412
    now = http.get("cond").header("ETag")
    assert send(http, "DELETE", "cond", If_Match=now).status == 204
    assert http.value("cond") is None


def test_a_bad_condition_never_reaches_the_log(http):
    for headers in (
        {"If_Match": "1042"},
        {"If_None_Match": '"1"'},
        {"If_Match": "*", "If_None_Match": "*"},
    ):
        answer = send(http, "PUT", "badcond", {"value": "1"}, **headers)
        assert (answer.status, answer.problem) == (422, "validation-failed"), answer


def test_compare_and_swap_by_many_clients_loses_nothing(http):
    assert count(http, "cas", count=0).status == 201

    def add(_):
        while True:
            row = http.request("GET", key_path("cas", "counters"))
            body = {"count": row.json()["count"] + 1}
            answer = send(
                http, "PUT", "cas", body, where="counters", If_Match=row.header("ETag")
            )
            if answer.status == 200:
                return
            assert answer.status == 412, answer

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(40)))
    assert counter(http, "cas")["count"] == 40


# --- merge patches ------------------------------------------------------------


def test_a_merge_patch_changes_what_it_names(http):
    assert count(http, "patch", count=3, amount=1.5).status == 201
    answer = send(
        http, "PATCH", "patch", {"amount": 2.25}, PATCH, "counters", Prefer="wait=10"
    )
    assert answer.status == 200, answer
    row = counter(http, "patch")
    assert (row["count"], row["amount"]) == (3, 2.25)
    send(http, "PATCH", "patch", {"amount": None}, PATCH, "counters", Prefer="wait=10")
    assert counter(http, "patch")["amount"] is None
    refused = send(http, "PATCH", "patch", {"count": None}, PATCH, "counters")
    assert (refused.status, refused.pointers) == (422, ["/count"])


def test_a_patch_of_what_is_not_there(http):
    answer = send(
        http, "PATCH", "nobody", {"value": "x"}, PATCH, Prefer="wait=10"
    )
    assert (answer.status, answer.problem) == (404, "not-found"), answer


def test_a_patch_keeps_the_times_and_the_key(http):
    put(http, "times", "1")
    before = http.get("times").json()
    send(http, "PATCH", "times", {"value": "2"}, PATCH, Prefer="wait=10")
    after = http.get("times").json()
    assert after["created_at"] == before["created_at"]
    assert after["updated_at"] > before["updated_at"]
    assert (after["key"], after["value"]) == ("times", "2")


# --- increments ---------------------------------------------------------------


def test_increments_by_many_clients_add_up(http, other_api):
    assert count(http, "sum", count=0).status == 201

    def add(n):
        return increment((http, other_api.http)[n % 2], "sum", {"count": n}).status

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(add, range(200))) == {200}
    assert counter(http, "sum")["count"] == sum(range(200))


def test_a_number_loses_no_digit(http):
    body = b'{"count":9007199254740993,"amount":0.10000000000000000001}'
    answer = http.request(
        "PUT",
        key_path("digits", "counters"),
        body,
        {"Content-Type": "application/json", "Prefer": "wait=10"},
    )
    assert answer.status == 201, answer
    headers = {"Content-Type": INCREMENT, "Prefer": "wait=10"}
    more = b'{"count":2,"amount":0.2}'
    path = key_path("digits", "counters")
    assert http.request("PATCH", path, more, headers).status == 200
    text = http.request("GET", path).body.decode()
    assert '"count":9007199254740995' in text
    assert '"amount":0.30000000000000000001' in text


def test_a_sum_that_does_not_fit_is_rejected(http):
    assert count(http, "over", count=2**63 - 1).status == 201
    answer = increment(http, "over", {"count": 1})
    assert (answer.status, answer.problem) == (422, "validation-failed"), answer
    assert counter(http, "over")["count"] == 2**63 - 1


def test_increments_that_make_no_sense(http):
    cases = [
        ({"nope": 1}, "/nope"),
        ({"count": "1"}, "/count"),
        ({"count": 1.5}, "/count"),
        ({}, ""),
    ]
    for members, pointer in cases:
        answer = increment(http, "sense", members)
        assert answer.status == 422, answer
        assert answer.pointers == [pointer]
    assert increment(http, "nothing", {"count": 1}).status == 404
    wrong = send(http, "PATCH", "text", {"value": 1}, INCREMENT)
    assert (wrong.status, wrong.pointers) == (422, ["/value"])


# --- Idempotency-Key ----------------------------------------------------------


def test_a_retry_has_the_first_ones_outcome(http, other_api):
    count(http, "idem", count=0)
    first = increment(http, "idem", {"count": 5}, Idempotency_Key='"k-1"')
    assert first.status == 200, first
    assert first.header("Idempotency-Replayed") is None
    again = increment(other_api.http, "idem", {"count": 5}, Idempotency_Key="k-1")
    assert again.status == 200, again
    assert again.header("Idempotency-Replayed") == "true"
    assert again.position == first.position
    assert again.header("ETag") == first.header("ETag")
    assert counter(http, "idem")["count"] == 5
    reused = increment(http, "idem", {"count": 6}, Idempotency_Key="k-1")
    assert (reused.status, reused.problem) == (422, "idempotency-key-reused"), reused


def test_many_retries_at_once_take_effect_once(http, other_api):
    count(http, "herd", count=0)

    def add(n):
        client = (http, other_api.http)[n % 2]
        return increment(client, "herd", {"count": 1}, Idempotency_Key="k-herd")

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(add, range(32)))
    assert {a.status for a in answers} == {200}
    assert len({a.position for a in answers}) == 1
    assert sum(a.header("Idempotency-Replayed") is None for a in answers) == 1
    assert counter(http, "herd")["count"] == 1


def test_a_rejection_is_replayed_too(http):
    a = put(http, "idemrej", "1", If_Match='"7"', Idempotency_Key="k-rej")
    assert (a.status, a.problem) == (412, "precondition-failed"), a
    put(http, "idemrej", "2")
    b = put(http, "idemrej", "1", If_Match='"7"', Idempotency_Key="k-rej")
    assert (b.status, b.problem) == (412, "precondition-failed"), b
    assert b.header("Idempotency-Replayed") == "true"


def post(http, **more):
    headers = {name.replace("_", "-"): v for name, v in more.items()}
    headers |= {"Content-Type": "application/json", "Prefer": "wait=10"}
    return http.request("POST", "/v1/samples", json.dumps({"text": "x"}), headers)


def delete(http, key, **more):
    return send(http, "DELETE", key, Prefer="wait=10", **more)


def said(answer):
    """All of it but what tells a retry from the first request."""
    but = ("date", "idempotency-replayed", "server-timing", "x-request-id")
    headers = sorted((k, v) for k, v in answer.headers.items() if k.lower() not in but)
    return answer.status, headers, re.sub(rb',"request_id":"\w+"', b"", answer.body)


def test_a_retry_does_not_need_the_primary(http, world, servers, special_api):
    """The mark names the first request, its outcome and its key. So an instance without
    the primary answers a retry as another instance answered the first request."""
    for key in ("alone-old", "alone-gone"):
        assert put(http, key, "1").status == 201
    count(http, "alone", count=0)
    requests = [
        (201, lambda client, **key: put(client, "alone-new", "1", **key)),
        (200, lambda client, **key: put(client, "alone-old", "2", **key)),
        (204, lambda client, **key: delete(client, "alone-gone", **key)),
        (404, lambda client, **key: delete(client, "alone-never", **key)),
        (412, lambda client, **key: put(client, "alone-old", "3", If_Match='"7"', **key)),
        (200, lambda client, **key: increment(client, "alone", {"count": 5}, **key)),
        (201, post),
    ]
    url = at_database(servers.primary_url, world.name)
    proxy = Proxy(servers.ports.take(), urlsplit(url).port)
    try:
        alone = special_api({"primary.url": at_port(url, proxy.port)}).http
        assert put(alone, "alone-warm", "1").status == 201
        assert post(alone).status == 201
        firsts = [
            ask(http, Idempotency_Key=f"alone-{n}") for n, (_, ask) in enumerate(requests)
        ]
        assert [first.status for first in firsts] == [want for want, _ in requests], firsts
        proxy.set("refuse")
        assert status(alone, firsts[0].position).status == 503
        for n, (_, ask) in enumerate(requests):
            again = ask(alone, Idempotency_Key=f"alone-{n}")
            assert again.header("Idempotency-Replayed") == "true", again
            assert said(again) == said(firsts[n])
    finally:
        proxy.close()


def test_one_key_for_two_targets_is_refused(http):
    assert put(http, "target-a", "1", Idempotency_Key="k-two").status == 201
    answer = put(http, "target-b", "1", Idempotency_Key="k-two")
    assert (answer.status, answer.problem) == (422, "idempotency-key-reused"), answer
    assert http.value("target-b") is None


# --- what is told later -------------------------------------------------------


def status(http, position):
    return http.request("GET", f"/v1/_writes/{position}")


def test_the_state_of_a_write(http, world):
    receipt = http.put("later", "1")
    wait_until(
        lambda: status(http, receipt.position).json()["state"] == "committed",
        10,
        "it is committed",
    )
    rejected = http.delete("later-never", prefer="wait=10")
    told = status(http, rejected.position).json()
    assert told["state"] == "rejected"
    assert (told["reason"], told["status"]) == ("not-found", 404)
    assert status(http, "3-99999999999").problem == "not-found"
    assert status(http, "99-1").problem == "not-found"
    assert status(http, "x").problem == "not-found"


def test_a_pending_write(world, http):
    writer = world.of("writer")[0]
    writer.sigstop()
    try:
        receipt = http.put("pending", "1")
        assert status(http, receipt.position).json() == {
            "state": "pending",
            "position": receipt.position,
        }
    finally:
        writer.sigcont()
    wait_until(
        lambda: status(http, receipt.position).json()["state"] == "committed",
        20,
        "it is committed",
    )


def test_positions_behind_the_end_of_the_log(http, world):
    """There are none: who asks for one is not told to wait for it."""
    positions = [f"{p}-{end + n}" for p, end in enumerate(world.ends()) for n in (0, 1, 1000)]
    with ThreadPoolExecutor(len(positions)) as pool:
        answers = list(pool.map(lambda position: status(http, position), positions))
    assert {(a.status, a.problem) for a in answers} == {(404, "not-found")}, answers


def test_a_pending_write_of_another_instance(world, http, other_api):
    """Its receipt is newer than what this one has seen of the log."""
    writer = world.of("writer")[0]
    writer.sigstop()
    try:
        for i in range(4):
            receipt = other_api.http.put(f"pending {i}", "1")
            told = status(http, receipt.position)
            assert told.json() == {"state": "pending", "position": receipt.position}
    finally:
        writer.sigcont()


def test_the_constraint_is_named(http, other_api, world):
    """To the first one and to its retries, on any instance; and as each is looked up."""
    world.sql("ALTER TABLE records ADD CONSTRAINT no_poison CHECK (value <> 'poison')")
    for client in (http, http, other_api.http):
        answer = put(client, "venom", "poison", Idempotency_Key="k-venom")
        assert (answer.status, answer.problem) == (409, "constraint-violation"), answer
        assert answer.json()["constraint"] == "no_poison", answer
    assert answer.header("Idempotency-Replayed") == "true"
    retries = world.sql(
        "SELECT y.partition, y.version FROM sluice.replays y JOIN sluice.rejections f"
        " ON f.partition = y.first_partition AND f.version = y.first_version"
        " WHERE f.key = 'venom'"
    )
    assert len(retries) == 2
    for partition, version in retries:
        told = status(http, f"{partition}-{version}").json()
        assert told["constraint"] == "no_poison" and told["first"] == answer.position, told
    assert status(http, answer.position).json()["constraint"] == "no_poison"
