"""Types of columns beyond text, bigint and numeric: days, times without a zone,
bytes, small integers. What a client wrote, and what an operator wrote, is read as
Postgres's row_to_json says it, bytes as base64; from every tier, in lists, in an
export, behind a patch that does not name them."""

import base64
import itertools
import json

import pytest
from harness.client import key_path
from harness.replica import behind_its_back
from harness.wait import wait_until

JSON = {"Content-Type": "application/json", "Prefer": "wait=10"}
PATCH = {"Content-Type": "application/merge-patch+json", "Prefer": "wait=10"}
INCREMENT = {"Content-Type": "application/vnd.sluice.increment+json", "Prefer": "wait=10"}
ORDERED = ["day", "clock", "local", "small", "medium", "large", "exact", "total"]
FIELDS = {
    "day": {"type": "string", "format": "date", "nullable": True},
    "clock": {"type": "string", "format": "time-local", "nullable": True},
    "local": {"type": "string", "format": "date-time-local", "nullable": True},
    "small": {"type": "integer", "format": "int16", "nullable": True},
    "medium": {"type": "integer", "format": "int32", "minimum": -(2**31), "default": 7},
    "large": {"type": "integer", "format": "int64", "nullable": True},
    "exact": {"type": "integer", "json": "string", "nullable": True},
    "total": {"type": "number", "json": "string", "maxDigits": 40, "nullable": True},
    "bytes": {"type": "string", "format": "byte", "nullable": True},
    "seal": {"type": "string", "format": "byte", "default": "AP/+"},
    "note": {"type": "string", "default": ""},
}
THINGS = {
    "name": "things",
    "key": {"type": "string"},
    "fields": FIELDS,
    "list": {"filter": ORDERED, "order": ORDERED},
}
DOCUMENTS = {
    "least": {
        "day": "0001-01-01",
        "clock": "00:00:00",
        "local": "0001-01-01T00:00:00",
        "small": -(2**15),
        "medium": -(2**31),
        "large": -(2**63),
        "exact": str(-(2**63)),
        "total": "-0.10",
        "bytes": "",
    },
    "most": {
        "day": "9999-12-31",
        "clock": "23:59:59.999999",
        "local": "9999-12-31T23:59:59.999999",
        "small": 2**15 - 1,
        "medium": 2**31 - 1,
        "large": 2**63 - 1,
        "exact": str(2**63 - 1),
        "total": "12345678901234567890.123456789012345678900",
        "bytes": base64.b64encode(bytes(range(256))).decode(),
    },
    "usual": {
        "day": "2024-02-29",
        "clock": "12:30:00.5",
        "local": "2024-02-29T12:30:00.25",
        "small": 0,
        "medium": 5,
        "large": 6,
        "exact": "0",
        "total": "7",
        "bytes": base64.b64encode(b"\\x00" * 100).decode(),
        "seal": "",
        "note": "n",
    },
    "nothing": {},
}


@pytest.fixture(scope="module")
def types(module_deployment, tmp_path_factory):
    folder = tmp_path_factory.mktemp("collections")
    (folder / "things.json").write_text(json.dumps(THINGS))
    module_deployment.collections = str(folder)
    module_deployment.migrate()
    api = module_deployment.start_all()
    for key, document in DOCUMENTS.items():
        put(api.http, key, document)
    return module_deployment


@pytest.fixture
def http(types):
    return types.of("api")[0].http


def put(http, key, document):
    body = json.dumps(document).encode()
    answer = http.request("PUT", key_path(key, "things"), body, JSON)
    assert answer.status in (200, 201), answer


def rendered(types, key):
    """What Postgres itself makes of the row."""
    columns = ", ".join(
        f"translate(encode(t.{name}, 'base64'), E'\\n', '') AS {name}"
        if field.get("format") == "byte"
        else f"t.{name}::text AS {name}"
        if "json" in field
        else f"t.{name}"
        for name, field in FIELDS.items()
    )
    ((document,),) = types.sql(
        f"SELECT (SELECT row_to_json(d) FROM (SELECT t.key, {columns},"
        " t.created_at, t.updated_at) d)::text FROM things t WHERE key = %s",
        key,
    )
    return document.encode()


def found(http, key):
    answer = http.request("GET", key_path(key, "things"))
    assert answer.status == 200, answer
    return answer


def test_read_as_they_were_written(types, http):
    log = types.servers.read_log(types.commits, types.partitions)
    announced = {m.key(): m.value() for m in log if m.key() != b"_mark"}
    for key, document in DOCUMENTS.items():
        want = rendered(types, key)
        assert announced[f"things/{key}".encode()] == want
        first, again = found(http, key), found(http, key)
        assert first.body == again.body == want
        assert first.header("ETag") == again.header("ETag")
        defaults = {"medium": 7, "seal": "AP/+", "note": ""}
        read = json.loads(want)
        for name in FIELDS:
            value = document.get(name, defaults.get(name))
            assert read[name] == value, (key, name)


def test_a_patch_leaves_the_others(types, http):
    """The writer makes the row again of what it has read."""
    for key in ("least", "most", "nothing"):
        before = found(http, key).json()
        body = json.dumps({"note": f"of {key}"}).encode()
        answer = http.request("PATCH", key_path(key, "things"), body, PATCH)
        assert answer.status == 200, answer
        after = found(http, key)
        assert after.body == rendered(types, key)
        assert after.json() == {
            **before,
            "note": f"of {key}",
            "updated_at": after.json()["updated_at"],
        }


BAD = [
    ("day", "2023-02-29", "must have the format date"),
    ("day", "2024-02-29T00:00:00Z", "must have the format date"),
    ("clock", "24:00:00", "must have the format time-local"),
    ("clock", "12:00:00Z", "must have the format time-local"),
    ("local", "2024-02-29T00:00:00Z", "must have the format date-time-local"),
    ("bytes", "AP_-", "must have the format byte"),
    ("bytes", "AP8", "must have the format byte"),
    ("bytes", "AP9=", "must have the format byte"),
    ("small", 2**15, "must be a 16-bit integer"),
    ("medium", -(2**31) - 1, "must be a 32-bit integer"),
    ("large", 2**63, "must be a 64-bit integer"),
    ("large", "1", "must be a 64-bit integer"),
    ("exact", str(2**63), "must be a 64-bit integer, as a string or a number"),
    ("exact", " 1", "must be a 64-bit integer, as a string or a number"),
    ("total", "NaN", "must be a number, as a string or a number"),
    ("total", "1e40", "has a number with more than 40 digits"),
]


@pytest.mark.parametrize("name,value,reason", BAD)
def test_refused(http, name, value, reason):
    body = json.dumps({name: value}).encode()
    answer = http.request("PUT", key_path("refused", "things"), body, JSON)
    assert (answer.status, answer.problem) == (422, "validation-failed"), answer
    assert answer.pointers == [f"/{name}"]
    assert reason in str(answer.json()["errors"]), answer


def test_sums_that_do_not_fit(http):
    put(http, "sum", {"small": 32766, "medium": 2**31 - 2})
    path = key_path("sum", "things")
    for name in ("small", "medium"):
        for status in (200, 422):
            body = json.dumps({name: 1}).encode()
            answer = http.request("PATCH", path, body, INCREMENT)
            assert answer.status == status, answer
    read = found(http, "sum").json()
    assert (read["small"], read["medium"]) == (32767, 2**31 - 1)


def test_numbers_as_strings(types, http):
    """A write may have either; what is read is a string, from every side."""
    path = key_path("exact", "things")
    put(http, "exact", {"exact": 7.0, "total": "1e2"})
    assert found(http, "exact").body == rendered(types, "exact")
    for body in ({"exact": "-9", "total": 0.5}, {"exact": 1, "total": "0.50"}):
        answer = http.request("PATCH", path, json.dumps(body).encode(), INCREMENT)
        assert answer.status == 200, answer
    answer = http.request(
        "PATCH",
        path,
        b'{"note":"n"}',
        {**PATCH, "Prefer": "wait=10, return=representation"},
    )
    assert (answer.json()["exact"], answer.json()["total"]) == ("-1", "101.00")
    (page,) = pages(http, "exact=eq.-1&total=eq.101")
    assert (page["exact"], page["total"]) == ("-1", "101.00")
    csv = http.request(
        "GET", "/v1/things?exact=eq.-1&select=exact,total", headers={"Accept": "text/csv"}
    )
    assert csv.body == b"exact,total\r\n-1,101.00\r\n"
    assert http.request("DELETE", path, headers=JSON).status in (200, 204)


def pages(http, query, limit=1):
    """All documents of a list, `limit` a page."""
    path, out = f"/v1/things?limit={limit}&{query}", []
    while path:
        answer = http.request("GET", path)
        assert answer.status == 200, answer
        out += answer.json()
        link = answer.header("Link")
        path = link.split(">")[0].removeprefix("<") if link else None
    return out


@pytest.mark.parametrize("way", ["asc", "desc"])
@pytest.mark.parametrize("name", ORDERED)
def test_lists(types, http, name, way):
    nulls = "LAST" if way == "asc" else "FIRST"
    want = types.sql(
        f'SELECT key FROM things ORDER BY {name} {way} NULLS {nulls}, key COLLATE "C" {way}'
    )
    order = f"order={name}.{way}"
    assert [d["key"] for d in pages(http, order)] == [key for (key,) in want]
    for document in DOCUMENTS.values():
        if name in document:
            for op, sql in (("eq", "="), ("lt", "<"), ("gte", ">=")):
                want = types.sql(
                    f"SELECT key FROM things WHERE {name} {sql} %s::text::{column(name)}"
                    ' ORDER BY key COLLATE "C"',
                    str(document[name]),
                )
                got = pages(http, f"order=key.asc&{name}={op}.{document[name]}")
                assert [d["key"] for d in got] == [key for (key,) in want], (name, op)


def column(name):
    kinds = {"day": "date", "clock": "time", "local": "timestamp", "total": "numeric"}
    return kinds.get(name, "bigint")


def test_filters(http):
    def keys(query):
        return sorted(d["key"] for d in pages(http, query))

    # Integers that the column cannot hold are compared like any other.
    every = {k for k, d in DOCUMENTS.items() if "small" in d}
    assert every <= set(keys("small=lt.3000000000"))
    assert keys("small=in.(-32768,99999999999)") == ["least"]
    assert keys("day=in.(0001-01-01,9999-12-31)") == ["least", "most"]
    assert keys('clock=in.("12:30:00.500")') == ["usual"]
    for query in ("day=eq.today", "clock=eq.24:00:00", "local=eq.now", "small=eq.x"):
        answer = http.request("GET", f"/v1/things?{query}")
        assert answer.status == 400, answer
    answer = http.request("GET", "/v1/things?bytes=eq.AAAA")
    assert answer.status == 400, answer


def export(http):
    answer = http.request(
        "GET", "/v1/things", headers={"Accept": "application/x-ndjson"}
    )
    assert answer.status == 200, answer
    return {json.loads(line)["key"]: line for line in answer.body.splitlines()}


def test_an_export(types, http):
    lines = export(http)
    assert set(DOCUMENTS) <= set(lines)
    for key, line in lines.items():
        assert line == rendered(types, key)


def test_what_an_operator_wrote(types, http):
    """Values that no client can write."""
    days = ["infinity", "-infinity", "0044-03-15 BC", "10000-01-01", "5874897-12-31"]
    clocks = ["24:00:00", "00:00:00.000001"]
    locals_ = ["infinity", "-infinity", "0044-03-15 12:00:00.5 BC"]
    locals_ += ["294276-12-31 23:59:59.999999", "4713-01-01 BC"]
    rows = list(zip(days, itertools.cycle(clocks), locals_))
    for i, (day, clock, local) in enumerate(rows):
        behind_its_back(
            types,
            "INSERT INTO things (key, day, clock, local, bytes, created_at, updated_at,"
            " version) VALUES (%s, %s, %s, %s, %s, now(), now(), 0)",
            f"odd {i}",
            day,
            clock,
            local,
            bytes(range(i, 250)) * 1000,
        )
        wait_until(
            lambda i=i: found(http, f"odd {i}").body == rendered(types, f"odd {i}"),
            10,
            "it is read",
        )
    lines = export(http)
    for i in range(len(rows)):
        assert lines[f"odd {i}"] == rendered(types, f"odd {i}")
    # A cursor takes what Postgres has. (Pages with another limit are cached.)
    for name in ("day", "clock", "local"):
        want = types.sql(f'SELECT key FROM things ORDER BY {name}, key COLLATE "C"')
        got = pages(http, f"order={name}.asc", limit=2)
        assert [d["key"] for d in got] == [key for (key,) in want]


def test_described(http):
    document = http.request("GET", "/openapi.json").json()
    fields = document["components"]["schemas"]["things_put"]["properties"]
    for name, field in FIELDS.items():
        of = {"integer": "int64", "number": "decimal"} if "json" in field else {}
        want = field.get("format", of.get(field["type"]))
        assert fields[name].get("format") == want, name
        assert "json" not in field or fields[name]["type"] == ["string", "null"]
