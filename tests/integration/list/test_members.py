"""Filters on members of objects, and indexes on several columns: their answers, and that
Postgres uses what --migrate has made for them."""

import json
import random
from urllib.parse import quote

import pytest
from harness.replica import replica_caught_up

LONG = "x" * 600
NAMES = ["Paris", "Oslo", "", "a,b", 'a"b', LONG, LONG + "y", "\u00e9", 7, 2.50, True, None, {"a": 1}]


@pytest.fixture(scope="module")
def rows(world):
    rng = random.Random(3)
    made = {}
    with world.servers.postgres(world.name) as connection:
        for i in range(150):
            tree = {}
            if i % 7:
                tree["name"] = NAMES[i % len(NAMES)]
            if i % 5:
                tree["size"] = {"cm": rng.choice(["1", "2", "10"])}
            key = f"00000000-0000-7000-8000-{i:012d}"
            connection.execute(
                "INSERT INTO samples (sample_id, text, tree, mood, part, created_at, updated_at,"
                " version) VALUES (%s, 'x', %s, %s, %s, now(), now(), 0)",
                [key, json.dumps(tree), rng.choice(["good", "so-so"]), rng.randrange(1, 9)],
            )
            made[key] = tree
    replica_caught_up(world)
    return made


def found(http, query):
    answer = http.request("GET", f"/v1/samples?{query}&limit=50&order=sample_id")
    assert answer.status == 200, (query, answer)
    keys = [d["sample_id"] for d in answer.json()]
    answer = http.request("GET", f"/v1/samples/_count?{query}")
    assert answer.status == 200 and min(answer.json()["count"], 50) == len(keys), answer
    return keys


def member(tree, *path):
    """As Postgres renders a member as text."""
    for name in path:
        tree = tree.get(name) if isinstance(tree, dict) else None
    if tree is None or isinstance(tree, str):
        return tree
    return json.dumps(tree)


def expected(rows, test, *path):
    values = {key: member(tree, *path) for key, tree in rows.items()}
    return [key for key, v in values.items() if v is not None and test(v)][:50]


COMPARE = [
    ("eq.Paris", lambda v: v == "Paris"),
    ("eq.7", lambda v: v == "7"),
    ("eq.true", lambda v: v == "true"),
    ("neq.Paris", lambda v: v != "Paris"),
    (f"eq.{LONG}", lambda v: v == LONG),
    (f"gt.{LONG}", lambda v: v.encode() > LONG.encode()),
    (f"gte.{LONG}y", lambda v: v.encode() >= (LONG + "y").encode()),
    (f"lt.{LONG}y", lambda v: v.encode() < (LONG + "y").encode()),
    (f"lte.{LONG}", lambda v: v.encode() <= LONG.encode()),
    (f'in.(Oslo,"a,b",{LONG}y)', lambda v: v in ("Oslo", "a,b", LONG + "y")),
    (f"not.in.(Oslo,{LONG})", lambda v: v not in ("Oslo", LONG)),
    ("like.P*s", lambda v: v == "Paris"),
    ("ilike.p*s", lambda v: v == "Paris"),
    ("not.eq.Oslo", lambda v: v != "Oslo"),
]


@pytest.mark.parametrize("n", range(len(COMPARE)))
def test_a_member_is_compared_as_text(rows, http, n):
    value, test = COMPARE[n]
    query = f"tree.name={quote(value)}"
    assert found(http, query) == expected(rows, test, "name")


def test_absent_and_null(rows, http):
    none = [k for k, tree in rows.items() if tree.get("name") is None][:50]
    assert found(http, "tree.name=is.null") == none


def test_members_in_groups(rows, http):
    want = [
        k for k, t in rows.items()
        if member(t, "name") == "Paris" or member(t, "size", "cm") == "10"
    ]  # fmt: skip
    assert found(http, "or=(tree.name.eq.Paris,tree.size.cm.eq.10)") == want[:50]
    want = [
        k for k, t in rows.items()
        if member(t, "size", "cm") is not None and member(t, "size", "cm") != "10"
    ]  # fmt: skip
    assert found(http, "and=(tree.size.cm.not.eq.10)") == want[:50]


def test_what_is_refused(http):
    for query in ("tree.nothing=eq.1", "tree=eq.1", "tree.size=eq.1", "order=tree.name"):
        answer = http.request("GET", f"/v1/samples?{query}")
        assert (answer.status, answer.problem) == (400, "invalid-filter"), query


def plan(world, query):
    with world.servers.postgres(world.name) as connection:
        connection.execute("ANALYZE samples")
        connection.execute("SET enable_seqscan = off")
        connection.execute("SET enable_bitmapscan = off")
        return "\n".join(line for (line,) in connection.execute("EXPLAIN " + query).fetchall())


def test_the_indexes_serve_these(world, rows):
    tree = "(t.\"tree\" #>> '{\"name\"}')"
    text = plan(
        world,
        f"SELECT * FROM samples t WHERE left({tree}, 500) COLLATE \"C\" = left('Paris', 500)"
        f" AND {tree} COLLATE \"C\" = 'Paris'",
    )
    assert '"samples_tree.name_list"' in text, text
    text = plan(
        world,
        "SELECT * FROM samples t WHERE t.mood COLLATE \"C\" = 'good'"
        " ORDER BY t.part DESC, t.sample_id DESC LIMIT 10",
    )
    assert "samples_mood_part_index" in text and "Sort" not in text, text
