"""Counts: of one snapshot, whose watermarks they name; cached until the next commit to
the collection, and not after it."""

import json
import random
import re
import threading

from harness.client import key_path
from harness.counters import Moved
from harness.crowd import Background
from harness.replica import replica_caught_up
from harness.wait import wait_until

JSON = {"Content-Type": "application/json"}
WAIT = {"Prefer": "wait=10"}
EXACT = {"Prefer": "count=exact"}

HIT = ("sluice_page_lookups_total", 'result="hit"')
OLD = ("sluice_page_lookups_total", 'result="below_floor"')
QUERIES = "sluice_page_queries_total"


def get(http, path, **headers):
    return http.request(
        "GET", path, headers={n.replace("_", "-"): v for n, v in headers.items()}
    )


def counted(http, path, **headers):
    """The answer, and its number."""
    answer = get(http, path, **headers)
    assert answer.status == 200, answer
    assert answer.header("Content-Type") == "application/json"
    number = answer.json()["count"]
    assert answer.body == f'{{"count":{number}}}'.encode()
    assert answer.header("Content-Range") == f"*/{number}"
    return answer, number


def put(http, key, count, headers=WAIT):
    body = json.dumps({"count": count}).encode()
    answer = http.request("PUT", key_path(key, "counters"), body, {**JSON, **headers})
    assert answer.status in (200, 201, 202), answer
    return answer


def delete(http, key):
    answer = http.request("DELETE", key_path(key, "counters"), headers=WAIT)
    assert answer.status in (204, 404), answer
    return answer


def in_database(world, where="true"):
    return world.sql(f"SELECT count(*) FROM counters WHERE {where}")[0][0]


def as_of(answer):
    text = answer.header("Sluice-As-Of")
    pairs = [re.fullmatch(r"(\d+)-(\d+)", p).groups() for p in text.split(", ")]
    return {int(partition): int(version) for partition, version in pairs}


def test_a_number(world, http):
    for i in range(7):
        put(http, f"number {i}", i)
    answer, number = counted(http, "/v1/counters/_count?key=like.number*")
    assert number == 7 and answer.cache.startswith("sluice; fwd=miss")
    assert answer.header("Preference-Applied") is None
    assert counted(http, "/v1/counters/_count")[1] == in_database(world)
    assert counted(http, "/v1/counters/_count?key=in.(number%201,number%209)")[1] == 1
    assert counted(http, "/v1/counters/_count?key=eq.nothing")[1] == 0
    head = http.request("HEAD", "/v1/counters/_count?key=like.number*")
    assert (head.status, head.body) == (200, b"")
    assert head.header("ETag") == answer.header("ETag")
    same = get(http, "/v1/counters/_count?key=like.number*", If_None_Match=answer.header("ETag"))
    assert (same.status, same.body) == (304, b"")


def test_what_it_refuses(http):
    for query in ("limit=3", "order=key", "cursor=x", "count=1", "select=key"):
        answer = get(http, f"/v1/counters/_count?{query}")
        assert (answer.status, answer.problem) == (400, "invalid-filter"), answer
        assert answer.json()["parameter"] == query.partition("=")[0]
    assert get(http, "/v1/counters/_count", Accept="application/x-ndjson").status == 406
    assert get(http, "/v1/nowhere/_count").problem == "collection-not-found"
    answer = http.request("DELETE", "/v1/counters/_count")
    assert (answer.status, answer.header("Allow")) == (405, "GET, HEAD")
    both = "application/x-ndjson, application/json;q=0.1"
    assert counted(http, "/v1/counters/_count", Accept=both)


def test_cached_until_the_next_commit_to_the_collection(world, http, api):
    put(http, "kept", 1)
    paths = ["/v1/counters/_count", "/v1/counters/_count?key=like.kept*"]
    numbers = [counted(http, path)[1] for path in paths]
    http.put("another collection", "x", prefer="wait=10")
    with Moved(api) as moved:
        for path, number in zip(paths, numbers):
            answer, now = counted(http, path)
            assert (answer.tier, now) == ("l1", number)
    assert (moved[HIT], moved[QUERIES]) == (2, 0)
    put(http, "kept 2", 1)
    replica_caught_up(world)  # or the primary is asked, too
    with Moved(api) as moved:
        for path, number in zip(paths, numbers):
            answer, now = counted(http, path)
            assert answer.tier != "l1" and now == number + 1
    assert (moved[HIT], moved[OLD], moved[QUERIES]) == (0, 2, 2)
    assert delete(http, "kept 2").status == 204
    assert [counted(http, path)[1] for path in paths] == numbers


def test_on_every_instance(http, other_api):
    counted(other_api.http, "/v1/counters/_count?key=like.there*")
    for i in range(10):
        position = put(http, f"there {i}", 1).position
        path = "/v1/counters/_count?key=like.there*"
        assert counted(other_api.http, path, Sluice_Read_After=position)[1] == i + 1


def test_equal_to_the_rows_at_the_watermarks_it_names(world, http, other_api):
    """Every number that was answered while rows came and went is the sum of the
    creations and deletions before the positions that it names."""
    effects, answers, lock = [], [], threading.Lock()

    def write(client, name, seed):
        rng, present = random.Random(seed), set()

        def once():
            key = f"load {name} {rng.randrange(30)}"
            if key in present:
                answer, effect = delete(client, key), -1
                assert answer.status == 204
                present.remove(key)
            else:
                answer, effect = put(client, key, 1), 1
                assert answer.status == 201
                present.add(key)
            partition, version = map(int, answer.position.split("-"))
            with lock:
                effects.append((partition, version, effect))

        return once

    def count(client, path, listed):
        def once():
            headers = {"Prefer": "count=exact"} if listed else {}
            answer = get(client, path, **headers)
            assert answer.status == 200, answer
            number = int(answer.header("Content-Range").removeprefix("*/"))
            if listed:
                assert len(answer.json()) == min(number, 1000)
            with lock:
                answers.append((as_of(answer), number))

        return once

    filters = "key=like.load*"
    writers = [write(http, f"a{i}", i) for i in range(3)]
    writers += [write(other_api.http, f"b{i}", 9 + i) for i in range(3)]
    readers = [count(c, f"/v1/counters/_count?{filters}", False) for c in (http, other_api.http)]
    readers += [
        count(c, f"/v1/counters?{filters}&limit=1000", True) for c in (http, other_api.http)
    ]
    with Background(*writers, *readers):
        wait_until(lambda: len(answers) >= 600 and len(effects) >= 300, 90, "enough is counted")
    for vector, number in answers:
        want = sum(e for p, v, e in effects if v <= vector.get(p, -1))
        assert number == want, (vector, number, want)
    assert len({number for _, number in answers}) > 5
    assert counted(http, f"/v1/counters/_count?{filters}")[1] == in_database(
        world, "key LIKE 'load%%'"
    )


def test_a_list_with_its_total(http):
    for i in range(9):
        put(http, f"total {i}", i)
    path = "/v1/counters?key=like.total*&limit=4"
    plain, total = get(http, path), get(http, path, **EXACT)
    assert plain.header("Content-Range") is None and plain.header("Sluice-As-Of") is None
    assert plain.header("Vary") == "Accept, Prefer"
    assert total.body == plain.body and total.header("Link") == plain.header("Link")
    assert total.header("Content-Range") == "*/9"
    assert total.header("Preference-Applied") == "count=exact"
    assert total.header("ETag") != plain.header("ETag")
    again = get(http, path, **EXACT)
    assert again.tier == "l1" and again.header("Content-Range") == "*/9"
    assert again.header("Preference-Applied") == "count=exact"
    assert get(http, path).header("Content-Range") is None
    following = re.match("<([^>]*)>", total.header("Link"))[1]
    second = get(http, following, Prefer="wait=3, count=exact")
    assert second.header("Content-Range") == "*/9" and len(second.json()) == 4
    assert get(http, path, Prefer="count=planned").header("Content-Range") is None
    put(http, "total 9", 9)
    assert get(http, path, **EXACT).header("Content-Range") == "*/10"
