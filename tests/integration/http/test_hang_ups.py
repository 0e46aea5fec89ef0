"""A client that resets, half-closes or closes its connection at any moment ends its
own request and nobody else's: on every route, with every kind of answer."""

import contextlib
import json
import socket

import pytest
from harness.client import key_path
from harness.hangup import hang_up
from harness.wait import wait_until

TIMES = 300  # of each ending, of each request
JSON = {"Content-Type": "application/json"}
WAITED = {**JSON, "Prefer": "wait=5"}
LINES = {"Content-Type": "application/x-ndjson", "Prefer": "wait=5"}
FEED = {"Accept": "text/event-stream"}
EXPORT = {"Accept": "application/x-ndjson"}
RECORD = "/v1/{collection}/{key}"
POST = '{"title":"a","content":"b","author":"c"}'
PRODUCT = '{"name":"a","category":"b","price":1}'
BATCH = (
    '[{"op":"put","collection":"accounts","key":"hung:up","document":{"balance":1}},'
    '{"op":"put","collection":"transfers","key":"hung:up","document":{"amount":1}}]'
)
COUNTER = '{"count":%d}'
OPERATIONS = "".join(
    '{"op":"increment","key":"written","document":{"count":1}}\n' for _ in range(3)
)


def http(method, target, headers=None, body="", sent=None):
    """The bytes of a request; `sent`: how many of its body's."""
    headers = {"Host": "127.0.0.1", **(headers or {})}
    if body or method not in ("GET", "HEAD"):
        headers.setdefault("Content-Length", str(len(body)))
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{method} {target} HTTP/1.1\r\n{head}\r\n{body[:sent]}".encode()


def chunked(target, headers, *pieces):
    head = http("GET", target, {**headers, "Transfer-Encoding": "chunked"}).replace(b"GET", b"POST")
    return head + b"".join(b"%x\r\n%s\r\n" % (len(p), p.encode()) for p in pieces)


def pages():
    """The routes that take nothing, and the console: (method, path) -> requests."""
    paths = ("/v1", "/openapi.json", "/", "/docs", "/health", "/stats", "/stats/history",
             "/cache-stats", "/cache/stats", "/cache/performance")  # fmt: skip
    return {
        **{("GET", path): [http("GET", path)] for path in paths},
        ("GET", "/assets/{version}/{file}"): [http("GET", "/assets/current/main.js")],
        ("GET", "/inspect/{name}/{document}"): [http("GET", "/inspect/records/hit")],
        ("GET", "/rejections"): [http("GET", "/rejections")],
        ("POST", "/rejections/{position}/requeue"): [http("POST", "/rejections/0-1/requeue")],
        ("DELETE", "/rejections/{position}"): [http("DELETE", "/rejections/0-1")],
        ("DELETE", "/cache"): [http("DELETE", "/cache")],
        ("DELETE", "/cache/{name}"): [http("DELETE", "/cache/records")],
        ("DELETE", "/cache/{name}/{document}"): [http("DELETE", "/cache/records/hit")],
    }


def reads(etag, position, unreached):
    hit, miss = key_path("hit"), key_path("nothing here")
    return {
        ("GET", RECORD): [
            http("GET", hit),
            http("HEAD", hit),
            http("GET", miss),
            http("GET", miss, {"Cache-Control": "no-cache"}),
            http("GET", hit, {"If-None-Match": etag}),
            http("GET", hit, {"Sluice-Read-After": position}),
            http("GET", hit, {"Sluice-Read-After": unreached}),
            http("GET", "/v1/unknown/x"),
        ],
        ("GET", "/v1/{collection}"): [
            http("GET", "/v1/records?limit=5"),
            http("GET", "/v1/records?limit=5", {"Cache-Control": "no-cache"}),
            http("GET", "/v1/records", EXPORT),
            http("GET", "/v1/records", {**EXPORT, "Sluice-Read-After": unreached}),
        ],
        ("GET", "/v1/{collection}/_export"): [
            http("GET", "/v1/records/_export?key=eq.hit"),
        ],
        ("POST", "/v1/{collection}/{key}/_touch"): [
            http("POST", "/v1/records/hit/_touch"),
            http("POST", "/v1/records/hit/_touch", {"Prefer": "wait=30"}),
        ],
        ("GET", "/v1/{collection}/_count"): [
            http("GET", "/v1/records/_count"),
            http("GET", "/v1/records/_count", {"Cache-Control": "no-cache"}),
            http("GET", "/v1/records/_count", {"Sluice-Read-After": unreached}),
        ],
        ("GET", "/v1/_group/{group}"): [
            http("GET", "/v1/_group/hung"),
            http("GET", "/v1/_group/hung?collections=accounts", {"Cache-Control": "no-cache"}),
            http("GET", "/v1/_group/hung", {"Sluice-Read-After": unreached}),
        ],
        ("GET", "/v1/{collection}/_changes"): [http("GET", "/v1/records/_changes", FEED)],
        ("GET", "/v1/_writes/{position}"): [
            http("GET", f"/v1/_writes/{position}"),
            http("GET", f"/v1/_writes/{unreached}"),
        ],
        ("GET", "/read/{key}"): [http("GET", "/read/hit"), http("GET", "/read/nothing")],
        ("GET", "/posts"): [http("GET", "/posts?limit=3")],
        ("GET", "/posts/{id}"): [http("GET", "/posts/1")],
        ("GET", "/products"): [http("GET", "/products?limit=3")],
        ("GET", "/products/{id}"): [http("GET", "/products/1")],
    }


def writes(etag):
    path = key_path("written", "counters")
    many = "\n".join(COUNTER % n for n in range(3))
    bulk = "/v1/counters"
    return {
        ("PUT", RECORD): [
            http("PUT", path, WAITED, COUNTER % 1),
            http("PUT", path, JSON, COUNTER % 1),
            http("PUT", path, {**WAITED, "If-Match": etag}, COUNTER % 1),
            http("PUT", path, {**WAITED, "Idempotency-Key": "hung-up"}, COUNTER % 1),
            http("PUT", path, WAITED, '{"count":"no"}'),
            http("PUT", path, WAITED, COUNTER % 1, sent=5),
            http("PUT", path, {**WAITED, "Expect": "100-continue"}, COUNTER % 1, sent=0),
        ],
        ("PATCH", RECORD): [http("PATCH", path, WAITED, COUNTER % 2)],
        ("DELETE", RECORD): [http("DELETE", path, WAITED)],
        ("POST", "/v1/{collection}"): [
            http("POST", "/v1/posts", WAITED, POST),
            http("POST", bulk, WAITED, f"[{many}]".replace("\n", ",")),
            http("POST", bulk, LINES, many),
            http("POST", bulk, LINES, many, sent=len(many) // 2),
            chunked(bulk, LINES, many),
            chunked(bulk, LINES, many, ""),
        ],
        ("POST", "/v1/{collection}/_bulk"): [
            http("POST", bulk + "/_bulk", LINES, OPERATIONS),
            http("POST", bulk + "/_bulk", LINES, OPERATIONS, sent=50),
        ],
        ("POST", "/v1/_batch"): [
            http("POST", "/v1/_batch", WAITED, BATCH),
            http("POST", "/v1/_batch", JSON, BATCH),
            http("POST", "/v1/_batch", WAITED, BATCH, sent=20),
        ],
        ("POST", "/write"): [http("POST", "/write", JSON, '{"key":"written","value":"x"}')],
        ("POST", "/posts"): [http("POST", "/posts", JSON, POST)],
        ("PUT", "/posts/{id}"): [http("PUT", "/posts/1", JSON, POST)],
        ("DELETE", "/posts/{id}"): [http("DELETE", "/posts/987654")],
        ("POST", "/products"): [http("POST", "/products", JSON, PRODUCT)],
        ("PUT", "/products/{id}"): [http("PUT", "/products/1", JSON, PRODUCT)],
        ("DELETE", "/products/{id}"): [http("DELETE", "/products/987654")],
        ("POST", "/cache/clear"): [http("POST", "/cache/clear", JSON)],
        ("POST", "/clear-cache"): [http("POST", "/clear-cache", JSON)],
    }


REFUSALS = [
    http("GET", "/no/such/route"),
    http("POST", "/no/such/route", JSON, COUNTER % 1),
    http("POST", "/health", JSON, COUNTER % 1),
    http("PUT", key_path("large"), {**JSON, "Content-Length": "99999999999"}),
    b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHo",
    b"GE",
]


def admin():
    key = key_path("hit").removeprefix("/v1")
    paths = ("/livez", "/readyz", "/metrics", "/stats", "/config", f"/inspect{key}", "/nothing")
    return [
        *(http("GET", path) for path in paths),
        *(http("DELETE", f"/cache{what}", JSON) for what in (key, "/records", "")),
    ]


def declared(http_client):
    """(method, path) of every operation that the API tells of, with the names of
    collections as a parameter."""
    document = http_client.request("GET", "/openapi.json").json()
    names = [c["name"] for c in http_client.request("GET", "/v1").json()["collections"]]
    for path, item in document["paths"].items():
        for method in item.keys() & {"get", "put", "post", "patch", "delete"}:
            first, *rest = path.removeprefix("/v1/").split("/")
            if path.startswith("/v1/") and first in names:
                rest = ["{key}" if name.startswith("{") else name for name in rest]
                path = "/".join(["/v1", "{collection}", *rest])
            yield method.upper(), path


@pytest.fixture
def routes(http):
    made = http.put("hit", "here", prefer="wait=10")
    etag, position = made.header("ETag"), made.position
    partition, version = position.split("-")
    unreached = f"{partition}-{int(version) + 1_000_000}"
    for path, body in (("/products/1", PRODUCT), ("/posts/1", POST)):
        http.request("PUT", f"/v1{path}", body, WAITED)
    http.get("hit")
    return {**pages(), **reads(etag, position, unreached), **writes(etag)}


def is_whole(message):
    """Is an answer to it to come?"""
    head, _, body = message.partition(b"\r\n\r\n")
    lines = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
    if b"Transfer-Encoding" in lines:
        return body.endswith(b"0\r\n\r\n")
    length = lines.get(b"Content-Length", b"0")
    refused = not length.isdigit() or int(length) > 1 << 30
    return b"\r\n\r\n" in message and (refused or len(body) == int(length))


def head_of_answer(s):
    said = b""
    while b"\r\n\r\n" not in said:
        data = s.recv(65536)
        assert data, f"closed after {said}"
        said += data
    return said.partition(b"\r\n\r\n")[0].decode("latin-1")


def test_no_browser_guesses_a_type(world, api, routes):
    """Every answer of every listener has `nosniff`, once."""
    requests = [(api.http.port, m) for of_one in routes.values() for m in of_one]
    requests += [(api.http.port, m) for m in REFUSALS]
    for kind in ("api", "writer", "projector"):
        requests += [(d.admin.port, m) for d in world.of(kind)[:1] for m in admin()]
    with contextlib.ExitStack() as stack:
        asked = []
        for port, message in requests:
            if is_whole(message):
                s = stack.enter_context(socket.create_connection(("127.0.0.1", port), 30))
                s.sendall(message)
                asked.append((message, s))
        for message, s in asked:
            head = head_of_answer(s)
            assert head.count("X-Content-Type-Options: nosniff") == 1, (message, head)


@pytest.mark.seconds(300)
def test_hang_ups(world, api, http, routes):
    missing = set(declared(http)) - routes.keys()
    assert not missing, f"no requests for {sorted(missing)}"
    requests = [(api.http.port, m) for of_one in routes.values() for m in of_one]
    requests += [(api.http.port, m) for m in REFUSALS]
    requests += [(api.admin.port, m) for m in admin()]
    hang_up(requests, TIMES, seed=12)
    for daemon in world.of("api"):
        daemon.check_alive()
    for gauge in ("sluice_parked_requests", "sluice_exports_running", "sluice_change_feeds",
                  "sluice_bulks"):  # fmt: skip
        wait_until(lambda gauge=gauge: api.metrics()[gauge] == 0, 15, f"{gauge} is 0")
    http.forget()
    assert http.put("after", "all", prefer="wait=20").status in (200, 201)
    assert http.value("after") == "all"
    assert json.loads(http.request("GET", "/health").body)["status"] == "healthy"
