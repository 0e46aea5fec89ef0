"""A field is added while everything runs; no order of the steps loses it."""

import json
import threading

import pytest
from harness.client import key_path
from harness.feed import Feed
from harness.wait import wait_until

TEXT = {"type": "string"}
OLD = {"a": TEXT}
NEW = {
    "b": {"type": "integer", "default": 7},
    "a": TEXT,
    "c": {"type": "string", "nullable": True},
}
RENAMED = {"b": {"type": "string", "was": "a"}}
JSON = {"Content-Type": "application/json"}
WAIT = {**JSON, "Prefer": "wait=10"}


@pytest.fixture
def declared(deployment, tmp_path):
    """Switches the deployment between the two declarations."""
    for name, fields in (("old", OLD), ("new", NEW), ("renamed", RENAMED)):
        text = {"name": "things", "key": {"type": "string"}, "fields": fields}
        (tmp_path / name).mkdir()
        path = tmp_path / name / "things.json"
        path.write_text(json.dumps({**text, "required": [min(fields)]}))

    def switch(name):
        deployment.collections = tmp_path / name

    switch("old")
    deployment.migrate()
    return switch


def put(api, key, document, headers=WAIT):
    body = json.dumps(document).encode()
    return api.http.request("PUT", key_path(key, "things"), body, headers)


def rows(deployment):
    found = deployment.sql("SELECT key, to_jsonb(t) FROM things t")
    keep = ("a", "b", "c")
    return {k: {n: t[n] for n in keep if n in t} for k, t in found}


def not_ready(daemon, why):
    def says():
        status, text = daemon.readiness()
        return status == 503 and why in text

    wait_until(says, 10, why)


def test_in_the_right_order_under_load(deployment, declared):
    old = deployment.api()
    writer = deployment.writer()
    written, stop, wrong = {}, threading.Event(), []

    def load(api, name):
        client = type(api.http)(api.http.port)
        for i in range(1_000_000):
            if stop.is_set():
                return
            key, document = f"{name} {i}", {"a": f"{name} {i}"}
            if name == "new" and i % 2:
                document.update(b=i, c="c")
            body = json.dumps(document).encode()
            answer = client.request("PUT", key_path(key, "things"), body, JSON)
            if answer.status != 202:
                wrong.append(answer)
            written[key] = document

    threads = [threading.Thread(target=load, args=(old, "old"))]
    threads[0].start()
    try:
        wait_until(lambda: len(written) > 200, 30, "load")
        declared("new")
        deployment.migrate()
        # Old ones go on beside the new table.
        ends = deployment.ends()
        wait_until(lambda: deployment.progress() >= ends, 30, "the old writer goes on")
        writer.stop()
        writer = deployment.writer()
        new = deployment.api()
        threads.append(threading.Thread(target=load, args=(new, "new")))
        threads[1].start()
        wait_until(lambda: "new 300" in written, 60, "load by the new API")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not wrong, wrong[:3]
    ends = deployment.ends()
    wait_until(lambda: deployment.progress() == ends, 60, "all is applied")
    assert rows(deployment) == {
        key: {"b": 7, "c": None, **document} for key, document in written.items()
    }
    assert deployment.sql("SELECT count(*) FROM sluice.rejections") == [(0,)]


def test_a_writer_that_is_older_holds(deployment, declared):
    old_api, writer = deployment.api(), deployment.writer()
    assert put(old_api, "before", {"a": "x"}).status == 201
    declared("new")
    deployment.migrate()
    new_api = deployment.api()
    receipt = put(new_api, "held", {"a": "y", "b": 1, "c": "z"}, JSON)
    assert receipt.status == 202
    partition = int(receipt.json()["position"].split("-")[0])
    not_ready(writer, f"partition {partition}: running: {receipt.json()['position']}")
    assert writer.events("write.newer")
    # What comes behind it waits, too; other partitions go on.
    keys = [f"key {i}" for i in range(60)]
    for key in keys:
        assert put(old_api, key, {"a": "x"}, JSON).status == 202
    ends = deployment.ends()

    def others():
        at = deployment.progress()
        return all(at[p] == ends[p] for p in range(len(at)) if p != partition)

    wait_until(others, 30, "the other partitions go on")
    assert "held" not in rows(deployment)
    assert deployment.progress()[partition] < ends[partition]
    # With the declaration, it goes on.
    writer.stop()
    writer = deployment.writer()
    wait_until(lambda: deployment.progress() == ends, 30, "all is applied")
    found = rows(deployment)
    assert found["held"] == {"a": "y", "b": 1, "c": "z"}
    assert found["before"] == {"a": "x", "b": 7, "c": None}
    assert set(found) == {"before", "held", *keys}
    assert deployment.sql("SELECT count(*) FROM sluice.rejections") == [(0,)]


def test_an_api_that_is_newer_than_the_table(deployment, declared):
    deployment.writer()
    declared("new")
    api = deployment.daemon("api", {"listen.when": "start"}).start(ready=False)
    not_ready(api, "the declaration of things is not migrated: run sluice-writer --migrate")
    answer = put(api, "k", {"a": "x", "b": 1})
    assert (answer.status, answer.problem) == (503, "store-unavailable")
    assert sum(deployment.ends()) == 0
    deployment.migrate()
    api.wait_ready()
    assert put(api, "k", {"a": "x", "b": 1}, JSON).status == 202


def test_a_writer_that_is_newer_than_the_table(deployment, declared):
    api = deployment.api()
    assert put(api, "k", {"a": "x"}, JSON).status == 202
    declared("new")
    writer = deployment.daemon("writer").start(ready=False)
    not_ready(writer, "the declaration of things is not migrated: run sluice-writer")
    deployment.migrate()
    writer.wait_ready()
    wait_until(lambda: rows(deployment) == {"k": {"a": "x", "b": 7, "c": None}}, 10, "k")


def test_a_field_gets_another_name(deployment, declared):
    """What the log and Redis have under the former name is that of the new one."""
    old = deployment.start_all()
    (writer,) = deployment.of("writer")
    feed = Feed(old.http.port, "things")
    begin = feed.last_id
    assert put(old, "k", {"a": "x"}).status == 201
    feed.close()
    path = key_path("k", "things")
    assert old.http.request("GET", path).json()["a"] == "x"
    wait_until(lambda: deployment.servers.redis().keys("*things/k*"), 10, "Redis")
    writer.stop()
    assert put(old, "patched", {"a": "y"}, JSON).status == 202
    patch = {"Content-Type": "application/merge-patch+json"}
    key = key_path("patched", "things")
    assert old.http.request("PATCH", key, b'{"a":"z"}', patch).status == 202
    declared("renamed")
    deployment.migrate()
    deployment.writer()
    new = deployment.api()
    ends = deployment.ends()
    wait_until(lambda: deployment.progress() == ends, 20, "the writes of before")
    assert deployment.sql("SELECT key, b FROM things ORDER BY key") == [
        ("k", "x"),
        ("patched", "z"),
    ]
    answer = new.http.request("GET", path)
    assert "redis" in answer.headers["Cache-Status"], answer.headers
    assert answer.json()["b"] == "x" and "a" not in answer.json()
    refused = put(new, "k", {"a": "x"})
    assert refused.status == 422
    assert refused.json()["errors"][0]["detail"] == "was renamed to b"
    feed = Feed(new.http.port, "things", last_id=begin)
    names = {"k": "x", "patched": "z"}
    feed.wait_for(
        lambda events: {e.key: e.document.get("b") for e in events} == names, "both"
    )
    feed.close()
