"""The change feed: every committed change, in order per key, from any id on."""

import json
import socket

import pytest
from harness.bulk import post_lines, results
from harness.feed import Feed
from harness.wait import wait_until

WAIT = {"Content-Type": "application/json", "Prefer": "wait=10"}


def put(http, key, value):
    answer = http.put(key, value, prefer="wait=10")
    assert answer.status in (200, 201), answer
    return answer


def told(feed, *wanted, deadline=20):
    """Until the feed has told these (kind, key, value), in this order."""

    def found(events):
        got = [(e.kind, e.key, (e.document or {}).get("value")) for e in events]
        return got == list(wanted)

    feed.wait_for(found, f"{wanted}, not {feed.events}", deadline)


@pytest.fixture
def feed(http):
    new = Feed(http.port)
    yield new
    new.close()


def test_puts_and_deletes(world, http, feed):
    first = put(http, "a", "1")
    put(http, "b", "é\n\u2028")
    put(http, "a", "2")
    assert http.delete("a", prefer="wait=10").status == 204
    # Partitions are not ordered among each other.
    feed.wait_for(lambda events: len(events) == 4, "all of them")
    of_a = [e for e in feed.events if e.key == "a"]
    assert [(e.kind, e.document and e.document["value"]) for e in of_a] == [
        ("put", "1"), ("put", "2"), ("delete", None),
    ]
    (b,) = (e for e in feed.events if e.key == "b")
    assert b.document == http.get("b").json()
    assert f'"{of_a[0].version}"' == first.header("ETag")
    assert all(e.id for e in feed.events)


def test_only_the_collection(world, http, feed):
    """Of a collection whose caches are only invalidated, the document is told, too."""
    posts = Feed(http.port, "posts")
    post = {"title": "t", "content": "c", "author": "a"}
    made = http.request("POST", "/v1/posts", json.dumps(post), WAIT)
    put(http, "other", "1")
    told(feed, ("put", "other", "1"))
    posts.wait_for(lambda events: len(events) == 1, "the post")
    assert posts.events[0].document == http.request("GET", made.header("Location")).json()
    assert posts.events[0].key == made.json()["key"]
    posts.close()


def test_a_rejected_write_is_no_change(http, feed):
    put(http, "once", "1")
    answer = http.put("once", "2", prefer="wait=10", If_None_Match="*")
    assert answer.status == 412
    put(http, "once", "3")
    told(feed, ("put", "once", "1"), ("put", "once", "3"))


def test_resume(http, other_api, feed):
    """From any event's id on: what came after it, once more if need be."""
    for i in range(30):
        put(http, f"resume {i % 3}", str(i))
    feed.wait_for(lambda events: len(events) == 30, "all of them")
    newest = {e.key: e.document["value"] for e in feed.events}
    for n in (0, 13, 29):
        for port in (http.port, other_api.http.port):
            after = feed.events[n]
            want = [(e.key, e.version) for e in feed.events[n + 1 :]]
            again = Feed(port, last_id=after.id)
            put(http, "resumed", f"{n} {port}")
            again.wait_for(
                lambda events: events and any(e.key == "resumed" for e in events)
                and {(e.key, e.version) for e in events} >= set(want),
                "the rest",
            )
            assert "reset" not in {e.kind for e in again.events}
            for key in newest:
                versions = [e.version for e in again.events if e.key == key]
                assert versions == sorted(set(versions))
            again.close()


def test_what_cannot_be_resumed(world, http):
    good = Feed(http.port)
    wait_until(lambda: good.last_id, 10, "an id")
    for bad in ("", "x", "0", "0.1", good.last_id + "x", good.last_id + ".", "-" + good.last_id):
        answer = Feed(http.port, last_id=bad)
        assert (answer.status, answer.problem()) == (422, "validation-failed"), bad
    epoch, rest = good.last_id.split(".", 1)
    places = rest.split(".")
    far = ".".join(f"{p.split('-')[0]}-999999999" for p in places)
    for gone in (
        f"{int(epoch) + 1}.{rest}",
        f"{epoch}.{'.'.join(places[1:])}",
        f"{epoch}.{rest}.0-0",
        f"{epoch}.{far}",
    ):
        answer = Feed(http.port, last_id=gone)
        assert (answer.status, answer.problem()) == (410, "position-expired"), gone
    assert http.request("GET", "/v1/nothing/_changes").problem == "collection-not-found"
    assert http.request("POST", "/v1/records/_changes", b"{}").status == 405
    head = http.request("HEAD", "/v1/records/_changes")
    assert (head.status, head.header("Content-Type")) == (200, "text/event-stream")
    good.close()


def test_heartbeats_carry_the_id(world, special_api):
    """Who hears nothing of his collection does not fall behind in the log."""
    api = special_api({"changes.heartbeat": "1s"})
    feed = Feed(api.http.port, "products")
    wait_until(lambda: feed.last_id, 10, "the first id")
    first = feed.last_id
    put(api.http, "elsewhere", "1")
    wait_until(lambda: feed.last_id != first, 10, "another id")
    assert feed.comments >= 1 and feed.events == []
    feed.close()


def test_so_many_at_once(world, special_api):
    api = special_api({"changes.max": 2})
    feeds = [Feed(api.http.port) for _ in range(2)]
    refused = Feed(api.http.port)
    assert (refused.status, refused.problem()) == (503, "write-buffer-full")
    feeds[0].close()
    wait_until(lambda: api.metrics()["sluice_change_feeds"] == 1, 10, "one is closed")
    feeds.append(Feed(api.http.port))
    assert feeds[-1].status == 200
    for feed in feeds:
        feed.close()
    wait_until(lambda: api.metrics()["sluice_change_feeds"] == 0, 10, "all are closed")


def test_a_client_that_does_not_read(world, special_api):
    """No more is kept for it than the buffer holds; then it is cut off."""
    api = special_api({"changes.stall": "2s", "http.threads": 1})
    idle = Feed(api.http.port)
    with socket.create_connection(("127.0.0.1", api.http.port)) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.sendall(b"GET /v1/records/_changes HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wait_until(lambda: api.metrics()["sluice_change_feeds"] == 2, 10, "it is open")
        big = "x" * 100000
        for n in range(20):
            items = [{"key": f"big {n} {i}", "value": big} for i in range(10)]
            assert post_lines(api.http, "records", items).status == 202
        wait_until(
            lambda: api.metrics()["sluice_change_feeds_stalled_total"] == 1, 40, "it is cut off"
        )
        wait_until(lambda: api.metrics()["sluice_change_feeds"] == 1, 10, "it is closed")
    idle.wait_for(lambda events: len(events) == 200, "the other one is told all", 60)
    idle.close()


def test_a_resume_far_behind(world, http):
    """More waits in the log than is kept for a client: it comes all the same,
    whichever partition it is in."""
    feed = Feed(http.port)
    first = feed.last_id
    feed.close()
    big = "x" * 100000
    for n in range(8):
        items = [{"key": f"far {n} {i}", "value": big} for i in range(10)]
        assert post_lines(http, "records", items, prefer="wait=10").status == 200
    again = Feed(http.port, last_id=first)
    assert again.status == 200
    again.wait_for(lambda events: len({e.key for e in events}) == 80, "all of them", 60)
    again.close()


def test_a_drain_ends_them(world, special_api):
    api = special_api({})
    feeds = [Feed(api.http.port) for _ in range(3)]
    put(api.http, "before the drain", "1")
    for feed in feeds:
        feed.wait_for(lambda events: events, "an event")
    api.stop()
    for feed in feeds:
        feed.wait_end()
        again = Feed(world.of("api")[0].http.port, last_id=feed.last_id)
        assert again.status == 200
        again.close()


def test_many(world, http):
    """A bulk of rows, each told once, in the order of its key."""
    http.forget()  # it may have been idle for long
    feed = Feed(http.port)
    items = [{"key": f"many {i % 500}", "value": "x"} for i in range(500)]
    assert {r["status"] for r in results(post_lines(http, "records", items))} == {202}
    for _ in range(4):
        for i in range(0, 500, 25):
            http.put(f"many {i}", "y")
    feed.wait_for(lambda events: len({e.key for e in events}) == 500, "every key")
    rows = {key: row for key, row in world.rows().items() if key.startswith("many ")}
    wait_until(lambda: world.progress() == world.ends(), 30, "all is applied")
    rows = {key: row for key, row in world.rows().items() if key.startswith("many ")}
    feed.wait_for(
        lambda events: {e.key: e.version for e in events}
        == {key: version for key, (_, version, _) in rows.items()},
        "the final versions",
    )
    for key in rows:
        versions = [e.version for e in feed.events if e.key == key]
        assert versions == sorted(set(versions)), key
    feed.close()
