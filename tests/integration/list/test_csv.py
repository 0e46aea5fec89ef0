"""Accept: text/csv on lists and exports: held to the JSON form of the same rows."""

import csv
import io
import json
import random
import re

import pytest
from harness.client import key_path
from harness.counters import Moved
from harness.replica import replica_caught_up

CSV = {"Accept": "text/csv"}
TYPE = "text/csv; charset=utf-8; header=present"
QUERIES = "sluice_page_queries_total"
TEXTS = ["plain", "", " blank ", "a,b", 'a "quote"', '"', "line\nfeed", "cr\rlf\r\n", "é\U0001f600",
         "null", "=1+1", "@SUM(1)", "it's", "\\", "tab\t", "true", "0"]  # fmt: skip
TREES = [{}, {"a": [1, "x,y", None]}, {"name": 'it"s'}, {"b": 'nl\n"'}]
ROWS = 60


def key(i):
    return f"00000000-0000-7000-9000-{i:012d}"


@pytest.fixture(scope="module")
def rows(world):
    rng = random.Random(5)
    with world.servers.postgres(world.name) as connection:
        for i in range(ROWS):
            row = {
                "sample_id": key(i), "text": TEXTS[i % len(TEXTS)],
                "code": rng.choice([None, "AB-1", "AB-2"]), "mood": rng.choice(["good", "it's"]),
                "mail": rng.choice([None, "a@b.example"]),
                "at": rng.choice([None, "2026-01-01T00:00:00.5Z"]),
                "whole": rng.choice([None, -5, 7]), "large": rng.choice([None, 9007199254740993]),
                "part": rng.choice(["1.50", "1e20", "0.000001"]), "flag": rng.random() < 0.5,
                "step": rng.choice([None, "0.25"]), "tree": json.dumps(rng.choice(TREES)),
                "list": rng.choice([None, "[]", '[1, "a"]']),
            }  # fmt: skip
            names = ", ".join(row)
            marks = ", ".join(["%s"] * len(row))
            connection.execute(
                f"INSERT INTO samples ({names}, created_at, updated_at, version)"
                f" VALUES ({marks}, now(), now(), 0)",
                list(row.values()),
            )
    replica_caught_up(world)


def get(http, path, method="GET", **headers):
    headers = {n.replace("_", "-"): v for n, v in headers.items()}
    return http.request(method, path, headers=headers)


def raw(body):
    """Records of RFC 4180, each field with whether it was quoted."""
    text, records, at = body.decode(), [[]], 0
    while at < len(text):
        if text[at] == '"':
            end = re.compile('"(?!")').search(text, at + 1)
            while text[at + 1 : end.start()].replace('""', "").count('"'):
                end = re.compile('"(?!")').search(text, end.end())
            records[-1].append((text[at + 1 : end.start()].replace('""', '"'), True))
            at = end.end()
        else:
            end = re.compile("[,\r\n]").search(text, at).start()
            field = text[at:end]
            assert '"' not in field
            records[-1].append((field, False))
            at = end
        if text[at] == ",":
            at += 1
            if text[at] in "\r":
                records[-1].append(("", False))
        if text[at] == "\r":
            assert text[at : at + 2] == "\r\n"
            records.append([])
            at += 2
    assert records.pop() == []
    return records


def rendered(document_text):
    """A document's members as CSV has them: (text, whether it is quoted)."""
    found = {}
    # Numbers and trees as they are in the bytes.
    document = json.loads(document_text, parse_float=Number, parse_int=Number)
    for name, value in document.items():
        if value is None:
            found[name] = ("", False)
        elif isinstance(value, Number):
            found[name] = (str(value), False)
        elif isinstance(value, bool):
            found[name] = ("true" if value else "false", False)
        elif isinstance(value, str):
            found[name] = (value, value == "" or any(c in value for c in '",\r\n'))
        else:
            found[name] = (None, None)
    return found


class Number(str):
    pass


def check(table, documents, names=None):
    """The table has these documents, the texts of JSON objects, in order."""
    header, *records = raw(table)
    names = names or list(json.loads(documents[0]))
    assert [text for text, quoted in header if not quoted] == names
    assert len(records) == len(documents)
    for record, document in zip(records, documents):
        assert len(record) == len(names)
        want = rendered(document)
        for name, (text, quoted) in zip(names, record):
            if want[name] != (None, None):
                assert (text, quoted) == want[name], (name, document)
            else:
                assert json.loads(text) == json.loads(document)[name]
                assert quoted == any(c in text for c in '",\r\n')
                # As in the JSON form, byte for byte.
                assert f'"{name}":{text}' in document
    # What most programs read with says the same.
    read = list(csv.reader(io.StringIO(table.decode(), newline="")))
    assert read == [[text for text, _ in record] for record in [header, *records]]


def elements(body):
    """The texts of the objects of an array."""
    text, decoder, at, found = body.decode(), json.JSONDecoder(), 1, []
    while text[at] != "]":
        _, end = decoder.raw_decode(text, at)
        found.append(text[at:end])
        at = end + (text[end] == ",")
    return found


def test_a_page(rows, http):
    path = "/v1/samples?order=sample_id&limit=50"
    page, table = get(http, path), get(http, path, **CSV)
    assert (table.status, table.header("Content-Type")) == (200, TYPE)
    assert table.header("Vary") == page.header("Vary") == "Accept, Prefer"
    assert table.header("ETag") != page.header("ETag")
    assert table.header("Link") == page.header("Link")
    check(table.body, elements(page.body))
    head = get(http, path, "HEAD", **CSV)
    assert (head.status, head.body, head.header("Content-Type")) == (200, b"", TYPE)
    assert head.header("Content-Length") == str(len(table.body))
    assert head.header("ETag") == table.header("ETag")
    none = get(http, "/v1/samples?mood=eq.none", **CSV)
    assert none.body.count(b"\r\n") == 1 and none.body.startswith(b"sample_id,text,")
    many = get(http, path, Prefer="count=exact", **CSV)
    assert many.header("Content-Range") == f"*/{ROWS}" and many.body == table.body


def test_pages_by_their_links(rows, http):
    path, seen = "/v1/samples?order=at.desc&limit=7&select=at,sample_id", []
    while path:
        table = get(http, path, **CSV)
        header, *records = raw(table.body)
        assert [name for name, _ in header] == ["at", "sample_id"]
        seen += [record[1][0] for record in records]
        link = table.header("Link")
        path = link and re.match("<([^>]*)>", link)[1]
    assert sorted(seen) == [key(i) for i in range(ROWS)]


def test_columns_have_the_order_of_select(rows, http):
    for names in ("part,sample_id", "sample_id,part", "tree,text", "updated_at,list,flag"):
        path = f"/v1/samples?order=sample_id&limit=5&select={names}"
        page = get(http, path)
        check(get(http, path, **CSV).body, elements(page.body), names.split(","))
    one = get(http, "/v1/samples?order=sample_id&limit=50&select=whole", **CSV)
    want = [d["whole"] for d in get(http, "/v1/samples?order=sample_id&limit=50").json()]
    assert one.body.decode().split("\r\n") == [
        "whole", *("" if w is None else str(w) for w in want), "",
    ]  # fmt: skip


def test_the_cache_does_not_mix_them(rows, http, api):
    path = "/v1/samples?order=part&limit=20&flag=eq.true"
    with Moved(api) as moved:
        first = [get(http, path), get(http, path, **CSV)]
        again = [get(http, path, **CSV), get(http, path)]
    assert moved[QUERIES] == 2
    assert [a.tier for a in again] == ["l1", "l1"]
    for one, other in zip(first, reversed(again)):
        assert one.body == other.body and one.header("ETag") == other.header("ETag")
        assert one.header("Content-Type") == other.header("Content-Type")
    tags = [a.header("ETag") for a in first]
    for accept, mine, its in (("text/csv", tags[1], tags[0]), ("application/json", *tags)):
        for _ in range(2):
            assert get(http, path, Accept=accept, If_None_Match=mine).status == 304
            assert get(http, path, Accept=accept, If_None_Match=its).status == 200
            assert get(http, path, Accept=accept, If_Match=its).status == 412
    # A commit ends both.
    body = json.dumps({"text": "new", "flag": True, "part": 1e-9}).encode()
    headers = {"Content-Type": "application/json", "Prefer": "wait=10"}
    made = http.request("PUT", key_path(key(ROWS), "samples"), body, headers)
    assert made.status == 201, made
    for answer in (get(http, path), get(http, path, **CSV)):
        assert answer.tier != "l1" and key(ROWS).encode() in answer.body
    assert http.request("DELETE", key_path(key(ROWS), "samples"), headers=headers).status == 204


CHOICES = [
    ("text/csv", TYPE),
    ("TEXT/CSV;q=0.2", TYPE),
    ("text/csv, application/json", TYPE),
    ("text/csv;q=0.5, application/json;q=0.4", TYPE),
    ("text/csv;q=0.4, application/json;q=0.5", "application/json"),
    ("text/csv, application/x-ndjson;q=0.9", TYPE),
    ("text/csv;q=0.8, application/x-ndjson;q=0.9", "application/x-ndjson"),
    ("text/*", TYPE),
    ("text/*, application/json;q=0.1", "application/json"),
    ("*/*, text/csv;q=0", "application/json"),
    ("application/json;q=0, */*", TYPE),
    ("text/html, */*;q=0.1", "application/json"),
]


@pytest.mark.parametrize("accept, kind", CHOICES)
def test_what_accept_wants(http, accept, kind):
    answer = get(http, "/v1/counters", Accept=accept)
    assert (answer.status, answer.header("Content-Type")) == (200, kind), answer


def test_exports(rows, http):
    for query in ("", "?mood=eq.good", "?select=text,sample_id&or=(whole.lt.0,flag.is.true)"):
        lines = get(http, f"/v1/samples/_export{query}").body.decode().splitlines()
        table = get(http, f"/v1/samples/_export{query}", **CSV)
        assert (table.status, table.header("Content-Type")) == (200, TYPE)
        assert table.header("Vary") == "Accept"
        header, *records = table.body.split(b"\r\n", 1)
        by_key = {json.loads(line)["sample_id"]: line for line in lines}
        at = header.decode().split(",").index("sample_id")
        order = [record[at][0] for record in raw(table.body)[1:]]
        assert sorted(order) == sorted(by_key)
        names = header.decode().split(",")
        if query.startswith("?select"):
            assert names == ["text", "sample_id"]
        check(table.body, [by_key[k] for k in order], names)
    head = get(http, "/v1/samples/_export", "HEAD", **CSV)
    assert (head.status, head.header("Content-Type"), head.body) == (200, TYPE, b"")
    none = get(http, "/v1/samples/_export?mood=eq.none&select=text", **CSV)
    assert none.body == b"text\r\n"
    assert get(http, "/v1/samples/_export", Accept="text/csv;q=0.1, */*").header(
        "Content-Type"
    ) == "application/x-ndjson"


def test_errors_and_other_routes(http):
    answer = get(http, "/v1/samples?limit=0", **CSV)
    assert (answer.status, answer.problem) == (400, "invalid-filter")
    assert answer.header("Content-Type") == "application/problem+json"
    for path in ("/posts", "/v1/samples/_count", key_path(key(0), "samples"), "/v1"):
        answer = get(http, path, **CSV)
        assert (answer.status, answer.problem) == (406, "not-acceptable"), (path, answer)
