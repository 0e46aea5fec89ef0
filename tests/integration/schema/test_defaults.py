"""Defaults that are made for each document: the time, and a UUID."""

import json
import uuid
from datetime import datetime, timedelta, timezone

import pytest
from harness.sessions import PATCH

WAIT = {"Prefer": "wait=10", "Content-Type": "application/json"}
TIME = {"type": "string", "format": "date-time"}
THINGS = {
    "name": "things",
    "key": {"type": "integer"},
    "fields": {
        "name": {"type": "string", "maxLength": 20, "nullable": True},
        "at": {**TIME, "default": {"now": True}},
        "mark": {"type": "string", "format": "uuid", "default": {"uuid": 7}},
        "maybe": {**TIME, "nullable": True, "default": {"now": True}},
    },
}


@pytest.fixture
def http(deployment, tmp_path):
    (tmp_path / "things.json").write_text(json.dumps(THINGS))
    deployment.collections = tmp_path
    deployment.migrate()
    return deployment.start_all().http


def send(http, method, path, document, **headers):
    kind = PATCH if method == "PATCH" else "application/json"
    body = json.dumps(document).encode()
    answer = http.request(method, path, body, {**WAIT, "Content-Type": kind, **headers})
    assert answer.status in (200, 201), answer
    return answer


def made(http, path):
    """The document, whose values were made just now."""
    document = http.request("GET", path).json()
    age = datetime.now(timezone.utc) - datetime.fromisoformat(document["at"])
    assert timedelta(seconds=-1) < age < timedelta(seconds=30)
    assert uuid.UUID(document["mark"]).version == 7
    return document


def test_of_each_document(deployment, http):
    paths = [send(http, "POST", "/v1/things", {"name": n}).header("Location") for n in "abc"]
    documents = [made(http, path) for path in paths]
    assert len({d["mark"] for d in documents}) == 3
    assert all(d["maybe"] == d["at"] or d["maybe"] > d["at"] for d in documents)
    # What was answered is what the row has.
    rows = deployment.sql("SELECT mark::text, at FROM things")
    assert set(rows) == {(d["mark"], datetime.fromisoformat(d["at"])) for d in documents}


def test_a_value_of_the_client_counts(http):
    own = {"at": "2001-02-03T04:05:06+00:00", "mark": str(uuid.uuid4()), "maybe": None}
    send(http, "PUT", "/v1/things/-1", own)
    assert http.request("GET", "/v1/things/-1").json().items() >= own.items()


def test_a_put_and_a_patch_make_new_ones(http):
    send(http, "PUT", "/v1/things/-2", {})
    first = made(http, "/v1/things/-2")
    send(http, "PUT", "/v1/things/-2", {})
    second = made(http, "/v1/things/-2")
    assert second["mark"] != first["mark"] and second["at"] > first["at"]
    send(http, "PATCH", "/v1/things/-2", {"name": "n"})
    third = made(http, "/v1/things/-2")
    assert (third["mark"], third["at"]) == (second["mark"], second["at"])
    send(http, "PATCH", "/v1/things/-2", {"mark": None, "maybe": None})
    last = made(http, "/v1/things/-2")
    assert last["mark"] != third["mark"] and last["maybe"] is None


def test_a_request_that_is_sent_again_is_the_same(http):
    first = send(http, "POST", "/v1/things", {}, **{"Idempotency-Key": "once"})
    again = send(http, "POST", "/v1/things", {}, **{"Idempotency-Key": "once"})
    assert again.json()["key"] == first.json()["key"]
    assert http.request("GET", "/v1/things").json()[1:] == []


def test_a_bulk(http):
    body = json.dumps([{"name": str(i)} for i in range(50)]).encode()
    assert http.request("POST", "/v1/things", body, WAIT).status == 200
    documents = http.request("GET", "/v1/things").json()
    assert len({d["mark"] for d in documents}) == 50
