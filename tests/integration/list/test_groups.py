"""or, and, not: held to a plain evaluation in Python over the same rows, and to what
is refused."""

import datetime
import json
import random
import re
import uuid
from urllib.parse import quote, urlencode

import pytest
from harness.replica import replica_caught_up

ROWS = 120
COLUMNS = ("mood", "whole", "part", "flag", "at")
MOODS = ("good", "it's", "so-so")
ORDERS = (
    "sample_id.asc", "part.desc", "code.asc", "at.desc", "at.asc",
    # Along an index, in its directions and turned.
    "code.asc,at.desc", "code.desc,at.asc", "mood.asc,part.asc", "mood.desc,part.desc",
)  # fmt: skip
EXPRESSIONS = 250


def key(i):
    return uuid.UUID(int=(i * 7919) << 64 | 7 << 76 | 2 << 62)


def values(rng, i):
    day = datetime.datetime(2026, 1, 1 + rng.randrange(4), tzinfo=datetime.timezone.utc)
    return {
        "sample_id": str(key(i)),
        "mood": rng.choice(MOODS),
        "whole": rng.choice([None, *range(-4, 5)]),
        "part": rng.choice(["0.1", "1.5", "2", "300"]),
        "flag": rng.random() < 0.5,
        "at": rng.choice([None, day]),
        "code": rng.choice([None, "AB-1", "AB-2", "AB-3"]),
    }


@pytest.fixture(scope="module")
def rows(world):
    rng = random.Random(1)
    made = [values(rng, i) for i in range(ROWS)]
    with world.servers.postgres(world.name) as connection:
        for row in made:
            names = ", ".join(row)
            marks = ", ".join(["%s"] * len(row))
            connection.execute(
                f"INSERT INTO samples ({names}, text, created_at, updated_at, version)"
                f" VALUES ({marks}, 'x', now(), now(), 0)",
                list(row.values()),
            )
    replica_caught_up(world)
    return made


# --- expressions: made, written, evaluated ---------------------------------------------


def comparable(column, value):
    return float(value) if column == "part" and value is not None else value


def text_of(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value)


COMPARE = {
    "eq": lambda a, b: a == b,
    "neq": lambda a, b: a != b,
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
}


def leaf(rng):
    """(negated, column, op, operand)"""
    column = rng.choice(COLUMNS)
    ops = [*COMPARE, "in", "is"] + (["like"] if column == "mood" else [])
    op = rng.choice(ops)
    some = [values(rng, 0)[column] for _ in range(8)]
    some = [v for v in some if v is not None] or [1 if column == "whole" else None]
    if some == [None]:
        op = "is"
    if op == "is":
        operand = rng.choice(["null", "not_null"])
    elif op == "in":
        operand = some[: rng.randrange(4)]
    elif op == "like":
        operand = rng.choice(["*o*", "so_so", "it's", "g*", "*"])
    else:
        operand = some[0]
    return (rng.random() < 0.3, column, op, operand)


def group(rng, depth):
    """(negated, 'and' or 'or', terms)"""
    terms = [
        group(rng, depth - 1) if depth > 1 and rng.random() < 0.4 else leaf(rng)
        for _ in range(rng.randint(1, 3))
    ]
    return (rng.random() < 0.3, rng.choice(["and", "or"]), terms)


def leaves(e):
    return 1 if len(e) == 4 else sum(map(leaves, e[2]))


def quoted(text, always):
    if always or re.search(r'[,()"]', text):
        return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'
    return text


def operand_text(rng, e, grouped):
    _, _, op, operand = e
    if op == "in":
        return "(" + ",".join(quoted(text_of(v), rng.random() < 0.5) for v in operand) + ")"
    text = text_of(operand)
    return quoted(text, rng.random() < 0.3) if grouped and op != "is" else text


def written(rng, e):
    """As a term of a group."""
    if len(e) == 4:
        negated = "not." if e[0] else ""
        return f"{e[1]}.{negated}{e[2]}.{operand_text(rng, e, True)}"
    terms = [written(rng, t) for t in e[2]]
    rng.shuffle(terms)
    return f"{'not.' if e[0] else ''}{e[1]}({','.join(terms)})"


def parameter(rng, e):
    if len(e) == 4:
        return (e[1], f"{'not.' if e[0] else ''}{e[2]}.{operand_text(rng, e, False)}")
    name, _, terms = written(rng, e).partition("(")
    return (name, "(" + terms)


def likes(text, pattern):
    parts = {"*": ".*", "_": "."}
    return re.fullmatch("".join(parts.get(c, re.escape(c)) for c in pattern), text) is not None


def truth_of_leaf(e, row):
    """True, False, or None where SQL says unknown."""
    _, column, op, operand = e
    value = comparable(column, row[column])
    if op == "is":
        return (value is None) == (operand == "null")
    if op == "in":
        if not operand:
            return False
        return None if value is None else value in [comparable(column, v) for v in operand]
    if value is None:
        return None
    if op == "like":
        return likes(value, operand)
    return COMPARE[op](value, comparable(column, operand))


def truth(e, row):
    if len(e) == 4:
        found = truth_of_leaf(e, row)
    else:
        all_of = [truth(t, row) for t in e[2]]
        decides = e[1] == "or"
        found = (
            decides if decides in all_of else None if None in all_of else not decides
        )
    return None if found is None else found != e[0]


def in_order(rows, order):
    """Sorted by the last column first, since sorting is stable; nulls are greatest."""

    def sign(name, value):
        if value is None:
            return (True, 0)
        if name == "part":
            return (False, float(value))
        return (False, value.timestamp() if name == "at" else value)

    orders = [each.partition(".")[::2] for each in order.split(",")]
    found = sorted(rows, key=lambda r: r["sample_id"], reverse=orders[-1][1] == "desc")
    for name, way in reversed(orders):
        found.sort(key=lambda r, name=name: sign(name, r[name]), reverse=way == "desc")
    return found


def get(http, path):
    return http.request("GET", path)


def walk(http, path):
    found = []
    while path:
        answer = get(http, path)
        assert answer.status == 200, (path, answer)
        found += [d["sample_id"] for d in answer.json()]
        link = answer.header("Link")
        path = link and re.match("<([^>]*)>", link)[1]
    return found


def test_random_expressions(rows, http):
    rng = random.Random(20)
    matched = set()
    for n in range(EXPRESSIONS):
        terms = [
            group(rng, rng.randint(1, 4)) if rng.random() < 0.7 else leaf(rng)
            for _ in range(rng.randint(1, 2))
        ]
        if sum(map(leaves, terms)) > 32:
            continue
        want = [r for r in rows if all(truth(t, r) for t in terms)]
        matched.add(len(want))
        query = urlencode([parameter(rng, t) for t in terms])
        answer = get(http, f"/v1/samples/_count?{query}")
        assert answer.status == 200, (query, answer)
        assert answer.json()["count"] == len(want), query
        order = rng.choice(ORDERS)
        limit = rng.choice([1, 3, 7, 50]) if n % 4 == 0 else 50
        found = walk(http, f"/v1/samples?{query}&order={order}&limit={limit}")
        assert found == [r["sample_id"] for r in in_order(want, order)], (query, order, limit)
        if n % 3 == 0:
            lines = get(http, f"/v1/samples/_export?{query}&select=sample_id").body.splitlines()
            assert sorted(json.loads(line)["sample_id"] for line in lines) == sorted(found), query
        # The same in another spelling is the same page.
        again = urlencode([parameter(rng, t) for t in terms[::-1]])
        answer = get(http, f"/v1/samples/_count?{again}")
        assert answer.tier == "l1" and answer.json()["count"] == len(want), (query, again)
    assert len(matched) > 30


# --- several orders ----------------------------------------------------------------------


@pytest.mark.parametrize("order", ORDERS[5:])
def test_every_page_of_several_orders(rows, http, order):
    """Ties, nulls and both directions, a row a page; and the same backwards by a
    filter that fixes the first field."""
    assert walk(http, f"/v1/samples?order={order}&limit=1") == [
        r["sample_id"] for r in in_order(rows, order)
    ]
    spelled = order.replace(".asc", "") + ",sample_id." + order.rpartition(".")[2]
    pages = [get(http, f"/v1/samples?order={o}&limit=9") for o in (order, spelled)]
    assert pages[0].body == pages[1].body and pages[0].header("Link") == pages[1].header("Link")


def test_rows_that_change_between_pages(world, rows, http):
    """A page begins behind the place of the last row, wherever that row is now."""
    order = "code.asc,at.desc"
    want = [r["sample_id"] for r in in_order(rows, order)]
    path, found = f"/v1/samples?order={order}&limit=10", []
    while path:
        answer = get(http, path)
        found += [d["sample_id"] for d in answer.json()]
        link = answer.header("Link")
        path = link and re.match("<([^>]*)>", link)[1]
        # The row that the page ended with moves to the end.
        world.sql("UPDATE samples SET code = NULL, at = NULL WHERE sample_id = %s", found[-1])
        replica_caught_up(world)
    first = list(dict.fromkeys(found))
    assert first == want
    for row in rows:
        world.sql("UPDATE samples SET code = %s, at = %s WHERE sample_id = %s",
                  row["code"], row["at"], row["sample_id"])  # fmt: skip
    replica_caught_up(world)


def test_orders_that_no_index_has(rows, http):
    for order in ("code,at", "at.desc,code", "mood,part.desc", "part,mood", "code,at.desc,part",
                  "mood,part,code", "code,at.desc,sample_id"):  # fmt: skip
        answer = get(http, f"/v1/samples?order={order}")
        assert (answer.status, answer.problem) == (400, "invalid-filter"), (order, answer)
        assert answer.json()["parameter"] == "order"
        assert "samples: code,at.desc; mood,part" in answer.json()["detail"]
    answer = get(http, "/v1/posts?order=title,created_at")
    assert "posts declares no index on several" in answer.json()["detail"]
    page = get(http, "/v1/samples?order=code,at.desc&limit=3")
    link = re.match("<([^>]*)>", page.header("Link"))[1]
    for other in ("code.desc,at.asc", "code.asc", "at.desc"):
        answer = get(http, link.replace("code.asc,at.desc", other))
        assert (answer.status, answer.problem) == (400, "invalid-cursor"), (other, answer)


def test_an_index_carries_several_orders(world, rows):
    """The ranges behind a place are ranges of the index, read in its order or turned."""
    with world.servers.postgres(world.name) as connection:
        connection.execute("SET enable_seqscan = off")
        connection.execute("SET enable_sort = off")
        for where, order in (
            ("true", "code COLLATE \"C\", at DESC, sample_id DESC"),
            ("code COLLATE \"C\" = 'AB-1' AND (at, sample_id) < (now(), %s)",
             "code COLLATE \"C\", at DESC, sample_id DESC"),
            ("code COLLATE \"C\" > 'AB-1'", "code COLLATE \"C\", at DESC, sample_id DESC"),
            ("code IS NULL AND at IS NOT NULL", "code COLLATE \"C\", at DESC, sample_id DESC"),
            ("code COLLATE \"C\" = 'AB-1' AND (at, sample_id) > (now(), %s)",
             "code COLLATE \"C\" DESC, at, sample_id"),
        ):  # fmt: skip
            query = f"EXPLAIN SELECT * FROM samples WHERE {where} ORDER BY {order} LIMIT 5"
            plan = connection.execute(query.replace("%s", f"'{key(1)}'")).fetchall()
            text = "\n".join(line for (line,) in plan)
            assert "samples_code_at_desc_index" in text and "Sort" not in text, (query, text)


# --- what is refused ---------------------------------------------------------------------

BAD = [
    ("or", "whole.eq.1", "brackets"),
    ("or", "()", "a term must be"),
    ("or", "(whole.eq.1", "closing bracket"),
    ("or", "(text.eq.1)", "declares"),
    ("not.or", "(whole.eq.x)", "whole: must be an integer"),
    ("and", "(mood.eq.a(b))", "double quotes"),
    ("or", "(" * 3000 + ")" * 3000, "a term must be"),
    ("or", "(or" * 3000 + "(whole.eq.1" + ")" * 3001, "8 deep"),
    ("or", "(" + ",".join(["whole.eq.1"] * 1500) + ")", "more than 32 filters"),
    ("or", "(" + ",".join(["or(whole.eq.1)"] * 600) + ")", "more than 32 filters"),
]


@pytest.mark.parametrize("name, text, detail", BAD)
def test_what_is_refused(http, name, text, detail):
    answer = get(http, f"/v1/samples?{name}={quote(text, safe='(),.')}")
    assert (answer.status, answer.problem) == (400, "invalid-filter"), answer
    assert answer.json()["parameter"] == name and detail in answer.json()["detail"]


def test_no_value_of_a_group_is_sql(rows, http):
    for text in ("'; DROP TABLE samples; --", "$1", "') OR ('1'='1", "\\", '"'):
        value = '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'
        answer = get(http, f"/v1/samples/_count?or={quote(f'(mood.eq.{value},mood.eq.x)')}")
        assert answer.status == 200 and answer.json()["count"] == 0, answer


def test_both_branches_can_use_their_index(world, rows):
    """A disjunction of fields with indexes reads these, not the table."""
    with world.servers.postgres(world.name) as connection:
        connection.execute("SET enable_seqscan = off")
        connection.execute("SET enable_indexscan = off")
        plan = connection.execute(
            "EXPLAIN SELECT t.* FROM samples t WHERE (t.whole = 3 OR t.part > 200)"
        ).fetchall()
    text = "\n".join(line for (line,) in plan)
    assert "BitmapOr" in text
    assert "samples_whole_list" in text and "samples_part_list" in text
