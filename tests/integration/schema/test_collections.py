"""Collections that no code knows: all types, all keywords, every tier.

`samples` (tests/collections) has each type and each keyword; `posts` and
`products` are shipped.
"""

import json
import uuid

import psycopg
import pytest
from harness.client import key_path
from harness.replica import behind_its_back

JSON = {"Content-Type": "application/json"}
PATCH = {"Content-Type": "application/merge-patch+json"}
INCREMENT = {"Content-Type": "application/vnd.sluice.increment+json"}
WAIT = {"Prefer": "wait=10"}


def raw(document):
    """Text that is JSON already, or something to be made JSON."""
    if isinstance(document, (bytes, str)):
        return document.encode() if isinstance(document, str) else document
    return json.dumps(document).encode()


def put(http, collection, key, document):
    path = key_path(str(key), collection)
    return http.request("PUT", path, raw(document), {**JSON, **WAIT})


def change(http, collection, key, body, kind):
    path = key_path(str(key), collection)
    return http.request("PATCH", path, raw(body), {**kind, **WAIT})


def get(http, collection, key, **headers):
    return http.request("GET", key_path(str(key), collection), headers=headers)


def rendered(world, collection, key):
    """What Postgres itself makes of the row, without the version."""
    table = f'public."{collection}"'
    names = world.sql(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass"
        " AND attnum > 0 AND attname <> 'version' ORDER BY attnum",
        table,
    )
    columns = ", ".join(f't."{name}"' for (name,) in names)
    ((document,),) = world.sql(
        f"SELECT (SELECT row_to_json(d) FROM (SELECT {columns}) d)::text"
        f" FROM {table} t WHERE t.{names[0][0]}::text = %s",
        str(key),
    )
    return document.encode()


def same_everywhere(world, collection, key):
    """Log, replica or primary, Redis, L1: equal bytes. Returns the document."""
    want = rendered(world, collection, key)
    log = world.servers.read_log(world.commits, world.partitions)
    announced = {m.key(): m.value() for m in log}
    assert announced[f"{collection}/{key}".encode()] == want
    for api in world.of("api"):
        assert get(api.http, collection, key, Cache_Control="no-cache").body == want
        tiers = [get(api.http, collection, key) for _ in range(3)]
        assert [answer.body for answer in tiers] == [want] * 3
        assert tiers[-1].tier == "l1"
    return json.loads(want)


FULL = """{
  "text": "", "code": "AB-123", "mood": "good", "mail": "ada@example.org",
  "link": "https://example.org/a?b=c#d", "at": "2026-02-28T23:59:59.123456+01:30",
  "other": "2EB8AA08-AA98-11EA-B4AA-73B441D16380", "whole": -5.0,
  "large": 9007199254740993, "part": 12345678901234567890.123456789012345678901234567890,
  "step": 0.250, "flag": true, "tree": {"b": [1, {"c": 9007199254740993.10}], "a": null},
  "list": [null, true, "\\ud83d\\ude00", [], {}]
}"""


def full(key):
    """The document that PostgreSQL makes of FULL, by hand."""
    return {
        "sample_id": key,
        "text": "",
        "code": "AB-123",
        "mood": "good",
        "mail": "ada@example.org",
        "link": "https://example.org/a?b=c#d",
        "at": "2026-02-28T22:29:59.123456+00:00",
        "other": "2eb8aa08-aa98-11ea-b4aa-73b441d16380",
        "whole": -5,
        "large": 9007199254740993,
        "step": 0.25,
        "flag": True,
        "list": [None, True, "😀", [], {}],
    }


def test_every_type(world, http):
    key = str(uuid.uuid4())
    document = FULL.replace("12345678901234567890.123", "99999999999999999999.123")
    assert put(http, "samples", key, document).status == 201
    found = same_everywhere(world, "samples", key)
    assert full(key).items() <= found.items()
    body = get(http, "samples", key).body
    for digits in (
        b'"part":99999999999999999999.123456789012345678901234567890,',
        b'"large":9007199254740993,',
        b'"step":0.250,',
        b'"tree":{"a": null, "b": [1, {"c": 9007199254740993.10}]},',
    ):
        assert digits in body


def test_defaults_are_in_the_log(world, http):
    key = str(uuid.uuid4())
    assert put(http, "samples", key, {"text": "x"}).status == 201
    log = world.servers.read_log(world.writes, world.partitions)
    (written,) = [m.value() for m in log if m.key() == f"samples/{key}".encode()]
    defaults = b'"mood":"it\'s","part":1.50,"flag":false,"tree":{}'
    assert written == b'{"text":"x",' + defaults + b"}"
    found = same_everywhere(world, "samples", key)
    assert (found["mood"], found["flag"], found["tree"]) == ("it's", False, {})
    assert found["code"] is None


def test_values_that_are_special(world, http):
    every = "".join(chr(c) for c in range(1, 0x3000) if not 0xD800 <= c < 0xE000)
    texts = ["", " ", "a" * 10_000, "\\", '"', "'", every, "\U0010ffff" * 100]
    trees = [{"": {"": {"": []}}}, {"a": {"b": {"c": {"d": [[[[1]]]]}}}}]
    trees += [{"k" * 1000: "v" * 10_000}, {str(i): i for i in range(500)}]
    for i, text in enumerate(texts):
        key, tree = str(uuid.uuid4()), trees[i % len(trees)]
        document = {"text": text, "tree": tree, "list": [text]}
        answer = put(http, "samples", key, document)
        assert answer.status == 201, answer
        found = same_everywhere(world, "samples", key)
        assert {k: found[k] for k in document} == document


NUMBERS = """0.1 1e-1000 99999999999999999999 1.00 0.30000000000000004
 123456789.123456789123456789123456789 1E+3 12e-4""".split()


def test_numbers_keep_their_digits(world, http):
    for number in NUMBERS:
        key = str(uuid.uuid4())
        body = f'{{"text":"","part":{number},"list":[{number}]}}'
        assert put(http, "samples", key, body).status == 201, number
        same_everywhere(world, "samples", key)
        ((same,),) = world.sql(
            "SELECT part = %s::numeric AND list->0 = to_jsonb(%s::numeric)"
            " FROM samples WHERE sample_id = %s",
            number,
            number,
            key,
        )
        assert same


WRONG = [
    ({}, "/text", "is required"),
    ({"text": None}, "/text", "is required and must not be null"),
    ({"code": "AB-12345678"}, "/code", "has 11 characters; at most 10"),
    ({"code": "ab-12"}, "/code", 'must match "^[A-Z]{2}-\\\\d+$"'),
    ({"mood": "bad"}, "/mood", 'must be one of "good", "it\'s", "so-so"'),
    ({"mood": None}, "/mood", "must not be null"),
    ({"mail": "ada@"}, "/mail", "must have the format email"),
    ({"link": "example.org"}, "/link", "must have the format uri"),
    ({"at": "2026-02-29T00:00:00Z"}, "/at", "must have the format date-time"),
    ({"other": "2eb8aa08"}, "/other", "must have the format uuid"),
    ({"whole": -6}, "/whole", "must be at least -5"),
    ({"whole": 1.5}, "/whole", "must be a 64-bit integer"),
    ('{"large": 9223372036854775808}', "/large", "must be a 64-bit integer"),
    ({"part": 0}, "/part", "must be greater than 0"),
    ('{"part": 100000000000000000000.1}', "/part", "must be at most 1e20"),
    ('{"step": 0.10000000000000000001}', "/step", "must be one of 0.1, 0.25, 1e3"),
    ({"flag": "true"}, "/flag", "must be true or false"),
    ({"tree": []}, "/tree", "must be an object"),
    ('{"list": [1e140000]}', "/list", "has a number with more than 1000 digits"),
    ({"sample_id": "x"}, "/sample_id", "differs from the key in the path"),
    ({"key": "x"}, "/key", "is not a field of samples"),
]


@pytest.mark.parametrize("wrong, pointer, detail", WRONG)
def test_violations(world, http, wrong, pointer, detail):
    ends = world.ends()
    text = wrong if isinstance(wrong, str) else json.dumps(wrong)
    if pointer != "/text":
        text = '{"text":"x",' + text[1:]
    answer = put(http, "samples", uuid.uuid4(), text)
    assert (answer.status, answer.problem) == (422, "validation-failed"), answer
    (error,) = answer.json()["errors"]
    assert error["pointer"] == pointer
    assert error["detail"].startswith(detail), error
    assert world.ends() == ends  # nothing of it is in the log


def test_changes(world, http):
    key = str(uuid.uuid4())
    start = '{"text":"a","whole":1,"part":0.1,"tree":{"a":{"b":1,"c":2}}}'
    assert put(http, "samples", key, start).status == 201
    patch = '{"tree":{"a":{"b":null,"d":[1.10]}},"at":"2026-01-01T00:00:00Z","mood":null}'
    assert change(http, "samples", key, patch, PATCH).status == 200
    assert change(http, "samples", key, {"part": 0.2}, INCREMENT).status == 200
    found = same_everywhere(world, "samples", key)
    assert found["tree"] == {"a": {"c": 2, "d": [1.10]}}
    assert found["at"] == "2026-01-01T00:00:00+00:00"
    assert found["mood"] == "it's"  # null takes it away: its default
    assert b'"part":0.3,' in get(http, "samples", key).body
    # The sum breaks a bound, which the table knows.
    refused = change(http, "samples", key, {"whole": -7}, INCREMENT)
    assert (refused.status, refused.problem) == (409, "constraint-violation")
    assert refused.json()["constraint"] == "samples_whole_minimum"
    for body in ({"text": 1}, {"tree": {}}, {"flag": 1}):
        assert change(http, "samples", key, body, INCREMENT).status == 422
    for body in ({"text": None}, {"whole": -6}, {"tree": 1}, {"at": "x"}):
        assert change(http, "samples", key, body, PATCH).status == 422


def test_a_row_by_hand(world, http):
    """It is held to the declaration, too, and read like any other."""
    insert = (
        "INSERT INTO products (id, name, price, category, created_at, updated_at,"
        " version) VALUES (%s, %s, %s, %s, now(), now(), 0)"
    )
    behind_its_back(world, insert, -1, "by hand", "1.230", "c")
    found = get(http, "products", -1)
    assert b'"price":1.230,' in found.body
    assert found.json()["stock_quantity"] == 0
    for values, constraint in (
        ((-2, "", 1, "c"), "products_name_min_length"),
        ((-2, "é" * 256, 1, "c"), "products_name_max_length"),
        ((-2, "n", 0, "c"), "products_price_exclusive_minimum"),
    ):
        with pytest.raises(psycopg.errors.CheckViolation) as caught:
            world.sql(insert, *values)
        assert caught.value.diag.constraint_name == constraint


PRODUCT = {"name": "n", "price": 1, "category": "c"}


@pytest.mark.parametrize("key", ["007", "+7", "7.0", "-0", "7e0", "x", "9" * 20])
def test_integer_keys_have_one_form(http, key):
    assert get(http, "products", key).status == 404
    answer = put(http, "products", key, PRODUCT)
    assert (answer.status, answer.problem) == (422, "validation-failed")
    assert answer.pointers == ["/id"]


@pytest.mark.parametrize("key", ["0", "7", "-7", str(2**63 - 1), str(-(2**63))])
def test_integer_keys(world, http, key):
    assert put(http, "products", key, {**PRODUCT, "id": int(key)}).status == 201
    assert same_everywhere(world, "products", key)["id"] == int(key)
    answer = put(http, "products", key, {**PRODUCT, "id": str(key)})
    assert (answer.status, answer.pointers) == (422, ["/id"])
    gone = http.request("DELETE", key_path(key, "products"), headers=WAIT)
    assert gone.status == 204
    assert get(http, "products", key).status == 404
    assert world.sql("SELECT 1 FROM products WHERE id = %s", int(key)) == []


def test_uuid_keys_have_one_form(http):
    key = str(uuid.uuid4())
    for other in (key.upper(), key.replace("-", ""), "x"):
        assert get(http, "samples", other).status == 404
        answer = put(http, "samples", other, {"text": "x"})
        assert (answer.status, answer.pointers) == (422, ["/sample_id"])
