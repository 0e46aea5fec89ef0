"""Special values survive: by every way in, out of every tier, on both surfaces.

Empty strings, long ones, every character of Unicode, objects in objects,
2^53+1, numbers with many digits: written by PUT, POST, PATCH and the reference
routes, read from the replica, Redis, L1, an L1 entry that a commit refreshed, a list,
an export, and by the reference routes. Numbers are compared exactly.
"""

import itertools
import json
import uuid
from decimal import Decimal

import pytest
from harness.client import key_path
from harness.wait import wait_until

JSON = {"Content-Type": "application/json", "Prefer": "wait=10"}
PATCH = {"Content-Type": "application/merge-patch+json", "Prefer": "wait=10"}
NUMBER = itertools.count(1)


def exact(text):
    """No number becomes a double."""
    return json.loads(text, parse_float=Decimal)


def fresh():
    return f"special {next(NUMBER)}"


# --- the ways in: each returns the path of the row ------------------------------


def ok(answer, *statuses):
    assert answer.status in (200, 201), answer
    return answer


def native(collection, key):
    return key_path(str(key), collection)


def put(http, collection, key, body):
    ok(http.request("PUT", native(collection, key), body, JSON))
    return native(collection, key)


def post(http, collection, _key, body):
    return ok(http.request("POST", f"/v1/{collection}", body, JSON)).header("Location")


def patch(http, collection, key, body):
    """Of a row that was another one before; in the caches, too."""
    path = native(collection, key)
    plain = {"records": b'{"value":"old"}', "samples": b'{"text":"old"}'}[collection]
    ok(http.request("PUT", path, plain, JSON))
    assert http.request("GET", path).status == 200
    ok(http.request("PATCH", path, body, PATCH))
    return path


NATIVE = [put, post, patch]


def write(http, key, text, ascii_only):
    body = json.dumps({"key": key, "value": text}, ensure_ascii=ascii_only).encode()
    ok(http.request("POST", "/write", body, JSON))
    return native("records", key)


# --- the ways out ----------------------------------------------------------------


def purged(world):
    for api in world.of("api"):
        assert api.admin.request("DELETE", "/cache").status == 200


def at_tier(client, path, tier, headers):
    def there():
        answer = client.request("GET", path, headers=headers)
        return answer.body if answer.tier == tier else None

    return wait_until(there, 20, f"{path} comes from {tier}")


def everywhere(world, path):
    """Replica, Redis, L1, on two instances: equal bytes, which it returns."""
    one, two = (api.http for api in world.of("api")[:2])
    purged(world)
    replica = at_tier(one, path, "replica", {"Cache-Control": "no-cache"})
    redis = at_tier(two, path, "redis", {"Cache-Control": "only-if-cached"})
    cached = [at_tier(client, path, "l1", {}) for client in (one, two)]
    assert {redis, *cached} == {replica}
    in_a_list_and_an_export(one, path, replica)
    return replica


def in_a_list_and_an_export(client, path, document):
    collection, key = path.split("/")[2:]
    named = {"samples": "sample_id", "posts": "id", "products": "id"}.get(collection, "key")
    listed = ok(client.request("GET", f"/v1/{collection}?{named}=eq.{key}"))
    assert listed.body == b"[" + document + b"]"
    all_rows = {"Accept": "application/x-ndjson"}
    exported = ok(client.request("GET", f"/v1/{collection}", headers=all_rows))
    assert document in exported.body.split(b"\n")


# --- strings ---------------------------------------------------------------------

TEXTS = {
    "empty": "",
    "blank": " \t\n\r ",
    "long": "x" * 10_000,
    "long and wide": "𝄞é" * 5_000,
    "quotes": "\"'\\/`$1 %s {} ; -- \\u0041 \\N",
    "controls": "".join(map(chr, range(1, 0x20))) + "\x7f\x80\x9f",
    "not characters": "\ufeff\ufffe\uffff\U0010fffe\U0010ffff\u2028\u2029",
    "combining": "e\u0301\u0301\u0301 \u202e\u200d👩\u200d👩\u200d👧",
    "like JSON": '{"value":null}',
    "like numbers": "9007199254740993.10",
}


@pytest.mark.parametrize("way", NATIVE)
@pytest.mark.parametrize("ascii_only", [False, True], ids=["utf8", "escaped"])
def test_strings(world, http, way, ascii_only):
    for name, text in TEXTS.items():
        body = json.dumps({"value": text}, ensure_ascii=ascii_only).encode()
        path = way(http, "records", fresh(), body)
        assert json.loads(everywhere(world, path))["value"] == text, name


@pytest.mark.parametrize("ascii_only", [False, True], ids=["utf8", "escaped"])
def test_strings_of_write_and_read(world, http, ascii_only):
    for name, text in TEXTS.items():
        key = fresh()
        path = write(http, key, text, ascii_only)
        assert http.read(key).json()["value"] == text, name
        assert json.loads(everywhere(world, path))["value"] == text, name
        assert http.read(key).json()["value"] == text, name


def test_strings_of_posts(world, http):
    for name, text in TEXTS.items():
        document = {"title": text[:200], "content": text, "author": text[:100]}
        body = json.dumps(document, ensure_ascii=False).encode()
        made = ok(http.request("POST", "/posts", body, JSON)).json()
        assert {k: made[k] for k in document} == document, name
        path = f"/posts/{made['id']}"
        turned = {"title": text[:200][::-1], "content": text[::-1]}
        ok(http.request("PUT", path, json.dumps(turned).encode(), JSON))
        for _ in range(2):
            found = ok(http.request("GET", path)).json()
            assert {k: found[k] for k in turned} == turned, name
        stored = json.loads(everywhere(world, f"/v1{path}"))
        assert {k: stored[k] for k in turned} == turned, name


def test_all_of_unicode(world, http):
    """Each of its 1,112,063 characters but NUL, by each way in turn."""
    every = [c for c in range(1, 0x110000) if not 0xD800 <= c < 0xE000]
    assert len(every) == 1_112_063
    ways = itertools.cycle([*NATIVE, None])
    for at in range(0, len(every), 80_000):
        text, way = "".join(map(chr, every[at : at + 80_000])), next(ways)
        if way:
            body = json.dumps({"value": text}, ensure_ascii=False).encode()
            path = way(http, "records", fresh(), body)
        else:
            path = write(http, fresh(), text, False)
        assert json.loads(everywhere(world, path))["value"] == text, hex(every[at])


def test_keys_are_strings_as_well(world, http):
    for key in ("é" * 127, "\u2028", "a b/c?d#e%25", "🎉", "_", "0", "null", " "):
        path = write(http, key, key, False)
        assert json.loads(everywhere(world, path)).items() >= {"key": key, "value": key}.items()
        assert http.read(key).json()["key"] == key


# --- numbers and trees -------------------------------------------------------------

INTEGERS = [0, -1, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)]
DIGITS = [
    "0.1",
    "9007199254740993.1",
    "12345678901234567890.123456789012345678901234567890",
    "0.30000000000000004",
    "1e-400",
    "1" + "0" * 19 + ".5",
    "0." + "0" * 300 + "123456789",
]


def nested(depth, inside):
    return inside if depth == 0 else f'{{"a": [{nested(depth - 1, inside)}]}}'


TREES = [
    "{}",
    '{"": {"": {"": ""}}}',
    '{"big": 9007199254740993, "small": -9007199254740993, "exact": 0.10000000000000000000001}',
    '{"%s": "%s"}' % ("k" * 10_000, "v" * 10_000),
    '{"e": 1e2, "z": 1.500, "digits": 123456789012345678901234567890.123456789}',
    nested(30, "9007199254740993"),
    '{"list": [null, [], [[]], {}, true, false, "", 0]}',
]


def of_samples(integer, number, tree):
    return (
        f'{{"text": "", "large": {integer}, "part": {number}, "tree": {tree},'
        f' "list": [{integer}, {number}, {tree}]}}'
    )


@pytest.mark.parametrize("way", NATIVE)
def test_numbers_and_trees(world, http, way):
    for i in range(max(len(INTEGERS), len(DIGITS), len(TREES))):
        integer, number = INTEGERS[i % len(INTEGERS)], DIGITS[i % len(DIGITS)]
        sent = of_samples(integer, number, TREES[i % len(TREES)])
        path = way(http, "samples", str(uuid.uuid4()), sent.encode())
        found, want = exact(everywhere(world, path)), exact(sent)
        assert {k: found[k] for k in want} == want


def test_a_commit_refreshes_them_in_place(world, http, other_api):
    """`samples` and `products` set an L1 entry to what was committed."""
    path = put(http, "samples", str(uuid.uuid4()), b'{"text": "old"}')
    for tree, number in zip(TREES, DIGITS):
        everywhere(world, path)
        sent = of_samples(2**53 + 1, number, tree)
        answer = http.request("PUT", path, sent.encode(), JSON)
        after = {"Sluice-Read-After": answer.position}
        for client in (http, other_api.http):
            got = client.request("GET", path, headers=after)
            assert got.tier == "l1", got
            found, want = exact(got.body), exact(sent)
            assert {k: found[k] for k in want} == want


@pytest.mark.parametrize("number", [d for d in DIGITS])
def test_numbers_of_products(world, http, number):
    def document(name):
        return (
            f'{{"name": "{name}", "description": "", "price": {number},'
            f' "category": "c", "stock_quantity": {2**53 + 1}}}'
        )

    made = exact(ok(http.request("POST", "/products", document("one").encode(), JSON)).body)
    path = f"/products/{made['product']['id']}"
    for body in document("two"), document("three"):
        changed = ok(http.request("PUT", path, body.encode(), JSON))
        for answer in changed, http.request("GET", path), http.request("GET", path):
            found, want = exact(answer.body)["product"], exact(body)
            assert {k: found[k] for k in want} == want
        stored = exact(everywhere(world, f"/v1{path}"))
        assert {k: stored[k] for k in want} == want


def test_sums_are_exact(world, http):
    """An increment reads the number, and writes another."""
    path = put(http, "counters", fresh(), b'{"count": 9007199254740992, "amount": 0.1}')
    body = b'{"count": 1, "amount": 12345678901234567890.00000000000000000001}'
    kind = {**JSON, "Content-Type": "application/vnd.sluice.increment+json"}
    ok(http.request("PATCH", path, body, kind))
    found = exact(everywhere(world, path))
    assert found["count"] == 2**53 + 1
    assert found["amount"] == Decimal("12345678901234567890.10000000000000000001")


# --- what is accepted can be stored, read, and written again ------------------------

ACCEPTED, REFUSED = (201,), (422,)
EITHER = (201, 422)


def digits(n):
    return "9" * n


TIMES = {
    "0001-01-01T00:00:00Z": ACCEPTED,
    "0001-01-01T00:00:00+00:01": REFUSED,
    "0001-01-01T15:59:00+15:59": ACCEPTED,
    "9999-12-31T23:59:59.999999Z": ACCEPTED,
    "9999-12-31T23:59:59.9999994Z": ACCEPTED,
    "9999-12-31T23:59:59.9999995Z": REFUSED,
    "9999-12-31T23:59:59.9999999Z": REFUSED,
    "9999-12-31T23:59:60Z": REFUSED,
    "9999-12-31T23:59:59-00:01": REFUSED,
    "2026-01-01T00:00:00+15:59": ACCEPTED,
    "2026-01-01T00:00:00-15:59": ACCEPTED,
    "2026-01-01T00:00:00+16:00": REFUSED,
    "2026-01-01T00:00:00-23:59": REFUSED,
    "2026-12-31T23:59:60.9999999Z": REFUSED,
    "2026-12-31T23:59:60.0000001Z": ACCEPTED,
    "2026-12-31T23:59:59.9999996Z": ACCEPTED,
    "2026-01-01T00:00:00." + digits(60) + "Z": ACCEPTED,
    "2026-01-01T00:00:00." + digits(61) + "Z": REFUSED,
    "2026-01-01T00:00:00." + digits(5000) + "Z": REFUSED,
    "2026-01-01t00:00:00z": ACCEPTED,
    "2024-02-29T00:00:00.0000000000001Z": ACCEPTED,
}
NUMBERS = {
    "1e1000": REFUSED,
    "1e-1000": ACCEPTED,
    "1e-1001": REFUSED,
    "1e131071": REFUSED,
    "-0e99999999999999999999": REFUSED,
    "0e-1000": ACCEPTED,
    "0e1001": REFUSED,
    "-0.0": ACCEPTED,
    digits(1000) + "." + digits(1000): ACCEPTED,
    "-" + digits(1000): ACCEPTED,
    digits(1001): REFUSED,
    "0." + digits(1001): REFUSED,
    "1e999": ACCEPTED,
    "10e999": REFUSED,
    "0." + "0" * 999 + "1e1000": ACCEPTED,
}
VALUES = {
    "at": {json.dumps(time): want for time, want in TIMES.items()},
    "tree": {f'{{"n": [{n}, {{"n": {n}}}]}}': want for n, want in NUMBERS.items()},
    "list": {f"[[{n}]]": want for n, want in NUMBERS.items()},
    "part": {
        "1e20": ACCEPTED,
        "1e-1000": ACCEPTED,
        "0." + digits(1000): ACCEPTED,
        "0." + digits(1001): REFUSED,
        "0e-1000": REFUSED,
        "100000000000000000000." + "0" * 1000: ACCEPTED,
    },
    "large": {
        "9223372036854775807": ACCEPTED,
        "-9223372036854775808": ACCEPTED,
        "9223372036854775808": REFUSED,
        "0e9999": ACCEPTED,
        "-0": ACCEPTED,
        "7.000": ACCEPTED,
        "922337203685477580.7e1": ACCEPTED,
    },
    "text": {
        json.dumps("\u0000"): (400,),
        json.dumps("\ud800"): (400,),
        json.dumps("\U0010ffff" * 1000): ACCEPTED,
    },
    "other": {json.dumps("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"): ACCEPTED},
    "link": {json.dumps("urn:" + "a" * 10_000): ACCEPTED},
    "mail": {json.dumps("a" * 64 + "@" + ("b" * 63 + ".") * 3 + "c" * 61): ACCEPTED},
    "step": {"1e3": ACCEPTED, "1000.000": ACCEPTED, "0.10": ACCEPTED},
}
OF_SLUICE = ("created_at", "updated_at")


def only(document):
    return {k: v for k, v in document.items() if k not in OF_SLUICE}


@pytest.mark.parametrize("field", VALUES)
def test_what_is_accepted_is_stored_and_can_be_written_again(http, field):
    for value, want in VALUES[field].items():
        path = native("samples", str(uuid.uuid4()))
        body = f'{{"text": "t", "{field}": {value}}}'
        if field == "text":
            body = f'{{"text": {value}}}'
        answer = http.request("PUT", path, body.encode(), JSON)
        assert answer.status in want, (value[:80], answer)
        if answer.status != 201:
            continue
        after = {"Sluice-Read-After": answer.position}
        read = http.request("GET", path, headers=after).body
        if field not in ("at", "other"):
            assert exact(read)[field] == exact(value), value[:80]
        again = ok(http.request("PUT", path, as_written(read), JSON))
        after = {"Sluice-Read-After": again.position}
        assert only(exact(http.request("GET", path, headers=after).body)) == only(exact(read))


def as_written(document):
    """As it was rendered, number by number, without what Sluice adds."""
    return document[: document.rindex(b',"created_at":')] + b"}"


def test_a_sum_has_no_more_digits_than_a_number_may(http):
    path = put(http, "counters", fresh(), f'{{"count": 0, "amount": {digits(1000)}}}'.encode())
    kind = {**JSON, "Content-Type": "application/vnd.sluice.increment+json"}
    for by, status in ("1e-1000", 200), ("1", 422), ("1e1000", 422), ("-1", 200):
        answer = http.request("PATCH", path, f'{{"amount": {by}}}'.encode(), kind)
        assert answer.status == status, (by, answer)


@pytest.mark.parametrize(
    "name, value",
    [
        ("part", "1e1000"),
        ("part", "1e-1001"),
        ("at", "2026-01-01T00:00:00%2B16:00"),
        ("at", "9999-12-31T23:59:59.9999999Z"),
        ("at", "2026-01-01T00:00:00." + digits(61) + "Z"),
    ],
)
def test_filters_take_what_documents_take(http, name, value):
    for op in "eq.", "gte.", "in.(":
        query = f"{name}={op}{value}" + (")" if op.endswith("(") else "")
        answer = http.request("GET", f"/v1/samples?{query}")
        assert answer.status == 400 and answer.json()["parameter"] == name, answer


def test_a_document_has_a_size_when_it_is_read(http):
    """9 KB are 1.2 MB in every answer; on no way in are they accepted."""
    many = ",".join(["1e999"] * 1200)
    body = f'{{"text": "t", "list": [{many}]}}'.encode()
    path = native("samples", str(uuid.uuid4()))
    lines = {**JSON, "Content-Type": "application/x-ndjson"}
    for method, target, headers in (
        ("PUT", path, JSON),
        ("POST", "/v1/samples", JSON),
        ("PATCH", path, PATCH),
    ):
        answer = http.request(method, target, body, headers)
        assert answer.status == 413, answer
        assert "document.max_bytes" in answer.json()["detail"]
    answer = http.request("POST", "/v1/samples", body + b'\n{"text": "t"}\n', lines)
    found = [json.loads(line)["status"] for line in answer.body.splitlines()]
    assert found == [413, 201], answer
    assert http.request("GET", path).status == 404
    value = json.dumps("x" * (1024 * 1024 - 30))
    answer = http.request("POST", "/write", f'{{"key":"k","value":{value}}}'.encode(), JSON)
    assert answer.status == 413, answer
