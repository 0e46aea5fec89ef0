"""Lists: filters, order, cursors, held to what Postgres says of the same rows."""

import datetime
import json
import re
import uuid
from urllib.parse import quote, urlencode

import psycopg
import pytest
from harness.client import key_path
from harness.replica import behind_its_back, replay_paused, replica_caught_up
from harness.wait import wait_until

JSON = {"Content-Type": "application/json"}
WAIT = {"Prefer": "wait=10"}
ROWS = 60
NEXT = re.compile(r'<(/v1/[^>]*)>; rel="next"')


def parts(i):
    """Few values, many ties, and nulls: an order is made of more than one row."""
    day = datetime.datetime(2026, 1, 1 + i % 4, tzinfo=datetime.timezone.utc)
    return {
        "code": None if i % 5 == 0 else f"AB-{i % 7}",
        "mood": ("good", "it's", "so-so")[i % 3],
        "at": None if i % 4 == 0 else day,
        "whole": None if i % 6 == 0 else i % 9 - 4,
        "part": ["1.50", "1.5", "99999999999999999999.123456789", "0.1"][i % 4],
        "flag": i % 2 == 0,
        "text": f"row {i} \u00e9 \U0001f600",
    }


@pytest.fixture(scope="module")
def rows(world):
    """Of `samples`, made behind its back, before anybody has looked."""
    with world.servers.postgres(world.name) as connection:
        for i in range(ROWS):
            row = {**parts(i), "sample_id": uuid.UUID(int=(i * 7919) << 64 | 7 << 76 | 2 << 62)}
            names = ", ".join(row)
            marks = ", ".join(["%s"] * len(row))
            connection.execute(
                f"INSERT INTO samples ({names}, created_at, updated_at, version)"
                f" VALUES ({marks}, now(), now(), 0)",
                list(row.values()),
            )
    replica_caught_up(world)


def url(collection, **query):
    return f"/v1/{collection}?{urlencode(query)}" if query else f"/v1/{collection}"


def get(http, path, **headers):
    return http.request(
        "GET", path, headers={n.replace("_", "-"): v for n, v in headers.items()}
    )


def listed(http, path, **headers):
    answer = get(http, path, **headers)
    assert answer.status == 200, answer
    assert answer.header("Content-Type") == "application/json"
    return answer


def next_of(answer):
    link = answer.header("Link")
    return NEXT.fullmatch(link)[1] if link else None


def walk(http, path, limit):
    """All pages of a list; all but the last are full."""
    documents = []
    while path:
        answer = listed(http, path)
        page = answer.json()
        path = next_of(answer)
        assert len(page) == limit if path else len(page) <= limit
        documents += page
    return documents


def in_database(world, where="true", order="part DESC, sample_id DESC"):
    found = world.sql(f"SELECT sample_id::text FROM samples WHERE {where} ORDER BY {order}")
    return [key for (key,) in found]


def keys(documents):
    return [document["sample_id"] for document in documents]


# --- order and pages -----------------------------------------------------------------

ORDERS = [
    (None, "part DESC, sample_id DESC"),
    ("sample_id", "sample_id"),
    ("sample_id.desc", "sample_id DESC"),
    ("part.asc", "part, sample_id"),
    ("code", 'code COLLATE "C", sample_id'),
    ("code.desc", 'code COLLATE "C" DESC, sample_id DESC'),
    ("at", "at, sample_id"),
    ("at.desc", "at DESC, sample_id DESC"),
]


@pytest.mark.parametrize("limit", [1, 7, 30, 50])
@pytest.mark.parametrize("order, sql", ORDERS)
def test_pages_to_the_end(world, rows, http, order, sql, limit):
    query = {"limit": limit, **({"order": order} if order else {})}
    assert keys(walk(http, url("samples", **query), limit)) == in_database(world, order=sql)


def test_a_limit_that_fits_exactly(rows, http):
    answer = listed(http, url("samples", flag="eq.true", limit=ROWS // 2))
    assert len(answer.json()) == ROWS // 2 and next_of(answer) is None
    answer = listed(http, url("samples", limit=ROWS // 2, order="at"))
    answer = listed(http, next_of(answer))
    assert len(answer.json()) == ROWS // 2 and next_of(answer) is None


def test_pages_with_filters(world, rows, http):
    path = url("samples", mood="neq.good", order="at.desc", limit=4, flag="is.true")
    where = "mood <> 'good' AND flag"
    want = in_database(world, where, "at DESC, sample_id DESC")
    assert keys(walk(http, path, 4)) == want and len(want) > 12


def test_default_limits(rows, http):
    assert len(listed(http, "/v1/samples").json()) == 10
    assert listed(http, "/v1/records").body == b"[]"


def test_a_document_is_as_a_read_of_it(rows, http):
    answer = listed(http, url("samples", limit=50, order="code"))
    bodies = [
        http.request("GET", key_path(key, "samples")).body for key in keys(answer.json())
    ]
    assert answer.body == b"[" + b",".join(bodies) + b"]"


def test_a_cursor_survives_what_happens_between(world, http):
    """Rows that come and go elsewhere move no page."""
    for i in range(1, 10):
        created(http, "counters", f"c{i}", {"count": i})
    first = listed(http, url("counters", limit=3))
    assert [d["key"] for d in first.json()] == ["c1", "c2", "c3"]
    assert http.request("DELETE", "/v1/counters/c3", headers=WAIT).status == 204
    created(http, "counters", "c0", {"count": 0})
    created(http, "counters", "c35", {"count": 3})
    second = listed(http, next_of(first))
    assert [d["key"] for d in second.json()] == ["c35", "c4", "c5"]


# --- filters ---------------------------------------------------------------------------

FILTERS = [
    ("mood", "eq.it's", "mood = 'it''s'"),
    ("mood", "neq.it's", "mood <> 'it''s'"),
    ("mood", "gt.good", "mood > 'good'"),
    ("mood", "in.(good,\"it's\")", "mood IN ('good', 'it''s')"),
    ("mood", "in.()", "false"),
    ("mood", "in.(\"\")", "false"),
    ("mood", "like.*o*", "mood LIKE '%o%'"),
    ("mood", "like.s_-s_", "mood LIKE 's_-s_'"),
    ("mood", "like.*O*", "false"),
    ("mood", "ilike.*O*", "mood LIKE '%o%'"),
    ("whole", "eq.-4", "whole = -4"),
    ("whole", "neq.0", "whole <> 0"),
    ("whole", "gte.2", "whole >= 2"),
    ("whole", "lte.-1", "whole <= -1"),
    ("whole", "in.(1,3,5)", "whole IN (1, 3, 5)"),
    ("whole", "is.null", "whole IS NULL"),
    ("whole", "is.not_null", "whole IS NOT NULL"),
    ("part", "eq.1.50", "part = 1.5"),
    ("part", "gt.99999999999999999999.123456788", "part > 1e19"),
    ("part", "gt.99999999999999999999.123456789", "false"),
    ("part", "lt.1.5", "part < 1.5"),
    ("flag", "eq.true", "flag"),
    ("flag", "is.false", "NOT flag"),
    ("flag", "is.null", "false"),
    ("at", "eq.2026-01-02T01:00:00+01:00", "at = '2026-01-02T00:00:00Z'"),
    ("at", "lt.2026-01-03T00:00:00Z", "at < '2026-01-03T00:00:00Z'"),
    ("at", "in.(2026-01-02T00:00:00Z,2026-01-03T00:00:00Z)",
     "at IN ('2026-01-02T00:00:00Z', '2026-01-03T00:00:00Z')"),
    ("at", "is.null", "at IS NULL"),
    ("sample_id", f"gt.{uuid.UUID(int=1 << 68)}", f"sample_id > '{uuid.UUID(int=1 << 68)}'"),
    ("updated_at", "gt.2020-01-01T00:00:00Z", "true"),
]  # fmt: skip


@pytest.mark.parametrize("field, value, where", FILTERS)
def test_filters(world, rows, http, field, value, where):
    found = keys(walk(http, url("samples", **{field: value, "limit": 50}), 50))
    assert found == in_database(world, where)


def test_filters_of_one_field_are_all_meant(world, rows, http):
    path = "/v1/samples?whole=gt.-2&whole=lt.2&limit=50"
    assert keys(walk(http, path, 50)) == in_database(world, "whole > -2 AND whole < 2")


def test_the_order_of_parameters_does_not_matter(rows, http):
    one = listed(http, "/v1/samples?flag=eq.true&mood=eq.good&limit=3")
    two = listed(http, "/v1/samples?limit=3&mood=eq.good&flag=eq.true")
    assert one.body == two.body and two.tier == "l1"


def test_no_value_is_sql(world, rows, http):
    for text in ("'; DROP TABLE samples; --", "$1", "%", "\\\\", "') OR ('1'='1"):
        for op in ("eq", "like", "ilike", "in"):
            value = f"{op}.({quote(json.dumps(text))})" if op == "in" else f"{op}.{quote(text)}"
            answer = listed(http, f"/v1/samples?mood={value}")
            assert bool(answer.json()) == (text == "%" and op != "eq" and op != "in"), (op, text)


# --- what is refused -------------------------------------------------------------------

BAD = [
    ("nothing=eq.1", "invalid-filter", "nothing"),
    ("text=eq.x", "invalid-filter", "text"),
    ("whole=1", "invalid-filter", "whole"),
    ("whole", "invalid-filter", "whole"),
    ("whole=eq.x", "invalid-filter", "whole"),
    ("whole=eq.%zz", "invalid-filter", "whole"),
    ("mood=eq.%00", "invalid-filter", "mood"),
    ("mood=eq.%ff", "invalid-filter", "mood"),
    ("%zz=eq.1", "invalid-filter", ""),
    ("at=eq.2026-01-01T00:00:00+01:00", "invalid-filter", "at"),  # + is a blank
    ("at=eq.2026-02-30T00:00:00Z", "invalid-filter", "at"),
    ("flag=like.t*", "invalid-filter", "flag"),
    ("order=mood", "invalid-filter", "order"),
    ("limit=51", "invalid-filter", "limit"),
    ("limit=x", "invalid-filter", "limit"),
    ("cursor=", "invalid-cursor", "cursor"),
    ("cursor=AAAA", "invalid-cursor", "cursor"),
    ("cursor=%20", "invalid-cursor", "cursor"),
]


@pytest.mark.parametrize("query, problem, parameter", BAD)
def test_what_is_no_query(http, query, problem, parameter):
    answer = get(http, f"/v1/samples?{query}")
    assert (answer.status, answer.problem) == (400, problem), answer
    assert answer.json()["parameter"] == parameter
    assert answer.cache == "sluice"


def test_nothing_between_two_ampersands_is_no_parameter(http):
    assert listed(http, "/v1/samples?&&limit=1&").status == 200
    long = "\u00e9" * 100
    answer = get(http, f"/v1/samples?{quote(long)}=eq.1")
    assert (answer.status, answer.json()["parameter"]) == (400, "")
    answer = get(http, f"/v1/samples?{quote(long)}=%zz")
    assert (answer.status, answer.json()["parameter"]) == (400, "\u00e9" * 31)


def test_a_cursor_is_of_its_list(rows, http):
    path = next_of(listed(http, url("samples", order="at", mood="eq.good", limit=3)))
    cursor = path.rpartition("cursor=")[2]
    for other in (
        "/v1/samples?",
        "/v1/samples?order=at&",
        "/v1/samples?order=at.desc&mood=eq.good&",
        "/v1/samples?order=at&mood=eq.so-so&",
        "/v1/samples?order=at&mood=eq.good&flag=eq.true&",
        "/v1/counters?",
    ):
        answer = get(http, f"{other}cursor={cursor}")
        assert (answer.status, answer.problem) == (400, "invalid-cursor"), other
    # Another limit is the same list.
    path = f"/v1/samples?mood=eq.good&order=at.asc&limit=2&cursor={cursor}"
    assert len(listed(http, path).json()) == 2


def test_methods(http):
    answer = http.request("DELETE", "/v1/samples")
    assert answer.status == 405 and answer.header("Allow") == "GET, HEAD, POST"
    answer = get(http, "/v1/nowhere?limit=1")
    assert (answer.status, answer.problem) == (404, "collection-not-found")


# --- what it says of itself ---------------------------------------------------------------


def created(http, collection, key, document):
    answer = http.request(
        "PUT", key_path(key, collection), json.dumps(document).encode(), {**JSON, **WAIT}
    )
    assert answer.status == 201, answer
    return answer.position


def test_headers(rows, http):
    path = url("samples", order="code.desc", limit=5, whole="gt.0")
    first = listed(http, path)
    assert first.cache == "sluice; fwd=miss; detail=replica"
    assert re.match(r"total;dur=[0-9.]+, l1, replica;dur=[0-9.]+$", first.header("Server-Timing"))
    assert first.header("Vary") == "Accept, Prefer"
    second = listed(http, path)
    assert second.cache == "sluice; hit; detail=l1" and second.header("Server-Timing") == "l1"
    assert second.body == first.body
    for name in ("ETag", "Link", "Vary"):
        assert second.header(name) == first.header(name)
    head = http.request("HEAD", path)
    assert (head.status, head.body, head.header("ETag")) == (200, b"", first.header("ETag"))
    same = get(http, path, If_None_Match=first.header("ETag"))
    assert (same.status, same.body) == (304, b"")
    other = get(http, path, If_None_Match='"0"')
    assert other.status == 200


def test_cache_control(world, rows, http, api):
    path = url("samples", order="code", limit=6)
    answer = get(http, path, Cache_Control="only-if-cached")
    assert (answer.status, answer.problem) == (504, "only-if-cached")
    listed(http, path)
    assert listed(http, path, Cache_Control="only-if-cached").tier == "l1"
    behind_its_back(world, "UPDATE samples SET text = 'behind its back'")
    assert listed(http, path).json()[0]["text"] != "behind its back"
    answer = listed(http, path, Cache_Control="no-cache")
    assert answer.cache == "sluice; fwd=request; detail=replica"
    assert answer.json()[0]["text"] == "behind its back"
    answer = listed(http, path)
    assert answer.tier == "l1" and answer.json()[0]["text"] == "behind its back"


# --- never older than a commit that was heard of --------------------------------------------


def test_a_waited_write_is_in_the_list(http):
    for i in range(20):
        created(http, "records", f"waited {i:02}", {"value": str(i)})
        assert len(listed(http, url("records", key="like.waited*")).json()) == i + 1


def test_read_after_on_another_instance(http, other_api):
    path = url("records", key="like.after*")
    for i in range(20):
        answer = http.put(f"after {i:02}", str(i))
        page = listed(other_api.http, path, Sluice_Read_After=answer.position).json()
        assert [d["value"] for d in page] == [str(n) for n in range(i + 1)]


def test_a_replica_that_is_behind_is_passed_over(world, http, api):
    path = url("counters", key="like.lag*")
    replica_caught_up(world)
    with replay_paused(world):
        created(http, "counters", "lag 1", {"count": 1})
        answer = listed(http, path)
        assert answer.cache == "sluice; fwd=miss; detail=primary, replica; detail=behind"
        assert len(answer.json()) == 1
        assert listed(http, path).tier == "l1"
        # What nobody has written since the pause, the replica may still list.
        assert listed(http, url("products", limit=9)).tier == "replica"
    replica_caught_up(world)


# --- bounds -----------------------------------------------------------------------------------


def test_a_page_of_large_rows_is_shorter(http, special_api):
    sizes = [10, 30_000, 10, 10, 30_000, 30_000, 10, 10, 10]
    for i, size in enumerate(sizes):
        created(http, "records", f"large {i}", {"value": "x" * size})
    api = special_api({"list.max_bytes": "40KiB"})
    path, pages = url("records", key="like.large*"), []
    while path:
        answer = listed(api.http, path)
        pages.append([len(d["value"]) for d in answer.json()])
        path = next_of(answer)
    assert sum(pages, []) == sizes
    assert [sum(page) < 75_000 for page in pages] == [True] * len(pages) and len(pages) > 1


def test_a_list_that_takes_too_long(world, special_api):
    """It is given up; reads of documents, on connections of their own, go on."""
    api = special_api({"read.timeout": "500ms", "replica.urls": "", "l1.ttl": "1ms"})
    api.http.put("not locked", "x", prefer="wait=10")
    with psycopg.connect(world.servers.primary_admin_url, dbname=world.name) as connection:
        connection.execute("LOCK TABLE counters")
        answer = get(api.http, url("counters", limit=3))
        assert (answer.status, answer.problem) == (503, "store-unavailable"), answer
        assert api.http.get("not locked").status == 200
        assert listed(api.http, url("records", limit=3)).tier == "primary"
    wait_until(lambda: get(api.http, url("counters", limit=3)).status == 200, 10, "it is back")


def test_many_lists_wait_for_their_turn(world, rows, special_api):
    """More than there are connections, all at once, all different."""
    api = special_api({"list.pool_size": 2})
    from harness.burst import burst

    paths = [url("samples", limit=1 + i % 50, whole=f"neq.{i}") for i in range(200)]
    answers = burst(api.http.port, paths)
    assert [a.status for a in answers] == [200] * 200
    held = world.sql(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
        " AND query LIKE '%%_found%%'", world.name, replica=True,
    )  # fmt: skip
    assert held[0][0] <= 2 * 3
