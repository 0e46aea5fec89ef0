"""/openapi.json: valid OpenAPI 3.1, and true of what is answered."""

import json

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator


@pytest.fixture(scope="module")
def document(world):
    answer = world.of("api")[0].http.request("GET", "/openapi.json")
    assert (answer.status, answer.header("Content-Type")) == (200, "application/json")
    return answer.json()


def schema(document, name):
    """A validator for it, with all that it refers to."""
    whole = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    return Draft202012Validator(whole, format_checker=FormatChecker())


def test_it_is_valid(document):
    assert document["openapi"].startswith("3.1.")
    errors = list(OpenAPIV31SpecValidator(document).iter_errors())
    assert errors == []
    for name in document["components"]["schemas"]:
        Draft202012Validator.check_schema(document["components"]["schemas"][name])


def test_it_has_every_collection(document, http):
    names = [c["name"] for c in http.page("/v1")["collections"]]
    assert {"records", "posts", "products", "counters", "samples"} <= set(names)
    keys = {"records": "key", "posts": "id", "products": "id", "samples": "sample_id"}
    for name, key in keys.items():
        item = document["paths"][f"/v1/{name}/{{{key}}}"]
        assert {"get", "put", "patch", "delete"} <= set(item)
        assert "post" in document["paths"][f"/v1/{name}"]


def test_it_is_asked_for_once(http):
    first = http.request("GET", "/openapi.json")
    tag = first.header("ETag")
    again = http.request("GET", "/openapi.json", headers={"If-None-Match": tag})
    assert (again.status, again.body, again.header("ETag")) == (304, b"", tag)
    head = http.request("HEAD", "/openapi.json")
    assert (head.status, head.body) == (200, b"")
    assert int(head.header("Content-Length")) == len(first.body)


def test_both_instances_say_the_same(http, other_api):
    bodies = {c.request("GET", "/openapi.json").body for c in (http, other_api.http)}
    assert len(bodies) == 1


# What is sent, and what the row then is: valid both times.
DOCUMENTS = {
    "records": {"value": "one"},
    "posts": {"title": "", "content": "c", "author": "a"},
    "products": {"name": "n", "price": 29.99, "category": "Books"},
    "counters": {"count": 7},
    "samples": {
        "text": "t", "code": "AB-1", "mail": "a@b.example", "link": "urn:a:b",
        "at": "2024-02-29T12:00:00+02:00", "whole": -5, "step": 0.25,
        "other": "2c5ea4c0-4067-11e9-8bad-9b1deb4d3b7d", "tree": {"a": [1]}, "list": [],
    },
}  # fmt: skip
WAIT = {"Content-Type": "application/json", "Prefer": "wait=10"}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_are_as_it_says(document, http, name):
    sent = DOCUMENTS[name]
    schema(document, f"{name}.new").validate(sent)
    made = http.request("POST", f"/v1/{name}", json.dumps(sent).encode(), WAIT)
    assert made.status == 201, made
    schema(document, "receipt").validate(made.json())
    got = http.request("GET", made.header("Location"))
    schema(document, f"{name}.document").validate(got.json())


@pytest.mark.parametrize("name", DOCUMENTS)
def test_many_are_as_it_says(document, http, name):
    sent = [DOCUMENTS[name], {}, DOCUMENTS[name]]
    assert schema(document, f"{name}.create").is_valid(sent[::2])
    assert not schema(document, f"{name}.create").is_valid(sent)
    for body, headers in ((sent, WAIT), (sent, {"Content-Type": "application/json"})):
        answer = http.request("POST", f"/v1/{name}", json.dumps(body).encode(), headers)
        assert answer.status in (200, 202), answer
        schema(document, "results").validate(answer.json())
        schema(document, "created").validate(answer.json())
    broken = json.dumps(sent).encode() + b"x"
    answer = http.request("POST", f"/v1/{name}", broken, WAIT)
    assert (answer.status, len(answer.json()["results"])) == (400, 3)
    schema(document, "problem").validate(answer.json())


@pytest.mark.parametrize(
    "name, bad",
    [
        ("posts", {"title": "x" * 201, "content": "c", "author": "a"}),
        ("posts", {"title": "t", "content": "c"}),
        ("products", {"name": "", "price": 1, "category": "c"}),
        ("products", {"name": "n", "price": 0, "category": "c"}),
        ("products", {"name": "n", "price": 1, "category": "c", "more": 1}),
        ("samples", {"text": "t", "mood": "bad"}),
        ("samples", {"text": None}),
        ("samples", {"text": "t", "code": "ab-1"}),
    ],
)
def test_what_it_forbids_is_refused(document, http, name, bad):
    assert not schema(document, f"{name}.new").is_valid(bad)
    answer = http.request("POST", f"/v1/{name}", json.dumps(bad).encode(), WAIT)
    assert (answer.status, answer.problem) == (422, "validation-failed"), answer
    schema(document, "problem").validate(answer.json())


@pytest.mark.parametrize(
    "path, name",
    [("/health", "health"), ("/stats", "stats"), ("/cache-stats", "cache_stats"),
     ("/v1", "collections"), ("/read/nobody", "read")],
)  # fmt: skip
def test_pages_are_as_it_says(document, http, path, name):
    schema(document, name).validate(http.page(path))


def test_the_state_of_a_write_is_as_it_says(document, http):
    answer = http.write("openapi", "one")
    schema(document, "written").validate(answer.json())
    state = http.request("GET", f"/v1/_writes/{answer.position}")
    schema(document, "write_status").validate(state.json())
