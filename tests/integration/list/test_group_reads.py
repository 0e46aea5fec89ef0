"""GET /v1/_group/{group}: the documents of a group, of several collections, as of one
watermark; cached until the next commit to the group, and not after it."""

import json
import random
import re

from harness.client import key_path
from harness.counters import Moved
from harness.crowd import Background
from harness.replica import replay_paused, replica_caught_up

HIT = ("sluice_page_lookups_total", 'result="hit"')
OLD = ("sluice_page_lookups_total", 'result="below_floor"')
WAIT = {"Content-Type": "application/json", "Prefer": "wait=20"}


def get(http, group, query="", **headers):
    headers = {n.replace("_", "-"): v for n, v in headers.items()}
    return http.request("GET", f"/v1/_group/{group}{query}", headers=headers)


def found(http, group, query="", **headers):
    """The answer, and its documents: collection -> key -> (version, document)."""
    answer = get(http, group, query, **headers)
    assert answer.status == 200, answer
    body = answer.json()
    assert body.keys() == {"group", "collections"} and body["group"] == group
    return answer, {
        name: {d["key"]: (d["version"], d["document"]) for d in documents}
        for name, documents in body["collections"].items()
    }


def send(http, *operations):
    """(op, collection, key, document)"""
    body = [
        {"op": op, "collection": c, "key": k, **({} if d is None else {"document": d})}
        for op, c, k, d in operations
    ]
    answer = http.request("POST", "/v1/_batch", json.dumps(body).encode(), WAIT)
    assert answer.status == 200, answer
    return answer.position


def put(http, key, document, collection="accounts"):
    body = json.dumps(document).encode()
    answer = http.request("PUT", key_path(key, collection), body, WAIT)
    assert answer.status in (200, 201), answer
    return answer


def transfer(http, group, number, amount=1):
    return send(
        http,
        ("increment", "accounts", f"{group}:a", {"balance": -amount}),
        ("increment", "accounts", f"{group}:b", {"balance": amount}),
        ("create", "transfers", f"{group}:{number}", {"amount": amount}),
    )


def opened(http, group, balance=100):
    return send(
        http,
        ("create", "accounts", f"{group}:a", {"balance": balance}),
        ("create", "accounts", f"{group}:b", {"balance": 0}),
    )


def test_all_documents_of_a_group(http):
    put(http, "all", {"balance": 1})
    position = send(
        http,
        ("put", "accounts", "all:é", {"balance": 3}),
        ("put", "accounts", "all:1:2", {"balance": 2}),
        ("put", "transfers", "all:1", {"amount": -4}),
    )
    for near in ("all;", "all0", "al", "all ", "alla:1", "all!:1"):
        put(http, near, {"balance": 9})
    answer, documents = found(http, "all")
    assert list(documents) == ["accounts", "transfers"]
    assert list(documents["accounts"]) == ["all", "all:1:2", "all:é"]
    # Each document is that of a read of it alone, and its version is its ETag.
    for name, some in documents.items():
        for key, (version, document) in some.items():
            alone = http.request("GET", key_path(key, name))
            assert (alone.json(), alone.header("ETag")) == (document, f'"{version}"')
    partition = position.split("-")[0]
    assert re.fullmatch(rf"{partition}-\d+", answer.header("Sluice-As-Of"))
    assert int(answer.header("Sluice-As-Of").split("-")[1]) >= int(position.split("-")[1])
    assert answer.header("Content-Type") == "application/json"
    head = http.request("HEAD", "/v1/_group/all")
    assert (head.status, head.body) == (200, b"")
    assert head.header("ETag") == answer.header("ETag")


def test_collections_that_are_named(http):
    opened(http, "named")
    one, documents = found(http, "named", "?collections=transfers")
    assert documents == {"transfers": {}}
    both, documents = found(http, "named", "?collections=transfers,accounts")
    assert list(documents) == ["accounts", "transfers"]
    # The order of the names does not matter: it is one entry of L1.
    again = get(http, "named", "?collections=accounts%2Ctransfers")
    assert again.tier == "l1" and again.body == both.body
    assert found(http, "nothing", "?collections=accounts")[1] == {"accounts": {}}


def test_what_it_refuses(http):
    for query, status, problem in (
        ("?collections=accounts,nothing", 404, "collection-not-found"),
        ("?collections=records", 400, "invalid-filter"),
        ("?collections=", 400, "invalid-filter"),
        ("?collections=accounts,", 400, "invalid-filter"),
        ("?collections=accounts,accounts", 400, "invalid-filter"),
        ("?collections=accounts&collections=transfers", 400, "invalid-filter"),
        ("?collections=%zz", 400, "invalid-filter"),
        ("?limit=5", 400, "invalid-filter"),
    ):
        answer = get(http, "named", query)
        assert (answer.status, answer.problem) == (status, problem), (query, answer)
        assert answer.cache == "sluice"
        if status == 400:
            assert answer.json()["parameter"] in ("collections", "limit")
    for group in ("", "a%3Ab", "%00", "%FF", "x" * 256):
        answer = get(http, group)
        assert (answer.status, answer.pointers) == (422, ["/group"]), (group, answer)
    assert get(http, "_x").status == 404  # reserved
    answer = http.request("POST", "/v1/_group/named")
    assert (answer.status, answer.header("Allow")) == (405, "GET, HEAD")


def test_a_reserved_beginning(http):
    put(http, "_x:1", {"balance": 5})
    answer = get(http, "%5Fx")
    assert answer.status == 200 and answer.json()["group"] == "_x"
    assert [d["key"] for d in answer.json()["collections"]["accounts"]] == ["_x:1"]


def test_conditions(http):
    opened(http, "cond")
    first = get(http, "cond")
    tag = first.header("ETag")
    same = get(http, "cond", If_None_Match=tag)
    assert (same.status, same.body, same.header("ETag")) == (304, b"", tag)
    assert get(http, "cond", If_Match=tag).status == 200
    transfer(http, "cond", 1)
    assert get(http, "cond", If_None_Match=tag).status == 200
    assert get(http, "cond", If_Match=tag).problem == "precondition-failed"


def test_a_client_changes_what_it_has_read(http):
    """The versions are conditions of the next batch."""
    opened(http, "cas")
    _, documents = found(http, "cas")
    version, document = documents["accounts"]["cas:a"]
    change = {"op": "patch", "collection": "accounts", "key": "cas:a"}
    change |= {"document": {"note": "x"}, "if_match": f'"{version}"'}
    answers = [
        http.request("POST", "/v1/_batch", json.dumps([change]).encode(), WAIT)
        for _ in range(2)
    ]
    assert [a.status for a in answers] == [200, 412]


def test_only_commits_to_the_group_end_it(api, http):
    opened(http, "ends")
    opened(http, "other")
    first, _ = found(http, "ends")
    assert first.cache.startswith("sluice; fwd=miss")
    with Moved(api) as moved:
        assert found(http, "ends")[0].tier == "l1"
        for i in range(5):  # neither another group, nor a collection without groups
            transfer(http, "other", i)
            http.put(f"any {i}", "x", prefer="wait=20")
            put(http, f"end:{i}", {"balance": 1})
            again, _ = found(http, "ends")
            assert (again.tier, again.body) == ("l1", first.body)
    assert (moved[HIT], moved[OLD]) == (6, 0)
    # A change of any of its documents does, whatever the collections asked for.
    changes = [
        lambda: transfer(http, "ends", 1),
        lambda: put(http, "ends", {"balance": 1}),
        lambda: put(http, "ends:new", {"amount": 1}, "transfers"),
        lambda: send(http, ("delete", "transfers", "ends:1", None)),
    ]
    for change in changes:
        before, _ = found(http, "ends")
        with Moved(api) as moved:
            change()
            after, documents = found(http, "ends")
        assert after.tier != "l1" and after.body != before.body
        assert moved[OLD] == 1
    assert "ends:1" not in documents["transfers"]


def test_read_your_writes_on_another_instance(http, other_api):
    opened(http, "after")
    for i in range(10):
        found(other_api.http, "after")  # in L1
        position = transfer(http, "after", i)
        answer, documents = found(other_api.http, "after", Sluice_Read_After=position)
        assert len(documents["transfers"]) == i + 1
        assert documents["accounts"]["after:b"][1]["balance"] == i + 1


def test_cache_control(http):
    opened(http, "control")
    fresh = get(http, "control", Cache_Control="only-if-cached")
    assert (fresh.status, fresh.problem) == (504, "only-if-cached")
    assert found(http, "control", Cache_Control="no-cache")[0].cache.startswith(
        "sluice; fwd=request"
    )
    assert get(http, "control", Cache_Control="only-if-cached").tier == "l1"


def test_the_replica_only_if_it_has_heard(world, http):
    """The replica answers, unless it lacks a commit to the group."""
    opened(http, "replica")
    replica_caught_up(world)
    assert found(http, "replica", Cache_Control="no-cache")[0].tier == "replica"
    with replay_paused(world):
        transfer(http, "replica", 1)
        answer, documents = found(http, "replica")
        assert answer.tier == "primary" and "replica; detail=behind" in answer.cache
        assert documents["accounts"]["replica:b"][1]["balance"] == 1
    assert found(http, "replica", Cache_Control="no-cache")[0].tier == "replica"


def test_a_group_that_is_too_large(world, http):
    some = [("put", "accounts", f"large:{i:04}", {"balance": 1}) for i in range(100)]
    for first in range(0, 1000, 100):
        send(
            http,
            *(
                (op, c, f"large:{first + i:04}", d)
                for i, (op, c, _, d) in enumerate(some)
            ),
        )
    assert len(found(http, "large")[1]["accounts"]) == 1000
    put(http, "large:x", {"amount": 1}, "transfers")
    answer = get(http, "large")
    assert (answer.status, answer.problem) == (422, "group-too-large"), answer
    assert "1000 documents" in answer.json()["detail"]
    assert len(found(http, "large", "?collections=transfers")[1]["transfers"]) == 1


def test_too_many_bytes(special_api, http):
    small = special_api({"list.max_bytes": "1KiB"})
    first = put(http, "bytes:a", {"balance": 1, "note": "x" * 700})
    found(small.http, "bytes", Sluice_Read_After=first.position)
    second = put(http, "bytes:b", {"balance": 1, "note": "x" * 700})
    answer = get(small.http, "bytes", Sluice_Read_After=second.position)
    assert (answer.status, answer.problem) == (422, "group-too-large"), answer
    assert "list.max_bytes" in answer.json()["detail"]


def test_a_purge_removes_it(api, http):
    """Of a key, of its collection, of everything."""
    opened(http, "purge")
    admin = {"Sluice-Admin": "1"}
    for path in ("/accounts/purge%3Aa", "/transfers", ""):
        found(http, "purge")
        assert found(http, "purge")[0].tier == "l1"
        answer = api.admin.request("DELETE", f"/cache{path}", headers=admin)
        assert answer.status == 200, answer
        assert found(http, "purge")[0].tier != "l1", path
    found(http, "purge")
    api.admin.request("DELETE", "/cache/accounts/other%3Aa", headers=admin)
    assert found(http, "purge")[0].tier == "l1"


def test_never_a_part_of_a_batch(http, other_api):
    """Readers of both instances, from all tiers, while transfers go on."""
    opened(http, "whole", balance=1000)
    clients = [http, other_api.http]
    draw = random.Random(7)
    faults, tiers = [], set()

    def reads():
        fresh = {"Cache_Control": "no-cache"} if draw.random() < 0.3 else {}
        answer, documents = found(draw.choice(clients), "whole", **fresh)
        tiers.add(answer.tier)
        accounts = [d["balance"] for _, d in documents["accounts"].values()]
        moved = sum(d["amount"] for _, d in documents["transfers"].values())
        if accounts != [1000 - moved, moved]:
            faults.append((answer, accounts, moved))

    with Background(*[reads] * 2):
        for i in range(25):
            transfer(clients[i % 2], "whole", i)
    assert faults == []
    assert "l1" in tiers and tiers & {"replica", "primary"}, tiers
