"""SIGHUP brings new collections: under load, in the documented order, and in another."""

import json
import shutil
import signal
import socket

import pytest
from harness.certificates import Authority
from harness.client import Client, key_path
from harness.crowd import Background
from harness.feed import Feed
from harness.wait import wait_until

JSON = {"Content-Type": "application/json"}
WAIT = {**JSON, "Prefer": "wait=20"}
TOKENS = ("the-first-token-of-all", "the-second-token-of-all")

# Groups, lists, a collection that it refers to; the other one has generated keys.
PARTS = {
    "name": "parts",
    "key": {"type": "string"},
    "group": True,
    "fields": {
        "label": {"type": "string", "maxLength": 20},
        "ticket": {"type": "integer", "nullable": True},
    },
    "required": ["label"],
    "references": {"ticket": "tickets"},
    "cache": {"on_commit": "refresh"},
    "list": {"filter": ["label"]},
}
TICKETS = {
    "name": "tickets",
    "key": {"type": "integer"},
    "fields": {"title": {"type": "string", "maxLength": 20}},
    "required": ["title"],
}


@pytest.fixture
def folder(deployment, tmp_path):
    """The declarations of the deployment, in a folder of its own."""
    made = tmp_path / "collections"
    made.mkdir()
    for shipped in deployment.collections.split(":"):
        shutil.copytree(shipped, made, dirs_exist_ok=True)
    deployment.collections = made
    return made


def declare(folder, declaration):
    (folder / f"{declaration['name']}.json").write_text(json.dumps(declaration))


def reload(daemon):
    """Returns the line of this reload."""
    before = len(daemon.events("reload"))
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: len(daemon.events("reload")) > before, 20, "reloaded")
    return daemon.events("reload")[-1]


def put(api, path, document, headers=WAIT):
    return api.http.request("PUT", path, json.dumps(document).encode(), headers)


def traffic(api, number):
    """A client that writes, waits for some of its commits, and reads."""
    client = Client(api.http.port)
    client.tls = api.http.tls
    count = iter(range(1_000_000))

    def once():
        i = next(count)
        path = key_path(f"{number}-{i % 50}")
        headers = WAIT if i % 10 == 0 else JSON
        for answer in (
            client.request("PUT", path, b'{"value":"x"}', headers),
            client.request("GET", path),
            client.request("GET", "/v1/records?limit=3"),
        ):
            assert answer.status in (200, 201, 202, 404), answer
        once.done = i

    once.done = 0
    return once


def subject(api):
    """Of the certificate that a new connection gets."""
    with socket.create_connection(("127.0.0.1", api.http.port), 30) as s:
        with api.http.tls.wrap_socket(s, server_hostname="127.0.0.1") as tls:
            fields = dict(field for (field,) in tls.getpeercert()["subject"])
            return fields["commonName"]


def described(api):
    return "/v1/parts/{key}" in api.http.request("GET", "/openapi.json").json()["paths"]


def serves_the_new_ones(one, other):
    """Every way to write and read, by both instances."""
    made = one.http.request("POST", "/v1/tickets", b'{"title":"t"}', WAIT)
    assert made.status == 201, made
    ticket = int(made.header("Location").rsplit("/", 1)[1])
    feed = Feed(one.http.port, "parts")
    answer = put(other, "/v1/parts/g:1", {"label": "a", "ticket": ticket})
    assert answer.status == 201, answer
    lines = b'{"op":"put","key":"g:2","document":{"label":"b"}}\n'
    bulk = one.http.request(
        "POST", "/v1/parts/_bulk", lines, {**WAIT, "Content-Type": "application/x-ndjson"}
    )
    assert bulk.status == 200, bulk
    batch = [{"op": "put", "collection": "parts", "key": "g:3", "document": {"label": "a"}}]
    answer = other.http.request("POST", "/v1/_batch", json.dumps(batch).encode(), WAIT)
    assert answer.status == 200, answer
    feed.wait_for(lambda events: {e.key for e in events} == {"g:1", "g:2", "g:3"}, "the feed")
    feed.close()
    after = {"Sluice-Read-After": answer.position}
    for api in (one, other):
        found = api.http.request("GET", "/v1/parts?label=eq.a", headers=after)
        assert [d["key"] for d in found.json()] == ["g:1", "g:3"], found
        assert api.http.request("GET", "/v1/parts/g:3", headers=after).status == 200
        group = api.http.request("GET", "/v1/_group/g?collections=parts", headers=after)
        assert group.status == 200, group
        wait_until(lambda: described(api), 30, "it is in /openapi.json")
        assert b'"/v1/tickets"' in api.http.request("GET", "/v1").body
    # Its declaration is in force, and the reference is.
    assert put(one, "/v1/parts/g:4", {"label": 1}).status == 422
    assert put(one, "/v1/parts/g:4", {"label": "x", "ticket": -1}).status == 409


def test_under_load(deployment, folder, tmp_path):
    """A new collection, a changed secret, a new certificate: no request fails."""
    authority = Authority(tmp_path)
    pairs = [authority.issue("first"), authority.issue("second")]
    pair = authority.issue("present")
    pair.replace(pairs[0])
    token = tmp_path / "token"
    token.write_text(TOKENS[0])
    writer, projector = deployment.writer(), deployment.projector()
    plain = deployment.api({"admin.token.file": token})
    encrypted = deployment.daemon("api", {"tls.cert": pair.cert, "tls.key": pair.key})
    encrypted.http.tls = authority.trusting()
    encrypted.start()
    loops = [traffic(api, n) for n, api in enumerate((plain, encrypted, plain))]
    with Background(*loops):
        wait_until(lambda: all(loop.done > 5 for loop in loops), 60, "load")
        declare(folder, TICKETS)
        declare(folder, PARTS)
        deployment.migrate()
        pair.replace(pairs[1])
        token.write_text(TOKENS[1])
        for daemon in (writer, projector):
            assert "reloaded=collections failed=0" in reload(daemon)
        assert "reloaded=collections,admin.token failed=0" in reload(plain)
        assert "reloaded=collections,tls failed=0" in reload(encrypted)
        serves_the_new_ones(plain, encrypted)
        seen = [loop.done for loop in loops]
        wait_until(
            lambda: all(loop.done > n + 5 for loop, n in zip(loops, seen)), 60, "load"
        )
    assert subject(encrypted) == "second"
    stats = [
        plain.admin.request("GET", "/stats", headers={"Authorization": f"Bearer {t}"}).status
        for t in TOKENS
    ]
    assert stats == [401, 200]
    for daemon in (writer, projector, plain, encrypted):
        added = daemon.events("collection.added")
        assert len(added) == 2 and "collection=parts" in added[0], added
    for metrics in (writer.metrics(), plain.metrics()):
        assert 'collection="parts"' in metrics.text
    assert deployment.sql("SELECT count(*) FROM sluice.rejections") == [(1,)]


def test_in_another_order(deployment, folder):
    """An api first, before the tables are there: nothing is lost."""
    api, writer = deployment.api(), deployment.writer()
    declare(folder, TICKETS)
    declare(folder, PARTS)
    assert "reloaded=collections failed=0" in reload(api)
    wait_until(lambda: api.events("collection.unmigrated"), 20, "it is told")
    answer = put(api, "/v1/parts/g:1", {"label": "a"}, JSON)
    assert (answer.status, answer.problem) == (503, "store-unavailable")
    assert api.readiness()[0] == 200 and put(api, key_path("a"), {"value": "1"}).status == 201
    deployment.migrate()
    batch = [{"op": "put", "collection": "parts", "key": "g:1", "document": {"label": "a"}}]

    def taken():
        body = json.dumps(batch).encode()
        return api.http.request("POST", "/v1/_batch", body, JSON).status == 202

    wait_until(taken, 20, "it is migrated")
    # The writer does not know the collection: it holds the partition.
    wait_until(lambda: writer.events("write.newer"), 20, "it is held")
    status, text = writer.readiness()
    assert status == 503 and "of parts than this writer has" in text, text
    assert put(api, "/v1/parts/g:2", {"label": "b"}, JSON).status == 202
    ends = deployment.ends()
    assert deployment.progress() != ends
    assert "reloaded=collections failed=0" in reload(writer)
    wait_until(lambda: deployment.progress() == ends, 30, "all is applied")
    assert deployment.sql("SELECT key, label FROM parts ORDER BY key") == [
        ("g:1", "a"),
        ("g:2", "b"),
    ]
    assert deployment.sql("SELECT count(*) FROM sluice.rejections") == [(0,)]
    assert writer.readiness()[0] == 200
