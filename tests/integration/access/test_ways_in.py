"""Each way in works for those who may: one document, lists, waited writes, bulks,
feeds, the status of a write, the reference routes."""

import json
import shutil
import signal

import pytest
from harness.bulk import lines, results
from harness.callers import COLLECTIONS, TENANTS, Guarded, bearer, new_key
from harness.client import Client
from harness.feed import Feed
from harness.wait import wait_until

WAITED = {"Content-Type": "application/json", "Prefer": "wait=20"}
PATCHED = {"Content-Type": "application/merge-patch+json", "Prefer": "wait=20"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return shutil.copytree(COLLECTIONS, tmp_path_factory.mktemp("declared") / "collections")


@pytest.fixture(scope="module")
def guarded(servers, module_deploy, folder):
    return Guarded(module_deploy(servers, collections=folder))


@pytest.fixture(scope="module")
def world(guarded):
    return guarded.world


@pytest.fixture(scope="module")
def ann(guarded):
    return guarded.as_("ann")


@pytest.fixture(scope="module")
def ben(guarded):
    return guarded.as_("ben")


@pytest.fixture(scope="module")
def editor(guarded):
    return guarded.as_("editor")


def send(client, method, path, document=None, headers=WAITED):
    body = None if document is None else json.dumps(document).encode()
    return client.request(method, path, body, headers)


def owners(answer):
    assert answer.status == 200, answer
    return {each["owner"] for each in answer.json()}


def test_an_owner_writes_and_reads(world, ann, ben):
    made = send(ann, "PUT", "/v1/notes/a1", {"text": "one"})
    assert made.status == 201, made
    found = ann.request("GET", "/v1/notes/a1")
    assert found.json()["owner"] == "ann"
    assert found.header("Cache-Control") == "private"
    assert found.header("Vary") == "Authorization, X-API-Key"
    assert ben.request("GET", "/v1/notes/a1").problem == "not-found"
    patched = send(ann, "PATCH", "/v1/notes/a1", {"n": 5}, PATCHED)
    assert patched.status == 200, patched
    assert send(ben, "PATCH", "/v1/notes/a1", {"n": 6}, PATCHED).status == 404
    assert send(ben, "DELETE", "/v1/notes/a1").status == 404
    assert send(ben, "PUT", "/v1/notes/a1", {"text": "ben's"}).status == 404
    assert ann.request("GET", "/v1/notes/a1").json()["n"] == 5
    assert send(ann, "DELETE", "/v1/notes/a1").status == 204


def test_a_header_that_a_reference_route_ignores(editor, guarded):
    """A condition narrows what a PUT may do. POST /write ignores it, so it narrows nothing:
    who may only create would else replace a row, unconditionally."""
    token = guarded.callers.signer.token("fil", ["filer"])
    filer = Client(guarded.api.http.port, always=bearer(token))
    assert send(editor, "PUT", "/v1/records/kept", {"value": "old"}).status == 201
    body = {"key": "kept", "value": "new"}
    for condition in ({}, {"If-None-Match": "*"}, {"If-Match": "*"}):
        answer = send(filer, "POST", "/write", body, {**WAITED, **condition})
        assert (answer.status, answer.problem) == (403, "forbidden"), condition
    made = send(filer, "PUT", "/v1/records/new", {"value": "v"}, {**WAITED, "If-None-Match": "*"})
    assert made.status == 201, made
    assert editor.request("GET", "/v1/records/kept").json()["value"] == "old"


def test_an_owner_cannot_name_another_one(ann):
    for method, headers in (("PUT", WAITED), ("PATCH", PATCHED)):
        answer = send(ann, method, "/v1/notes/a2", {"text": "", "owner": "ben"}, headers)
        assert (answer.status, answer.problem) == (403, "forbidden"), answer


def test_the_owner_may_be_another_claim(ann, ben):
    made = send(ann, "POST", "/v1/letters", {"text": "dear"})
    assert made.status == 201, made
    place = made.header("Location")
    assert ann.request("GET", place).json()["tenant"] == TENANTS["ann"]
    assert ben.request("GET", place).status == 404


def test_lists(ann, ben, editor):
    for n in range(3):
        assert send(ann, "PUT", f"/v1/notes/list-a{n}", {"text": "a", "n": n}).status == 201
        assert send(ben, "PUT", f"/v1/notes/list-b{n}", {"text": "b", "n": n}).status == 201
    query = "/v1/notes?order=n.desc&limit=50"
    assert owners(ann.request("GET", query)) == {"ann"}
    assert owners(ben.request("GET", query)) == {"ben"}
    assert owners(editor.request("GET", query)) == {"ann", "ben"}
    assert ann.request("GET", query + "&owner=eq.ben").json() == []
    page = ann.request("GET", "/v1/notes?limit=2&text=eq.a")
    link = page.header("Link").partition(">")[0][1:]
    assert "owner" not in link
    assert owners(ann.request("GET", link)) == {"ann"}


def exported(client, path, headers=None):
    """The documents, and whose they are."""
    answer = client.request("GET", path, headers=headers or {})
    assert answer.status == 200, (path, answer)
    found = [json.loads(line) for line in answer.body.splitlines()]
    return found, {document["owner"] for document in found}


def test_exports(ann, ben, editor, guarded):
    for n in range(3):
        for client, name in ((ann, "a"), (ben, "b")):
            document = {"text": f"it's {name}", "n": n}
            assert send(client, "PUT", f"/v1/notes/export-{name}{n}", document).status == 201
    all_lines = {"Accept": "application/x-ndjson"}
    for path, headers in (("/v1/notes", all_lines), ("/v1/notes/_export", {})):
        found, whose = exported(editor, path, headers)
        assert len(found) >= 6 and whose == {"ann", "ben"}
        for client, name in ((ann, "ann"), (ben, "ben")):
            mine, whose = exported(client, path, headers)
            assert whose == {name}
            expected = [d for d in found if d["owner"] == name]
            assert sorted(mine, key=str) == sorted(expected, key=str)
            for query in ("owner=neq.x", "owner=not.eq.x", "or=(owner.eq.ann,owner.eq.ben)",
                          "text=like.it's*", "not.and=(owner.eq.ann,owner.eq.ben)"):  # fmt: skip
                assert exported(client, f"{path}?{query}", headers)[1] == {name}, query
            other = "ben" if name == "ann" else "ann"
            assert exported(client, f"{path}?owner=eq.{other}", headers)[0] == []
            answer = client.request("HEAD", path, headers=headers)
            assert (answer.status, answer.header("Cache-Control")) == (200, "private")
            # What is selected may be without the owner.
            answer = client.request("GET", f"{path}?select=text&n=eq.1&text=like.it's*", headers=headers)
            texts = {json.loads(line)["text"] for line in answer.body.splitlines()}
            assert texts == {f"it's {name[0]}"}
    # Who exports may not be who lists; and the reference routes export no part.
    assert guarded.as_("reader").request("GET", "/v1/posts/_export").status == 403
    assert ann.request("GET", "/posts", headers=all_lines).status == 403
    assert ann.request("GET", "/v1/posts", headers=all_lines).body == b""
    assert ann.request("GET", "/v1/letters/_export").status == 403


def test_an_owner_whose_name_is_sql(guarded, editor):
    """The claim is a literal of an export; it is one value, whatever it has in it."""
    for subject in ("o'brien", "a' OR 'x'='x", "\\", "\\' OR true --", "$$"):
        token = guarded.callers.signer.token(subject, ["customer"])
        client = Client(guarded.api.http.port, always=bearer(token))
        assert exported(client, "/v1/notes/_export")[0] == []
        assert send(client, "POST", "/v1/notes", {"text": "x"}).status == 201
        found, whose = exported(client, "/v1/notes/_export")
        assert (len(found), whose) == (1, {subject})
        assert exported(client, "/v1/notes/_export?or=(text.eq.x,text.neq.x)")[0] == found


def test_bulks(ann, editor):
    sent = [{"key": f"bulk{n}", "text": "t"} for n in range(3)]
    headers = {"Content-Type": "application/x-ndjson", "Prefer": "wait=20"}
    foreign = {"key": "bulk3", "text": "t", "owner": "ben"}
    answer = ann.request("POST", "/v1/notes", lines([*sent, foreign]), headers)
    found = [each["status"] for each in results(answer)]
    assert found == [201, 201, 201, 403], answer
    assert ann.request("GET", "/v1/notes/bulk2").json()["owner"] == "ann"
    array = send(ann, "POST", "/v1/notes", [{"text": "x"}, {"text": "y"}])
    assert [each["status"] for each in results(array)] == [201, 201]
    refused = send(ann, "POST", "/v1/letters", [{"text": "x"}])
    assert (refused.status, refused.problem) == (403, "forbidden")


def test_feeds(guarded, ann, ben, editor):
    feeds = {
        name: Feed(guarded.api.http.port, "notes", always=guarded.callers.headers[name])
        for name in ("ann", "ben", "editor")
    }
    assert send(ann, "PUT", "/v1/notes/feed", {"text": "mine"}).status == 201
    moved = {"owner": "ben", "text": "given"}
    assert send(editor, "PATCH", "/v1/notes/feed", moved, PATCHED).status == 200
    assert send(ben, "DELETE", "/v1/notes/feed").status == 204
    seen = {
        name: feed.wait_for(
            lambda events, n=n: events[:n] if len(events) >= n else None, "events"
        )
        for (name, feed), n in zip(feeds.items(), (2, 2, 3))
    }
    kinds = {name: [e.kind for e in events] for name, events in seen.items()}
    assert kinds["ann"] == kinds["ben"] == ["put", "delete"]
    assert kinds["editor"] == ["put", "put", "delete"]
    assert [e.data["by"] for e in seen["editor"]] == ["ann", "ed", "ben"]
    assert not any("by" in e.data for e in seen["ann"] + seen["ben"])
    for feed in feeds.values():
        feed.close()


def test_the_status_of_a_write_is_its_authors(guarded, ann, ben, editor):
    receipt = send(ann, "PUT", "/v1/notes/status", {"text": "s"}, {**WAITED, "Prefer": ""})
    place = receipt.header("Location")
    assert ann.request("GET", place).status == 200
    assert guarded.as_("operator").request("GET", place).status == 200
    for stranger in (ben, editor):
        assert stranger.request("GET", place).problem == "not-found"
    assert guarded.as_("reader").request("GET", place).status == 403


def test_the_reference_routes(ann, ben, editor):
    post = send(ann, "POST", "/posts", {"title": "t", "content": "c"})
    assert (post.status, post.json()["author"]) == (201, "ann")
    place = f"/posts/{post.json()['id']}"
    assert ann.request("GET", place).json()["title"] == "t"
    assert ben.request("GET", place).json() == {"detail": "Post not found"}
    assert ben.request("GET", "/posts").json() == []
    assert len(ann.request("GET", "/posts").json()) == 1
    assert send(ben, "PUT", place, {"title": "u"}).status == 404
    assert send(ann, "PUT", place, {"title": "u"}).json()["title"] == "u"
    assert send(ben, "DELETE", place).status == 404
    assert send(ann, "DELETE", place).status == 204
    assert send(editor, "POST", "/write", {"key": "k", "value": "v"}).status == 200
    assert send(ann, "POST", "/write", {"key": "k", "value": "v"}).status == 403
    assert editor.read("k").json()["value"] == "v"
    assert ann.read("k").json()["success"] is False


def test_a_caller_has_a_share(guarded):
    """Of the change feeds; from one address, each caller has its own."""
    own = {"changes.max": 4, "http.client_share": 25, "http.threads": 1}
    api = guarded.world.daemon("api", {**guarded.callers.settings(), **own})
    api.start()
    feeds = [
        Feed(api.http.port, "notes", always=guarded.callers.headers[name])
        for name in ("ann", "ann", "ben")
    ]
    assert [feed.status for feed in feeds] == [200, 503, 200]
    for feed in feeds:
        feed.close()
    api.finish()


# A role and a claim that no other declaration has.
LATE = {
    "name": "late",
    "key": {"type": "string"},
    "group": True,
    "fields": {"desk": {"type": "string", "maxLength": 60}, "text": {"type": "string"}},
    "required": ["desk", "text"],
    "list": {"filter": ["desk"]},
    "access": {"customer": ["read", "list", "create", "update"], "clerk": ["read"]},
    "owner": {"field": "desk", "claim": "/at/desk", "for": ["customer"]},
}


def reload(daemon):
    before = len(daemon.events("reload"))
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: len(daemon.events("reload")) > before, 20, "reloaded")
    return daemon.events("reload")[-1]


def test_rights_of_a_collection_that_comes_later(guarded, folder):
    """Its roles and claims count for tokens that were shown before, too."""
    callers, path = guarded.callers, "/v1/late/g:1"

    def token(role, **claims):
        return bearer(callers.signer.token(role, [role], **claims))

    key, entry = new_key("clerk", ["clerk"])
    callers.headers.update(
        ann_at=token("customer", at={"desk": "a"}),
        ben_at=token("customer", at={"desk": "b"}),
        nowhere=token("customer", at={"desk": 7}),
        clerk=token("clerk"),
        clerks_key={"X-API-Key": key},
    )
    names = ("ann_at", "ben_at", "nowhere", "clerk", "clerks_key", "reader", "none")
    clients = {name: guarded.as_(name) for name in names}
    for name in ("ann_at", "ben_at", "nowhere", "clerk"):
        assert clients[name].request("GET", path).problem == "collection-not-found"
    (folder / "late.json").write_text(json.dumps(LATE))
    keys = json.loads(callers.keys.read_text())["keys"]
    callers.keys.write_text(json.dumps({"keys": [*keys, entry]}))
    guarded.world.migrate()
    for kind in ("writer", "projector"):
        assert "reloaded=collections failed=0" in reload(guarded.world.of(kind)[0])
    assert "reloaded=collections,auth.keys failed=0" in reload(guarded.api)

    made = send(clients["ann_at"], "PUT", path, {"text": "x"})
    assert made.status == 201, made
    after = {"Sluice-Read-After": made.position}
    reads = {n: c.request("GET", path, headers=after).status for n, c in clients.items()}
    assert reads == {
        "ann_at": 200, "ben_at": 404, "nowhere": 403, "clerk": 200, "clerks_key": 200,
        "reader": 403, "none": 401,
    }  # fmt: skip
    assert clients["clerk"].request("GET", path).json()["desk"] == "a"
    lists = {n: c.request("GET", "/v1/late") for n, c in clients.items()}
    assert [lists[n].status for n in ("clerk", "clerks_key", "reader", "none")] == [403, 403, 403, 401]
    assert len(lists["ann_at"].json()) == 1 and lists["ben_at"].json() == []
    change = [{"op": "patch", "collection": "late", "key": "g:1", "document": {"text": "y"}}]
    changed = {
        n: send(clients[n], "POST", "/v1/_batch", change).status
        for n in ("ben_at", "clerk", "ann_at")
    }
    assert changed == {"ben_at": 404, "clerk": 403, "ann_at": 200}
