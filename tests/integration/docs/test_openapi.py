"""/openapi.json: valid OpenAPI 3.1, and true of what is answered."""

import datetime
import importlib
import io
import json
import os
import re
import subprocess
import sys
import uuid

import pytest
from harness.servers import ROOT
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
    schema(document, f"{name}_new").validate(sent)
    made = http.request("POST", f"/v1/{name}", json.dumps(sent).encode(), WAIT)
    assert made.status == 201, made
    schema(document, "receipt").validate(made.json())
    got = http.request("GET", made.header("Location"))
    schema(document, f"{name}_document").validate(got.json())


@pytest.mark.parametrize("name", DOCUMENTS)
def test_many_are_as_it_says(document, http, name):
    sent = [DOCUMENTS[name], {}, DOCUMENTS[name]]
    assert schema(document, f"{name}_create").is_valid(sent[::2])
    assert not schema(document, f"{name}_create").is_valid(sent)
    for body, headers in ((sent, WAIT), (sent, {"Content-Type": "application/json"})):
        answer = http.request("POST", f"/v1/{name}", json.dumps(body).encode(), headers)
        assert answer.status in (200, 202), answer
        schema(document, "results").validate(answer.json())
        schema(document, f"{name}_created").validate(answer.json())
    broken = json.dumps(sent).encode() + b"x"
    answer = http.request("POST", f"/v1/{name}", broken, WAIT)
    assert (answer.status, len(answer.json()["results"])) == (400, 3)
    schema(document, "problem").validate(answer.json())


def test_groups_are_as_it_says(document, http):
    put = [{"op": "put", "collection": "accounts", "key": "said:1", "document": {"balance": 1}}]
    assert http.request("POST", "/v1/_batch", json.dumps(put).encode(), WAIT).status == 200
    got = http.request("GET", "/v1/_group/said?collections=accounts,transfers")
    schema(document, "group").validate(got.json())
    (row,) = got.json()["collections"]["accounts"]
    schema(document, "accounts_document").validate(row["document"])
    operation = document["paths"]["/v1/_group/{group}"]["get"]
    names = {p.get("name", p.get("$ref", "").split("/")[-1]) for p in operation["parameters"]}
    assert {"group", "collections", "Sluice-Read-After"} <= names


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
    assert not schema(document, f"{name}_new").is_valid(bad)
    answer = http.request("POST", f"/v1/{name}", json.dumps(bad).encode(), WAIT)
    assert (answer.status, answer.problem) == (422, "validation-failed"), answer
    schema(document, "problem").validate(answer.json())


@pytest.mark.parametrize(
    "path, name",
    [("/health", "health"), ("/stats", "stats"), ("/stats/history", "history"), ("/cache-stats", "cache_stats"),
     ("/v1", "collections"), ("/read/nobody", "read")],
)  # fmt: skip
def test_pages_are_as_it_says(document, http, path, name):
    schema(document, name).validate(http.page(path))


def test_the_state_of_a_write_is_as_it_says(document, http):
    answer = http.write("openapi", "one")
    schema(document, "written").validate(answer.json())
    state = http.request("GET", f"/v1/_writes/{answer.position}")
    schema(document, "write_status").validate(state.json())


def test_reference_routes_are_as_it_says(document, http):
    def check(answer, name):
        assert answer.status in (200, 201), answer
        schema(document, name).validate(answer.json())
        return answer.json()

    def post(path, body):
        return http.request("POST", path, json.dumps(body).encode(), WAIT)

    made = check(post("/posts", DOCUMENTS["posts"]), "posts_cached")
    for name, path in ("posts_cached", f"/posts/{made['id']}"), ("posts_all", "/posts"):
        check(http.request("GET", path), name)
    product = check(post("/products", DOCUMENTS["products"]), "products_answer")["product"]
    path = f"/products/{product['id']}"
    check(http.request("GET", path), "products_answer")
    check(http.request("GET", "/products"), "products_answers")
    check(http.request("DELETE", path), "product_deleted")
    for cached in "posts_cached", "products_document":
        assert len(document["components"]["schemas"][cached]["properties"]) > 6


# --- what generators of clients need --------------------------------------------------


def every(node, path=""):
    """Every object in it, with its path."""
    if isinstance(node, dict):
        yield path, node
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for name, value in items:
        if isinstance(value, (dict, list)):
            yield from every(value, f"{path}/{name}")


def resolved(document, node):
    while "$ref" in node:
        _, kinds, kind, name = node["$ref"].split("/")
        node = document[kinds][kind][name]
    return node


def parameters(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            for parameter in operation["parameters"]:
                yield f"{method} {path}", resolved(document, parameter)


def test_nothing_in_it_stops_generators(document):
    """Each of these has made one leave out schemas, and all that uses them."""
    in_schemas = [
        (path, node)
        for path, node in every(document)
        if "/schema" in path and not path.endswith(("/properties", "/example", "/value"))
    ]
    for path, node in in_schemas:
        assert not isinstance(node.get("const"), bool), path
        if node.get("type") == "array" or "array" in (node.get("type") or []):
            assert "items" in node, path
        if node.get("format") == "uuid":
            assert "pattern" not in node, path
        if "$ref" in node:
            assert node["$ref"].count("/") == 3, (path, node["$ref"])
        if "enum" in node:
            assert "type" in node, path
    for where, parameter in parameters(document):
        assert "const" not in parameter["schema"], (where, parameter["name"])
    for name in document["components"]["schemas"]:
        assert name.isidentifier()
    for name, header in document["components"]["headers"].items():
        assert "const" not in header["schema"], name


def test_every_example_is_valid(document):
    for where, parameter in parameters(document):
        at = parameter["schema"]
        examples = [parameter["example"]] if "example" in parameter else at.get("examples", [])
        # A cursor holds for one list only; a limit says its bounds.
        known = parameter["name"] in ("cursor", "limit")
        assert examples or known or "examples" in resolved(document, at), (where, parameter)
        whole = {**at, "components": document["components"]}
        validator = Draft202012Validator(whole, format_checker=FormatChecker())
        for example in examples:
            validator.validate(example)
    problems = document["components"]["examples"]
    for name, problem in problems.items():
        schema(document, "problem").validate(problem["value"])
        assert problem["value"]["type"] == f"urn:sluice:problem:{name}"
    for path, item in document["paths"].items():
        for operation in item.values():
            for status, response in operation["responses"].items():
                media = response.get("content", {}).get("application/problem+json")
                for example in (media or {}).get("examples", {}).values():
                    said = resolved(document, example)["value"]
                    assert str(said["status"]) == status, path


# --- a client that is made of it -----------------------------------------------------


def generated(document, folder):
    """By openapi-python-client, into a package of its own. docs/clients.md has its settings."""
    (folder / "api.json").write_text(json.dumps(document))
    page = (ROOT / "docs/clients.md").read_text()
    (settings,) = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (folder / "client.yaml").write_text(settings)
    tools = os.path.dirname(sys.executable)
    done = subprocess.run(
        [os.path.join(tools, "openapi-python-client"), "generate", "--path", "api.json",
         "--config", "client.yaml", "--output-path", "made_client", "--meta", "none"],
        cwd=folder,
        env={**os.environ, "PATH": tools + os.pathsep + os.environ["PATH"]},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def made_client(document, world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("client")
    said = generated(document, folder)
    assert said.splitlines() == ["Generating made_client"], said
    sys.path.insert(0, str(folder))
    yield importlib.import_module("made_client").Client(
        base_url=f"http://127.0.0.1:{world.of('api')[0].http.port}"
    )
    sys.path.remove(str(folder))


CHANGES = {
    "records": {"value": "two"},
    "posts": {"title": "two"},
    "products": {"price": 1.5, "description": None},
    "counters": {"count": 8},
    "samples": {"mood": "good", "whole": None, "list": [2], "at": "2025-01-01T00:00:00+00:00"},
}
KEYS = {"posts": int, "products": int, "samples": uuid.UUID}


def comparable(value):
    """What is written in several ways: times, and numbers."""
    if isinstance(value, str) and value[4:5] == "-" and "T" in value:
        return datetime.datetime.fromisoformat(value)
    return value


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_generated_client_does_it_all(made_client, name):
    """Typed: models, and what is not typed is not accepted."""
    sent, change = DOCUMENTS[name], CHANGES[name]

    def call(operation, *path, **more):
        module = importlib.import_module(f"made_client.api.{name}.{name}_{operation}")
        return module.sync_detailed(*path, client=made_client, **more)

    def model(kind):
        module = importlib.import_module(f"made_client.models.{name}_{kind}")
        return getattr(module, f"{name}_{kind}".title().replace("_", ""))

    def read():
        answer = call("get", key)
        assert answer.status_code == 200 and isinstance(answer.parsed, model("document"))
        return {k: comparable(v) for k, v in answer.parsed.to_dict().items()}

    def has(document, wanted):
        return {k: document[k] for k in wanted} == {k: comparable(v) for k, v in wanted.items()}

    made = call("create", body=model("new").from_dict(sent), prefer="wait=10")
    assert (made.status_code, type(made.parsed).__name__) == (201, "Receipt"), made
    key = KEYS.get(name, str)(made.parsed.key)
    assert has(read(), sent)
    (listed,) = call("list", limit=1).parsed
    assert isinstance(listed, model("document"))
    put = call("put", key, body=model("put").from_dict(sent), prefer="wait=10, return=representation")
    assert put.status_code == 200 and isinstance(put.parsed, model("document")), put
    patched = call("patch", key, body=model("patch").from_dict(change), prefer="wait=10")
    assert patched.status_code == 200, patched
    assert has(read(), {**sent, **change})
    both = [model("new").from_dict(sent)] * 2
    many = call("create", body=both, prefer="wait=10")
    assert [item.status for item in many.parsed] == [201, 201]
    assert call("delete", key, prefer="wait=10").status_code == 204
    absent = call("get", key)
    assert (absent.status_code, absent.parsed.type_) == (404, "urn:sluice:problem:not-found")


def test_a_generated_client_sends_a_bulk(made_client):
    """Lines are a file, for it; those that it gets are bytes."""
    bulk = importlib.import_module("made_client.api.counters.counters_bulk")
    file = importlib.import_module("made_client.types").File
    puts = [{"op": "put", "key": f"bulk:{n}", "document": {"count": n}} for n in range(3)]
    lines = "".join(json.dumps(each) + "\n" for each in puts).encode()
    answer = bulk.sync_detailed(client=made_client, body=file(io.BytesIO(lines)), prefer="wait=10")
    assert answer.status_code == 200, answer
    results = [json.loads(line) for line in answer.content.splitlines()]
    assert [(each["key"], each["status"]) for each in results] == [(f"bulk:{n}", 201) for n in range(3)]
