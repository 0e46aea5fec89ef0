"""What is within objects and arrays is checked by the API, and described by OpenAPI."""

import json

import pytest
from harness.bulk import results
from harness.client import key_path
from harness.sessions import PATCH

WAIT = {"Prefer": "wait=20", "Content-Type": "application/json"}
LINE = {
    "type": "object",
    "properties": {
        "sku": {"type": "string", "maxLength": 10},
        "quantity": {"type": "integer", "minimum": 1},
    },
    "required": ["sku", "quantity"],
}
PARCELS = {
    "name": "parcels",
    "key": {"type": "string"},
    "fields": {
        "address": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "minLength": 1},
                "zip": {"type": "string", "nullable": True},
            },
            "required": ["city"],
            "additionalProperties": False,
        },
        "lines": {"type": "array", "items": LINE, "maxItems": 3, "default": []},
    },
    "required": ["address"],
    "list": {"filter": ["address.city"]},
}
GOOD = {"address": {"city": "Paris"}, "lines": [{"sku": "a", "quantity": 2, "note": "x"}]}


@pytest.fixture(scope="module")
def http(module_deployment, tmp_path_factory):
    folder = tmp_path_factory.mktemp("nested")
    (folder / "parcels.json").write_text(json.dumps(PARCELS))
    module_deployment.collections = folder
    module_deployment.migrate()
    return module_deployment.start_all().http


def send(http, method, key, document):
    kind = PATCH if method == "PATCH" else "application/json"
    body = json.dumps(document).encode()
    return http.request(method, key_path(key, "parcels"), body, {**WAIT, "Content-Type": kind})


def read(http, key):
    document = http.request("GET", key_path(key, "parcels")).json()
    return {name: document[name] for name in ("address", "lines")}


def test_what_conforms(http):
    assert send(http, "PUT", "good", GOOD).status == 201
    assert read(http, "good") == GOOD
    assert send(http, "PUT", "short", {"address": {"city": "Rome", "zip": None}}).status == 201
    assert read(http, "short")["lines"] == []
    found = http.request("GET", "/v1/parcels?address.city=eq.Paris").json()
    assert [d["key"] for d in found] == ["good"]


@pytest.mark.parametrize(
    "document, pointers",
    [
        ({"address": {}}, ["/address/city"]),
        ({"address": {"city": ""}}, ["/address/city"]),
        ({"address": {"city": "x", "a/b": 1}}, ["/address/a~1b"]),
        ({"address": {"city": 1, "zip": 2}}, ["/address/city", "/address/zip"]),
        ({"address": GOOD["address"], "lines": [*GOOD["lines"], {"sku": "b", "quantity": 0}]},
         ["/lines/1/quantity"]),
        ({"address": GOOD["address"], "lines": [1, {"sku": "b"}]},
         ["/lines/0", "/lines/1/quantity"]),
        ({"address": GOOD["address"], "lines": GOOD["lines"] * 4}, ["/lines"]),
    ],
)  # fmt: skip
def test_what_does_not(http, document, pointers):
    answer = send(http, "PUT", "bad", document)
    assert (answer.status, answer.problem) == (422, "validation-failed"), answer
    assert answer.pointers == pointers
    whole = {"key": "bad", **document}
    post = http.request("POST", "/v1/parcels", json.dumps(whole).encode(), WAIT)
    assert (post.status, post.pointers) == (422, pointers)
    line = json.dumps({"op": "put", "key": "bad", "document": document}).encode()
    bulk = http.request(
        "POST", "/v1/parcels/_bulk", line, {**WAIT, "Content-Type": "application/x-ndjson"}
    )
    assert [r["status"] for r in results(bulk)] == [422], bulk
    assert http.request("GET", key_path("bad", "parcels")).status == 404


def test_a_patch(http):
    assert send(http, "PUT", "patched", GOOD).status == 201
    assert send(http, "PATCH", "patched", {"address": {"zip": "75001"}}).status == 200
    assert read(http, "patched")["address"] == {"city": "Paris", "zip": "75001"}
    assert send(http, "PATCH", "patched", {"address": {"zip": None}}).status == 200
    assert read(http, "patched")["address"] == {"city": "Paris"}
    for change, pointer in (
        ({"address": {"city": None}}, "/address/city"),
        ({"address": {"town": "x"}}, "/address/town"),
        ({"lines": [{"sku": "a"}]}, "/lines/0/quantity"),
    ):
        answer = send(http, "PATCH", "patched", change)
        assert (answer.status, answer.pointers) == (422, [pointer]), answer
    assert read(http, "patched") == GOOD


def test_openapi_has_it(http):
    schemas = http.request("GET", "/openapi.json").json()["components"]["schemas"]
    new = schemas["parcels_new"]["properties"]
    assert new["address"]["required"] == ["city"]
    assert new["address"]["additionalProperties"] is False
    assert new["address"]["properties"] == {
        "city": {"type": "string", "minLength": 1},
        "zip": {"type": ["string", "null"]},
    }
    lines = new["lines"]
    assert lines["maxItems"] == 3 and lines["items"]["required"] == ["sku", "quantity"]
    patch = schemas["parcels_patch"]["properties"]["address"]
    assert "required" not in patch and patch["properties"]["zip"]["type"] == ["string", "null"]
