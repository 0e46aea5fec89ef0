"""GET /v1/{collection}/_export, and /v1/{collection} as NDJSON: all that matches, in
constant memory, or visibly broken."""

import http.client
import json
import pathlib
import re
import socket
import time
from urllib.parse import urlencode, urlsplit

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


def test_it_has_no_order_limit_and_cursor(http):
    for name in ("order", "limit", "cursor"):
        for path in ("/v1/counters", "/v1/counters/_export"):
            answer = http.request("GET", f"{path}?{name}=1", headers=NDJSON)
            assert (answer.status, answer.problem) == (400, "invalid-filter")
            assert answer.json()["parameter"] == name
            assert "filters and select" in answer.json()["detail"]
    answer = export(http, "counters", Cache_Control="only-if-cached")
    assert (answer.status, answer.problem) == (504, "only-if-cached")


def test_the_route(http):
    put(http, "hot", 1)
    for headers in ({}, NDJSON, {"Accept": "*/*"}):
        for method in ("GET", "HEAD"):
            answer = http.request(method, "/v1/counters/_export", headers=headers)
            assert (answer.status, answer.header("Content-Type")) == (200, NDJSON["Accept"])
            assert answer.header("Vary") == "Accept"
    assert answer.body == b""
    answer = http.request("GET", "/v1/counters/_export", headers={"Accept": "application/json"})
    assert (answer.status, answer.problem) == (406, "not-acceptable")
    assert http.request("POST", "/v1/counters/_export").header("Allow") == "GET, HEAD"
    assert http.request("GET", "/v1/nothing/_export").problem == "collection-not-found"
    assert http.request("GET", "/v1/counters/_export").body == export(http, "counters").body


# --- filters and select -------------------------------------------------------------------

HOSTILE = ["'", "''", "\\", "\\'", "\\\\'", "'; DROP TABLE posts; --", "$$", "$1", "$a$b$a$",
           "') OR ('1'='1", "E'", "\n\r\t", "%", "_", '"', "a,b", "(", "\u00e9\U0001f600", "",
           "COPY posts TO PROGRAM 'x'", "/*", "*/", ";", "\u2019", "\u02bc", "\x7f"]  # fmt: skip


def lines_of(http, query, select="author"):
    path = f"/v1/posts/_export?{query}&select={select}"
    answer = http.request("GET", path)
    assert answer.status == 200, (query, answer)
    assert answer.tier == "replica"
    return [json.loads(line) for line in answer.body.splitlines()]


def quoted(text):
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


@pytest.fixture(params=["on", "off"])
def conforming(world, request):
    """How sessions that begin now read a backslash in a literal."""
    name = "standard_conforming_strings"
    world.sql(f"ALTER DATABASE {world.name} SET {name} = {request.param}")
    yield
    world.sql(f"ALTER DATABASE {world.name} RESET {name}")


def test_no_value_is_sql(world, http, conforming):
    """Each value finds its row and no other, as one value, in a list and in a group."""
    with world.servers.postgres(world.name) as connection:
        for i, text in enumerate(HOSTILE):
            connection.execute(
                "INSERT INTO posts (id, title, content, author, created_at, updated_at, version)"
                " VALUES (%s, 'hostile', '', %s, now(), now(), 0)",
                [10**9 + i, text],
            )
    replica_caught_up(world)
    mine = "title=eq.hostile"
    for text in HOSTILE:
        some = quoted(text)
        query = [
            ("author", f"eq.{text}"), ("author", f"in.({some})"), ("or", f"(author.eq.{some})"),
            ("and", f"(author.in.({some}),not.or(author.neq.{some}))"),
            ("author", "like." + re.sub(r"([\\%_*])", r"\\\1", text)),
        ]  # fmt: skip
        found = lines_of(http, f"{mine}&{urlencode(query)}")
        assert found == [{"author": text}], (text, query)
    everything = ",".join(map(quoted, HOSTILE))
    found = lines_of(http, f"{mine}&{urlencode({'author': f'in.({everything})'})}")
    assert sorted(d["author"] for d in found) == sorted(HOSTILE)
    assert lines_of(http, f"{mine}&author=in.()") == []
    for path in ("/v1/posts", "/v1/posts/_export"):
        for value in ("%00", "a%00b", "%ff", "%e0%27", "%c3", "%ed%a0%80", "%zz"):
            answer = http.request("GET", f"{path}?author=eq.{value}", headers=NDJSON)
            assert (answer.status, answer.problem) == (400, "invalid-filter"), answer
            assert answer.json()["parameter"] == "author"
    world.sql("DELETE FROM posts WHERE title = 'hostile'")


def test_only_what_lists_may_be_filtered_by(http):
    """The same refusals as of a list, word for word."""
    for query in ("content=eq.a", "id=eq.x", "id=eq.99999999999999999999", "or=(content.eq.a)",
                  "select=nothing", "select=id&select=id", "id=like.1", "created_at=eq.now",
                  "title=eq.a&or=(id.eq.1", "by=eq.1"):  # fmt: skip
        said = []
        for path, headers in (("/v1/posts", {}), ("/v1/posts", NDJSON), ("/v1/posts/_export", {})):
            answer = http.request("GET", f"{path}?{query}", headers=headers)
            assert (answer.status, answer.problem) == (400, "invalid-filter"), (query, answer)
            said.append((answer.json()["parameter"], answer.json()["detail"]))
        assert said[1] == said[2], said
        if "select or a field" not in said[1][1]:
            assert said[0] == said[1], said


def test_every_type_in_a_filter(world, http):
    key = "2eb8aa08-aa98-71ea-b4aa-73b441d16381"
    document = {"text": "t", "at": "2026-03-01T00:00:00Z", "part": 7.25, "flag": True,
                "whole": -3, "tree": {"name": "it's \\ \" " + "x" * 600, "size": {"cm": 5}}}  # fmt: skip
    body = json.dumps(document).encode()
    answer = http.request("PUT", key_path(key, "samples"), body, {**JSON, **WAIT})
    assert answer.status == 201
    replica_caught_up(world)
    name = document["tree"]["name"]
    for query in (
        {"sample_id": f"eq.{key}"},
        {"part": "eq.7.25"}, {"part": "in.(7.250,1)"}, {"whole": "lt.-2"}, {"flag": "is.true"},
        {"flag": "eq.true", "at": "eq.2026-03-01T01:00:00+01:00"},
        {"tree.name": f"eq.{name}"}, {"or": f"(tree.name.in.({quoted(name)}),part.lt.0)"},
        {"tree.size.cm": "gte.5"}, {"updated_at": "gt.2020-01-01T00:00:00Z", "mood": "eq.it's"},
    ):  # fmt: skip
        path = f"/v1/samples/_export?{urlencode({'sample_id': f'eq.{key}', **query})}"
        answer = http.request("GET", path + "&select=part,sample_id")
        assert answer.status == 200, (query, answer)
        assert answer.body == b'{"sample_id":"%s","part":7.25}\n' % key.encode(), query
    whole = http.request("GET", f"/v1/samples/_export?sample_id=eq.{key}").body
    assert whole == http.request("GET", key_path(key, "samples")).body + b"\n"


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
