"""A deployment that declares none of the shipped collections."""

import json

from harness.servers import ROOT
from openapi_spec_validator import OpenAPIV31SpecValidator


def test_without_the_shipped_collections(deployment):
    """What needs none of them is served; what does is not described."""
    deployment.collections = f"{ROOT}/tests/collections/counters.json"
    http = deployment.start_all().http
    for path in ("/health", "/stats", "/v1", "/docs", "/", "/openapi.json"):
        assert http.request("GET", path).status == 200, path
    document = http.request("GET", "/openapi.json").json()
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
    assert {"/v1/counters", "/v1/counters/{key}", "/health"} <= set(document["paths"])
    for path in ("/read/x", "/posts", "/posts/1", "/products/1", "/v1/records/x"):
        assert http.request("GET", path).problem == "collection-not-found", path
        assert not any(p.startswith(path[:5]) for p in document["paths"] if "/v1" not in p)


RECORDS = {
    "name": "records",
    "key": {"type": "string"},
    "fields": {
        "value": {"type": "string", "pattern": "^[a-z]+$"},
        "mood": {"type": "string", "default": "good"},
    },
    "required": ["value"],
}


def test_the_reference_write_of_own_records(deployment, tmp_path):
    """It is held to their declaration, and has its defaults."""
    (tmp_path / "records.json").write_text(json.dumps(RECORDS))
    deployment.collections = str(tmp_path)
    deployment.migrate()
    http = deployment.start_all().http

    def write(value):
        body = json.dumps({"key": "a", "value": value}).encode()
        return http.request("POST", "/write", body, {"Content-Type": "application/json"})

    refused = write("no capitals: A")
    assert (refused.status, refused.problem) == (422, "validation-failed"), refused
    assert refused.pointers == ["/value"]
    assert http.get("a").status == 404
    assert write("small").status == 200
    found = http.get("a").json()
    assert (found["value"], found["mood"]) == ("small", "good")
