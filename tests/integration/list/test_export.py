"""GET /v1/{collection} as NDJSON: all of it, in constant memory, or visibly broken."""

import http.client
import json
import pathlib
import re
import socket
import time
from urllib.parse import urlsplit

import pytest
from harness.client import key_path
from harness.proxy import Proxy
from harness.replica import behind_its_back, replay_paused, replica_caught_up
from harness.servers import at_database, at_port
from harness.wait import wait_until

NDJSON = {"Accept": "application/x-ndjson"}
JSON = {"Content-Type": "application/json"}
WAIT = {"Prefer": "wait=10"}
ROWS = 60_000
COMPLETE = ("sluice_exports_total", 'result="complete"')
BROKEN = ("sluice_exports_total", 'result="broken"')
REFUSED = ("sluice_exports_total", 'result="refused"')
RUNNING = "sluice_exports_running"


@pytest.fixture(scope="module")
def posts(world):
    """Rows of about 1 kB, made behind its back; the text needs escapes."""
    behind_its_back(
        world,
        "INSERT INTO posts (id, title, content, author, created_at, updated_at, version)"
        " SELECT i, 'Post \"' || i || '\"', repeat('l\u00edne ' || i || E'\\n\\\\', 70),"
        " 'author ' || i % 100, now(), now(), 0"
        f" FROM generate_series(1, {ROWS}) i",
    )


def export(http, collection, **headers):
    more = {name.replace("_", "-"): v for name, v in headers.items()}
    return http.request("GET", f"/v1/{collection}", headers={**NDJSON, **more})


def put(http, key, count):
    body = json.dumps({"count": count}).encode()
    answer = http.request("PUT", key_path(key, "counters"), body, {**JSON, **WAIT})
    assert answer.status in (200, 201), answer
    return answer.position


class Slow:
    """A client that reads only when it is told to."""

    def __init__(self, port, path="/v1/posts", version="1.1", address="127.0.0.1"):
        self.socket = socket.socket()
        self.socket.bind((address, 0))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        self.socket.settimeout(30)
        self.socket.connect(("127.0.0.1", port))
        self.socket.sendall(
            f"GET {path} HTTP/{version}\r\nHost: localhost\r\nAccept: application/x-ndjson\r\n\r\n".encode()
        )
        self.response = http.client.HTTPResponse(self.socket)

    def begin(self):
        self.response.begin()
        return self.response

    def close(self):
        self.response.close()
        self.socket.close()


def rss(api, peak=False):
    text = pathlib.Path(f"/proc/{api.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)" if peak else r"VmRSS:\s+(\d+)", text)[1]) * 1024


# --- what it is -----------------------------------------------------------------------


def test_all_of_it(world, posts, http, api):
    before = api.metrics()
    answer = export(http, "posts")
    assert answer.status == 200
    assert answer.header("Content-Type") == "application/x-ndjson"
    assert answer.header("Vary") == "Accept"
    assert answer.cache == "sluice; fwd=request; detail=replica"
    assert "replica;dur=" in answer.header("Server-Timing")
    lines = answer.body.split(b"\n")
    assert len(lines) == ROWS + 1 and lines.pop() == b""
    assert {json.loads(line)["id"] for line in lines} == set(range(1, ROWS + 1))
    for line in lines[:: ROWS // 20]:
        key = json.loads(line)["id"]
        assert http.request("GET", f"/v1/posts/{key}").body == line
    wait_until(lambda: api.metrics()[COMPLETE] - before[COMPLETE] == 1, 10, "its end")
    assert api.metrics()[RUNNING] == 0


def test_every_type_and_none(http):
    assert export(http, "samples").body == b""
    key = "2eb8aa08-aa98-71ea-b4aa-73b441d16380"
    document = {"text": "\\ \" \n", "at": "2026-01-01T00:00:00.5Z",
                "part": 1, "flag": True, "tree": {"b": [1]}, "large": 9007199254740993}  # fmt: skip
    body = json.dumps(document).encode()
    answer = http.request("PUT", key_path(key, "samples"), body, {**JSON, **WAIT})
    assert answer.status == 201
    one = http.request("GET", key_path(key, "samples")).body
    assert export(http, "samples").body == one + b"\n"


def test_head_and_accept(http):
    answer = http.request("HEAD", "/v1/counters", headers=NDJSON)
    assert (answer.status, answer.body) == (200, b"")
    assert answer.header("Content-Type") == "application/x-ndjson"
    for accept, kind in (
        ("application/json, application/x-ndjson;q=0.5", "application/json"),
        ("*/*", "application/json"),
        ("text/html, application/x-ndjson", "application/x-ndjson"),
    ):
        answer = http.request("GET", "/v1/counters", headers={"Accept": accept})
        assert answer.header("Content-Type") == kind, accept


def test_it_takes_no_parameters(http):
    answer = http.request("GET", "/v1/counters?limit=1", headers=NDJSON)
    assert (answer.status, answer.problem) == (400, "invalid-filter")
    assert answer.json()["parameter"] == "limit"
    answer = export(http, "counters", Cache_Control="only-if-cached")
    assert (answer.status, answer.problem) == (504, "only-if-cached")


# --- as new as what is known -------------------------------------------------------------


def test_a_known_commit_is_in_it(http, other_api):
    for i in range(10):
        position = put(http, "hot", i)
        assert json.loads(export(http, "counters").body)["count"] == i
        there = export(other_api.http, "counters", Sluice_Read_After=position)
        assert json.loads(there.body)["count"] == i


def test_a_replica_that_is_behind_is_passed_over(world, http):
    replica_caught_up(world)
    with replay_paused(world):
        put(http, "hot", 77)
        answer = export(http, "counters")
        assert answer.cache == "sluice; fwd=request; detail=primary, replica; detail=behind"
        assert json.loads(answer.body)["count"] == 77
        assert export(http, "records").tier == "replica"
    replica_caught_up(world)


def test_one_snapshot(world, posts, http, api):
    """Rows that are changed and made while it runs are not in it."""
    slow = Slow(api.http.port)
    body = slow.begin()
    assert body.status == 200
    body.read(1000)
    world.sql("UPDATE posts SET author = 'changed'")
    world.sql("DELETE FROM posts WHERE id > %s", ROWS // 2)
    rest = body.read()
    slow.close()
    assert rest.count(b"\n") > ROWS - 5 and b'"author":"changed"' not in rest
    behind_its_back(
        world,
        "INSERT INTO posts SELECT id + %s, title, content, author, created_at, updated_at,"
        " version FROM posts",
        ROWS // 2,
    )


# --- bounds -----------------------------------------------------------------------------


def test_memory_is_constant_and_others_are_served(world, posts):
    """A client that takes nothing holds a few rows, and nobody up."""
    api = world.daemon("api", {"http.threads": 1, "export.stall_timeout": "1m"})
    # What was freed is free: the sanitizer would keep 256 MB of it.
    api.start(env={"ASAN_OPTIONS": "detect_leaks=1:exitcode=99:quarantine_size_mb=1"})
    export(api.http, "counters")
    before = rss(api)
    slow = Slow(api.http.port)
    body = slow.begin()
    body.read(1000)
    assert api.metrics()[RUNNING] == 1
    for i in range(50):
        assert api.http.get(f"absent {i}").status == 404
    assert rss(api) - before < 16 << 20
    size = len(body.read())
    slow.close()
    assert size > 60_000_000
    assert rss(api, peak=True) - before < 16 << 20
    api.finish()
    world.daemons.remove(api)


def test_so_many_at_once(posts, special_api):
    api = special_api({"export.max": 2, "export.stall_timeout": "1m"})
    held = [Slow(api.http.port) for _ in range(2)]
    assert [s.begin().status for s in held] == [200, 200]
    answer = export(api.http, "counters")
    assert (answer.status, answer.problem) == (503, "store-unavailable")
    assert answer.header("Retry-After") == "5"
    for s in held:
        s.close()
    wait_until(lambda: api.metrics()[RUNNING] == 0, 10, "they left")
    assert export(api.http, "counters").status == 200
    wait_until(lambda: api.metrics()[COMPLETE] == 1, 10, "it is counted")
    m = api.metrics()
    assert (m[BROKEN], m[REFUSED]) == (2, 1)


def test_one_address_has_its_share(posts, special_api):
    """The rest of them are for others; who has left makes room."""
    settings = {"export.max": 2, "http.client_share": 50, "export.stall_timeout": "1m"}
    api = special_api(settings)
    asked = []

    def ask(address):
        asked.append(Slow(api.http.port, address=address))
        return asked[-1].begin()

    assert ask("127.0.0.2").status == 200
    again = ask("127.0.0.2")
    assert again.status == 503 and again.getheader("Retry-After") == "5"
    assert json.loads(again.read())["type"] == "urn:sluice:problem:store-unavailable"
    assert api.metrics()["sluice_http_client_refused_total", 'of="exports"'] == 1
    assert ask("127.0.0.3").status == 200
    assert api.metrics()[RUNNING] == 2
    asked[0].close()
    wait_until(lambda: api.metrics()[RUNNING] == 1, 10, "it has left")
    assert ask("127.0.0.2").status == 200
    for s in asked:
        s.close()


def test_a_client_that_takes_nothing_is_cut_off(posts, special_api):
    api = special_api({"export.stall_timeout": "300ms"})
    slow = Slow(api.http.port)
    body = slow.begin()
    wait_until(lambda: api.metrics()[BROKEN] == 1, 10, "it is cut off")
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        body.read()
    slow.close()
    assert api.metrics()[RUNNING] == 0


# --- what breaks on the way ----------------------------------------------------------------


@pytest.fixture
def proxied(world, servers, special_api):
    """An API whose replica can fail in the middle."""
    port = urlsplit(servers.replica_url).port
    proxy = Proxy(servers.ports.take(), port)
    url = at_port(at_database(servers.replica_url, world.name), proxy.port)
    settings = {"http.threads": 1, "replica.urls": url, "export.stall_timeout": "2s"}
    api = special_api(settings)
    # Until its thread is connected to the replica, the primary is asked.
    connected = ("sluice_postgres_connections", 'server="replica"')
    wait_until(lambda: api.metrics()[connected] > 0, 10, "the replica is there")
    yield proxy, api
    proxy.close()


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("fault", ["reset", "stop"])
def test_postgres_fails_on_the_way(posts, proxied, version, fault):
    """Never as if it were all: no last chunk, and a reset."""
    proxy, api = proxied
    said = len(api.events("export.broken"))
    slow = Slow(api.http.port, version=version)
    body = slow.begin()
    assert body.status == 200
    got = body.read(100_000)
    if fault == "reset":
        proxy.set("refuse")
    else:
        proxy.hold("down")
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        while got:
            got = body.read(100_000)
    slow.close()
    wait_until(lambda: api.metrics()[BROKEN] == 1, 10, "it is counted")
    assert len(api.events("export.broken")) == said + 1
    proxy.release()


def test_a_replica_that_is_away(posts, proxied):
    proxy, api = proxied
    proxy.set("refuse")
    answer = export(api.http, "samples")
    assert answer.status == 200
    assert answer.cache == "sluice; fwd=request; detail=primary, replica; detail=down"


def test_a_drain_cuts_what_takes_too_long(posts, world):
    api = world.api({"drain.timeout": "2s"})
    slow = Slow(api.http.port)
    body = slow.begin()
    begun = time.monotonic()
    api.finish()
    world.daemons.remove(api)
    assert time.monotonic() - begun < 10
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        body.read()
    slow.close()
