"""A deployment that declares none of the shipped collections."""

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
