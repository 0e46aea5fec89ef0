"""Who changed a document last is one of its fields."""

import json
import threading

import pytest
from harness.callers import Guarded
from harness.sessions import PATCH

INCREMENT = "application/vnd.sluice.increment+json"
PAGES = {
    "name": "pages",
    "key": {"type": "string"},
    "fields": {
        "text": {"type": "string", "nullable": True},
        "n": {"type": "integer", "default": 0},
    },
    "updated_by": True,
    "list": {"filter": ["updated_by"]},
    "access": {
        "customer": ["read", "list", "create", "update", "delete", "bulk", "changes"],
        "editor": ["read", "list", "create", "update", "delete", "bulk"],
        "anonymous": ["create", "update", "read"],
    },
}


@pytest.fixture(scope="module")
def guarded(servers, module_deploy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("collections")
    (folder / "pages.json").write_text(json.dumps(PAGES))
    return Guarded(module_deploy(servers, collections=folder), apis=2)


def send(client, method, key, document=None, kind="application/json", status=(200, 201, 204)):
    body = json.dumps(document).encode() if document is not None else None
    headers = {"Content-Type": kind, "Prefer": "wait=10"}
    answer = client.request(method, f"/v1/pages/{key}", body, headers)
    assert answer.status in status, answer
    return answer


def by(client, key):
    return client.request("GET", f"/v1/pages/{key}").json()["updated_by"]


def test_every_kind_of_write(guarded):
    ann, ben, editor = (guarded.as_(name) for name in ("ann", "ben", "editor"))
    send(ann, "PUT", "k", {"text": "x"})
    assert by(ben, "k") == "ann"
    send(ben, "PATCH", "k", {"text": "y"}, PATCH)
    assert by(ann, "k") == "ben"
    send(editor, "PATCH", "k", {"n": 1}, INCREMENT)
    assert by(ann, "k") == "ed"
    send(ann, "PUT", "k", {"text": "z"})
    assert by(ben, "k") == "ann"
    # A write that is refused changes nothing.
    send(ben, "PATCH", "k", {"n": 2**63 - 1}, INCREMENT)
    send(ann, "PATCH", "k", {"n": 2**63 - 1}, INCREMENT, status=(422,))
    assert by(ann, "k") == "ben"
    send(ann, "DELETE", "k")
    send(guarded.as_("none"), "PUT", "k", {})
    assert by(ann, "k") is None


def test_nobody_sets_it(guarded):
    ann = guarded.as_("ann")
    for method, key, document, kind in (
        ("PUT", "own", {"updated_by": "ben"}, "application/json"),
        ("PUT", "own", {"updated_by": None}, "application/json"),
        ("PATCH", "own", {"updated_by": "ben"}, PATCH),
        ("PATCH", "own", {"updated_by": 1}, INCREMENT),
    ):
        answer = send(ann, method, key, document, kind, status=(422,))
        assert answer.pointers == ["/updated_by"], answer


def test_lists_and_bulks(guarded):
    ben = guarded.as_("ben")
    body = json.dumps([{"key": f"b{i}"} for i in range(20)]).encode()
    answer = ben.request(
        "POST", "/v1/pages", body, {"Content-Type": "application/json", "Prefer": "wait=10"}
    )
    assert answer.status == 200, answer
    found = ben.request("GET", "/v1/pages?updated_by=eq.ben&order=key.asc").json()
    assert {f"b{i}" for i in range(20)} <= {d["key"] for d in found}
    assert {d["updated_by"] for d in found} == {"ben"}


def test_the_last_one_of_many(guarded):
    """In the order of the log, however the writes are folded."""
    versions = {}

    def write(name, kind, document):
        client = guarded.as_(name)
        for _ in range(40):
            answer = send(client, "PATCH", "many", document, kind)
            versions[int(answer.position.split("-")[1])] = name

    send(guarded.as_("ann"), "PUT", "many", {})
    writers = [
        threading.Thread(target=write, args=args)
        for args in (
            ("ann", PATCH, {"text": "a"}),
            ("ben", INCREMENT, {"n": 1}),
            ("editor", PATCH, {"text": "e"}),
        )
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(versions) == 120
    subject = {"editor": "ed"}
    last = versions[max(versions)]
    assert by(guarded.as_("ann"), "many") == subject.get(last, last)


def test_what_openapi_says(guarded):
    schemas = guarded.as_("operator").request("GET", "/openapi.json").json()["components"]["schemas"]
    has = {name for name, schema in schemas.items()
           if name.startswith("pages_") and "updated_by" in schema.get("properties", {})}
    assert has == {"pages_document", "pages_part"}
    assert "updated_by" in schemas["pages_document"]["required"]
