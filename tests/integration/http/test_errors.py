"""What is refused, and how: RFC 9457 problem details that point at the fault.

None of it reaches the log.
"""

import json
import socket

import pytest
from harness.client import key_path

RECORD = key_path("errors")


@pytest.fixture(autouse=True)
def nothing_reaches_the_log(world):
    before = sum(world.ends())
    yield
    assert sum(world.ends()) == before


def is_problem(answer, status, kind, *pointers):
    """A problem of this kind that points at these members."""
    assert (answer.status, answer.problem) == (status, kind), answer
    problem = answer.json()
    assert problem["status"] == status
    assert problem["title"] and problem["detail"]
    assert answer.pointers == list(pointers), problem
    assert all(e["detail"] for e in problem.get("errors", []))
    return problem


def put(http, body, **more):
    return http.put_raw("errors", body, **more)


# --- the body is not JSON ---------------------------------------------------------


@pytest.mark.parametrize(
    "body, offset",
    [
        (b"", 0),
        (b"{", 1),
        (b'{"value":}', 10),
        (b'{"value":"a"', 12),
        (b'{"value":"a"} x', 15),
        (b'{"value":"a",}', 14),
        (b"{'value':'a'}", 2),
        (b"nothing", 7),
        (b'{"value":"\\x"}', 13),
        (b'{"value":"\\ud800"}', 18),
        (b'{"value":"\n"}', 11),
        (b'{"value":"a"}{"value":"b"}', 14),
    ],
)
def test_malformed_json(http, body, offset):
    problem = is_problem(put(http, body), 400, "invalid-json")
    # The offset is where the parser gave up: at the fault, or just behind it.
    assert 0 <= problem["offset"] <= len(body), problem
    assert abs(problem["offset"] - offset) <= 8, problem
    assert str(problem["offset"]) in problem["detail"]


def test_a_byte_order_mark(http):
    """Of every body that takes JSON; a line that has one is refused alone."""
    marked = b'\xef\xbb\xbf{"value":"a"}'
    told = "a byte order mark is here: send the JSON without it"
    lines = {"Content-Type": "application/x-ndjson"}
    for answer in (
        put(http, marked),
        http.request("POST", "/v1/records", marked, {"Content-Type": "application/json"}),
        http.request("POST", "/write", marked, {"Content-Type": "application/json"}),
    ):
        assert answer.status == 400 and told in answer.body.decode(), answer
    answer = http.request("POST", "/v1/records", marked, lines)
    assert told in answer.body.decode(), answer
    assert '"position"' not in answer.body.decode(), answer


def test_a_nul_character(http):
    problem = is_problem(put(http, b'{"value":"a\\u0000b"}'), 400, "invalid-json")
    assert "0000" in problem["detail"]
    is_problem(put(http, b'{"value":"a\0b"}'), 400, "invalid-json")
    is_problem(put(http, b'{"a\\u0000b":"x"}'), 400, "invalid-json")


@pytest.mark.parametrize(
    "raw", [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe4\xb8"]
)
def test_invalid_utf8(http, raw):
    problem = is_problem(put(http, b'{"value":"' + raw + b'"}'), 400, "invalid-json")
    assert problem["offset"] <= 16


def test_a_duplicate_member(http):
    answer = put(http, b'{"value":"a","value":"b"}')
    problem = is_problem(answer, 400, "invalid-json")
    assert "duplicate" in problem["detail"]


def test_a_very_deep_document(http):
    is_problem(put(http, b"[" * 100_000), 400, "invalid-json")


def test_huge_numbers(http):
    """They are JSON, and read as such, but no value of a string."""
    is_problem(put(http, b'{"value":1e999999}'), 422, "validation-failed", "/value")


# --- the document does not validate -------------------------------------------------


@pytest.mark.parametrize(
    "document, pointers",
    [
        ({}, ["/value"]),
        ({"value": 1}, ["/value"]),
        ({"value": None}, ["/value"]),
        ({"value": True}, ["/value"]),
        ({"value": ["a"]}, ["/value"]),
        ({"value": {"a": "b"}}, ["/value"]),
        ({"value": "a", "more": 1}, ["/more"]),
        ({"value": "a", "a/b~c": 1}, ["/a~1b~0c"]),
        ({"value": "a", "created_at": "2020-01-01"}, ["/created_at"]),
        ({"value": "a", "version": 7}, ["/version"]),
        ({"value": "a", "key": "other"}, ["/key"]),
        ({"value": "a", "key": 7}, ["/key"]),
        ({"one": 1, "two": 2}, ["/one", "/two", "/value"]),
        ([], [""]),
        ("a", [""]),
        (7, [""]),
        (None, [""]),
    ],
)
def test_validation(http, document, pointers):
    answer = put(http, json.dumps(document).encode())
    is_problem(answer, 422, "validation-failed", *pointers)


# --- media type, size ------------------------------------------------------------------


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
        "json",
        "text/json+x",
    ],
)
def test_media_types_that_are_not_json(http, content_type):
    answer = put(http, b'{"value":"a"}', content_type=content_type)
    is_problem(answer, 415, "unsupported-media-type")


@pytest.mark.parametrize(
    "method, path, content_type",
    [
        ("PUT", "/v1/products/77", "application/merge-patch+json"),
        ("PUT", "/v1/products/77", "application/vnd.sluice.increment+json; v=1"),
        ("PUT", "/v1/products/77", "application/json-patch+json"),
        ("POST", "/v1/products", "application/merge-patch+json"),
        ("PATCH", "/v1/products/77", "application/json-patch+json"),
        ("PATCH", "/v1/products/77", "application/vnd.x+json"),
    ],
)
def test_a_patch_is_no_document_and_not_another_patch(http, method, path, content_type):
    """What says how to change a row does not replace it, nor is it merged."""
    body = b'{"name":"n","category":"c","price":1}'
    answer = http.request(method, path, body, {"Content-Type": content_type})
    is_problem(answer, 415, "unsupported-media-type")


def test_a_body_that_is_too_large(http):
    body = b'{"value":"' + b"x" * (1024 * 1024) + b'"}'
    is_problem(put(http, body), 413, "payload-too-large")


def test_a_chunked_body_that_is_too_large(http):
    chunks = (b"x" * 65536 for _ in range(17))
    headers = {"Content-Type": "application/json"}
    answer = http.request("PUT", RECORD, chunks, headers)
    is_problem(answer, 413, "payload-too-large")


# --- keys ----------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "escaped",
    [
        "k" * 256,
        "%61" * 256,
        "%C3%9F" * 128,
        "a%00b",
        "%FF",
        "%C0%AF",
        "%ED%A0%80",
        "a%",
        "a%2",
        "a%zz",
        "",
    ],
)
def test_bad_keys(http, method, escaped):
    """Nothing can be there to be read; what is to be written is refused."""
    headers = {"Content-Type": "application/json"}
    body = b'{"value":"a"}' if method == "PUT" else None
    answer = http.request(method, f"/v1/records/{escaped}", body, headers)
    if method == "GET":
        is_problem(answer, 404, "not-found")
    else:
        is_problem(answer, 422, "validation-failed", "/key")


def test_a_reserved_segment_is_no_key(http):
    is_problem(http.request("GET", "/v1/records/_x"), 404, "not-found")
    is_problem(http.request("DELETE", "/v1/records/_x"), 404, "not-found")


# --- routes -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/v2/records/a",
        "/v1/records/a/b",
        "/v1/records/a/b/c/d/e/f/g",
        "/v1/_nothing",
        "//v1/records/a",
        "/read",
        "/read/a/b",
        "/health/",
        "/%76%31x",
    ],
)
def test_paths_that_lead_nowhere(http, path):
    is_problem(http.request("GET", path), 404, "not-found")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_unknown_collections(http, method):
    headers = {"Content-Type": "application/json"}
    answer = http.request(method, "/v1/unknown/a", b'{"value":"a"}', headers)
    is_problem(answer, 404, "collection-not-found")


@pytest.mark.parametrize(
    "method, path, allow",
    [
        ("POST", RECORD, {"GET", "HEAD", "PUT", "PATCH", "DELETE"}),
        ("NONSENSE", RECORD, {"GET", "HEAD", "PUT", "PATCH", "DELETE"}),
        ("DELETE", "/v1", {"GET", "HEAD"}),
        ("GET", "/write", {"POST"}),
        ("POST", "/read/a", {"GET", "HEAD"}),
        ("PUT", "/health", {"GET", "HEAD"}),
        ("POST", "/stats", {"GET", "HEAD"}),
    ],
)
def test_methods_that_are_not_allowed(http, method, path, allow):
    answer = http.request(method, path, b"" if method in ("POST", "PUT") else None)
    is_problem(answer, 405, "method-not-allowed")
    assert {m.strip() for m in answer.header("Allow").split(",")} == allow


def test_head_of_a_problem_has_no_body(http):
    answer = http.request("HEAD", "/nothing")
    assert (answer.status, answer.body) == (404, b"")
    assert answer.header("Content-Type") == "application/problem+json"


# --- what no route offers ----------------------------------------------------------------

JSON = {"Content-Type": "application/json"}
ROUTES = [
    ("GET", "/v1", None), ("GET", "/v1/records/errors", None), ("GET", "/v1/records/absent", None),
    ("HEAD", "/v1/records/errors", None), ("PUT", "/v1/records/errors", b'{"value":"a"}'),
    ("PATCH", "/v1/records/errors", b'{"value":"a"}'), ("DELETE", "/v1/records/errors", None),
    ("POST", "/v1/records", b'{"value":"a"}'), ("POST", "/v1/records", b'[{"value":"a"}]'),
    ("GET", "/v1/_writes/0-1", None), ("GET", "/v1/records/_changes", None),
]  # fmt: skip
OTHERS = [
    ("GET", "/v1/records", None), ("GET", "/health", None), ("GET", "/stats", None),
    ("GET", "/cache-stats", None), ("GET", "/cache/stats", None), ("GET", "/cache/performance", None),
    ("POST", "/clear-cache", None), ("GET", "/read/a", None), ("POST", "/write", b'{"key":"a","value":"b"}'),
    ("GET", "/posts", None), ("GET", "/posts/1", None), ("DELETE", "/posts/1", None),
    ("GET", "/products", None), ("POST", "/products", b"{}"), ("GET", "/openapi.json", None),
    ("GET", "/", None), ("GET", "/docs", None),
]  # fmt: skip


NOT_HAD = ["text/xml", "text/csv", "application/xml, text/*;q=0", "*/*;q=0"]
CSV_LIST = ("GET", "/v1/records", "text/csv")  # this one has it


@pytest.mark.parametrize(
    "method, path, body, accept",
    [
        (*route, accept)
        for route in ROUTES + OTHERS
        for accept in NOT_HAD
        if (*route[:2], accept) != CSV_LIST
    ],
)
def test_a_type_that_cannot_be_had(http, method, path, body, accept):
    answer = http.request(method, path, body, {**JSON, "Accept": accept})
    if method == "HEAD":
        assert answer.status == 406
        return
    problem = is_problem(answer, 406, "not-acceptable")
    assert "/" in problem["detail"]


@pytest.mark.parametrize(
    "path, accept",
    [
        ("/v1", "application/*"),
        ("/v1", "text/csv, application/json;q=0.1"),
        ("/v1/records", "application/json, text/plain, */*"),
        ("/v1/records", "application/x-ndjson"),
        ("/", "text/html,application/xhtml+xml;q=0.9"),
        ("/openapi.json", "application/json"),
        ("/health", ""),
    ],
)
def test_a_type_that_can_be_had(http, path, accept):
    assert http.request("GET", path, headers={"Accept": accept}).status == 200


@pytest.mark.parametrize("query, name", [("?wait=5", "wait"), ("?a=1&b=2", "a"), ("?%C3%A9", "é"), ("?=", "")])
@pytest.mark.parametrize("method, path, body", ROUTES)
def test_parameters_that_are_not_understood(http, method, path, body, query, name):
    answer = http.request(method, path + query, body, JSON)
    if method == "HEAD":
        assert answer.status == 400
        return
    assert is_problem(answer, 400, "invalid-filter")["parameter"] == name


def test_a_query_without_parameters_asks_nothing(http):
    for query in "?", "?&", "?&&":
        assert http.request("GET", f"/v1{query}").status == 200


# --- headers -----------------------------------------------------------------------------


@pytest.mark.parametrize("position", ["x", "1", "1-", "-1", "1-x", "999-1", "01-1", "0-00"])
def test_bad_positions(http, position):
    answer = http.get("errors", Sluice_Read_After=position)
    is_problem(answer, 422, "validation-failed", "/Sluice-Read-After")


def test_headers_that_are_too_large(http):
    answer = http.get("errors", X_Large="x" * 64_000)
    assert answer.status in (413, 414, 431), answer


def raw_exchange(port, request):
    """What a server answers to these bytes, until it closes."""
    with socket.create_connection(("127.0.0.1", port), 10) as s:
        s.sendall(request)
        s.shutdown(socket.SHUT_WR)
        answer = b""
        while data := s.recv(65536):
            answer += data
    return answer


@pytest.mark.parametrize(
    "request_line",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET\r\n\r\n",
        b"PUT /v1/records/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        b"PUT /v1/records/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5x\r\n\r\nabcde",
        b"GET /v1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nabcde",
        b"GET /v1 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
        b"0\r\n\r\n",
        b"PUT /v1/records/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_requests_that_are_not_http(http, request_line):
    """Refused or cut, and the server goes on."""
    answer = raw_exchange(http.port, request_line)
    assert b" 2" not in answer.split(b"\r\n")[0]
    assert http.request("GET", "/v1").status == 200


# --- problems tell nothing about the inside ------------------------------------------------


def test_titles_and_types_are_stable(http):
    """A client may match on them: one kind, one status, one title."""
    seen = {}
    answers = [
        put(http, b"{"),
        put(http, b"{}"),
        put(http, b"{}", content_type="text/plain"),
        http.request("GET", "/nothing"),
        http.request("GET", "/v1/unknown/a"),
        http.request("POST", "/health", b""),
        http.get("errors"),
    ]
    for answer in answers:
        problem = answer.json()
        assert set(problem) <= {"type", "status", "title", "detail", "errors", "offset", "request_id"}
        kind = (problem["status"], problem["title"])
        assert seen.setdefault(problem["type"], kind) == kind
