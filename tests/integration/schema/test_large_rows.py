"""Rows that are larger than a document may be: a write that would make one is
refused alone, and one that is there already, by other hands, stops nobody."""

import json

import pytest
from harness import history
from harness.client import key_path
from harness.feed import Feed
from harness.forge import Forger
from harness.wait import wait_until

LIMIT = 1 << 20
SAMPLE = "018f2b2e-0000-7000-8000-00000000000{}"
# Collection, key, a field for objects, how caches take its commits.
KINDS = [("samples", SAMPLE.format(1), "tree"), ("kinds", "grows", "o")]
MERGE = {"Content-Type": "application/merge-patch+json", "Prefer": "wait=20"}
PUT = {"Content-Type": "application/json", "Prefer": "wait=20"}


@pytest.fixture(scope="module")
def running(servers, module_deploy):
    d = module_deploy(servers, partitions=2)
    d.start_all()
    return d


@pytest.fixture
def deployment(running):
    yield running
    for daemon in running.daemons:
        daemon.check_alive()
        daemon.check_log()


def put(deployment, collection, key, document):
    (api,) = deployment.of("api")
    if collection == "samples":
        document = {"text": "x", **document}
    answer = api.http.request("PUT", key_path(key, collection), json.dumps(document), PUT)
    assert answer.status in (200, 201), answer
    return tuple(map(int, answer.position.split("-")))


def read(deployment, collection, key, **headers):
    (api,) = deployment.of("api")
    headers = {name.replace("_", "-"): v for name, v in headers.items()}
    return api.http.request("GET", key_path(key, collection), headers=headers)


def announced(deployment, collection, key):
    """What was said of a key: (op, value), in order."""
    return [
        (dict(m.headers())["op"].decode(), m.value())
        for m in deployment.servers.read_log(deployment.commits, deployment.partitions)
        if m.key() == f"{collection}/{key}".encode()
    ]


@pytest.mark.parametrize("collection, key, field", KINDS)
def test_a_few_bytes_that_would_be_megabytes(deployment, collection, key, field):
    """Whoever appends to the log may pass by the API: the writer refuses it, and
    what stands around it in the batch is applied."""
    partition, _ = put(deployment, collection, key, {field: {"n": 1}})
    (api,), (writer,) = deployment.of("api"), deployment.of("writer")
    assert writer.admin.request("POST", "/pause").status == 200
    forger = Forger(deployment)
    id = f"{collection}/{key}"
    text = '"text":"x",' if collection == "samples" else ""
    large = "{%s\"%s\":{\"a\":[%s]}}" % (text, field, ",".join(["1e999"] * 2000))
    assert len(large) < 13_000
    buffered = writer.metrics()["sluice_writer_buffered_writes"]
    offset = forger.write(partition, id, large)
    patch = '{"%s":{"b":[%s]}}' % (field, ",".join(["1e999"] * 1100))
    patched = forger.write(partition, id, patch, op="patch")
    after = forger.write(partition, id, '{"%s":{"m":2}}' % field, op="patch")
    wait_until(
        lambda: writer.metrics()["sluice_writer_buffered_writes"] == buffered + 3, 20, "it has them"
    )
    assert writer.admin.request("POST", "/resume").status == 200
    history.settle(deployment)
    for one in offset, patched:
        status = history.decided(api.http, f"{partition}-{one}")
        assert status["state"] == "rejected" and status["reason"] == "payload-too-large", status
    status = history.decided(api.http, f"{partition}-{after}")
    assert status["state"] == "committed", status
    assert read(deployment, collection, key).json()[field] == {"n": 1, "m": 2}
    ((detail,),) = deployment.sql(
        "SELECT detail FROM sluice.rejections WHERE partition = %s AND version = %s",
        partition,
        offset,
    )
    assert detail.startswith("the document would have 200") and str(LIMIT) in detail
    assert writer.readiness()[0] == 200


@pytest.mark.parametrize("collection, key, field", KINDS)
def test_patches_that_would_make_a_row_too_large(deployment, collection, key, field):
    """The one that would is refused, with 413; the row stays, and goes on."""
    put(deployment, collection, key, {field: {}})
    (api,) = deployment.of("api")
    path = key_path(key, collection)
    statuses = []
    for i in range(3):
        patch = {field: {f"k{i}": "x" * 600_000}}
        answer = api.http.request("PATCH", path, json.dumps(patch), MERGE)
        statuses.append(answer.status)
    assert statuses == [200, 413, 413]
    assert answer.problem == "payload-too-large"
    answer = api.http.request("PATCH", path, json.dumps({field: {"k9": 1}}), MERGE)
    assert answer.status == 200, answer
    document = read(deployment, collection, key).json()
    assert [*document[field]] == ["k0", "k9"]
    (writer,) = deployment.of("writer")
    writer.restart()
    put(deployment, collection, key, {field: {"after": True}})


def test_a_batch_of_rejections_is_marked_in_parts(deployment):
    """Ten thousand rejections are more than one mark should hold."""
    partition, _ = put(deployment, "kinds", "many", {})
    (api,), (writer,) = deployment.of("api"), deployment.of("writer")
    assert writer.admin.request("POST", "/pause").status == 200
    forger = Forger(deployment)
    begin = deployment.ends()[partition]
    headers = {"op": "put", "accepted-at": "1", "instance": "a" * 16}
    for seq in range(1, 1501):
        forger.producer.produce(
            deployment.writes,
            key="kinds/many",
            value='{"i":"no"}',
            partition=partition,
            headers={**headers, "seq": str(seq)},
        )
    assert forger.producer.flush(20) == 0
    name = "sluice_writer_buffered_writes"
    wait_until(lambda: writer.metrics()[name] >= 1500, 20, "the writer has them")
    assert writer.admin.request("POST", "/resume").status == 200
    history.settle(deployment)
    marks = [
        json.loads(m.value())
        for m in deployment.servers.read_log(deployment.commits, deployment.partitions)
        if m.key() == b"_mark" and m.partition() == partition
    ]
    rejected = [int(r["version"]) for mark in marks for r in mark.get("rejected", [])]
    assert [v for v in rejected if v >= begin] == [*range(begin, begin + 1500)]
    assert max(len(mark.get("rejected", [])) for mark in marks) == 1000
    deployment.wait_projected()
    put(deployment, "kinds", "many", {"i": 1})
    for position in begin, begin + 999, begin + 1000, begin + 1499:
        state = history.decided(api.http, f"{partition}-{position}")
        assert state["state"] == "rejected", state


GROW = """
CREATE FUNCTION grow() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN NEW.s := repeat('x', 2000000); RETURN NEW; END $$;
CREATE TRIGGER grow BEFORE INSERT OR UPDATE ON kinds FOR EACH ROW
  WHEN (NEW.i = 42) EXECUTE FUNCTION grow();
"""
def busy(deployment):
    query = (
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
        " AND state = 'active' AND query LIKE '%kinds%' AND pid <> pg_backend_pid()"
    )
    return deployment.sql(query) + deployment.sql(query, replica=True)


def is_too_large(answer):
    assert answer.status == 500 and answer.problem == "row-too-large", answer


def is_no_answer(answer):
    """Postgres works for seconds, and is stopped."""
    assert answer.problem in ("row-too-large", "store-unavailable"), answer


# Seventeen megabytes; and more than Postgres has room for in a text.
LARGE = [
    ("s = repeat('y', 17 << 20)", is_too_large),
    ("a = (SELECT jsonb_agg('1e131071'::jsonb) FROM generate_series(1, 8300))", is_no_answer),
]


def test_a_row_that_a_trigger_makes_too_large(deployment):
    """It is announced as changed, without its document."""
    put(deployment, "kinds", "trigger", {"i": 1})
    assert read(deployment, "kinds", "trigger").json()["i"] == 1
    deployment.sql(GROW)
    (api,), (writer,) = deployment.of("api"), deployment.of("writer")
    feed = Feed(api.http.port, "kinds")
    before = writer.metrics()["sluice_writer_documents_omitted_total"]
    put(deployment, "kinds", "trigger", {"i": 42})
    assert writer.metrics()["sluice_writer_documents_omitted_total"] == before + 1
    assert writer.events("document.omitted")
    assert announced(deployment, "kinds", "trigger")[-1] == ("changed", b"")
    is_too_large(read(deployment, "kinds", "trigger"))
    wait_until(lambda: feed.events, 20, "the feed tells it")
    assert feed.events[-1].kind == "put" and feed.events[-1].document is None
    feed.close()
    deployment.wait_projected()
    deployment.sql("DROP FUNCTION grow CASCADE")
    put(deployment, "kinds", "trigger", {"i": 2})
    assert read(deployment, "kinds", "trigger").json()["i"] == 2


@pytest.mark.parametrize("change, is_right", LARGE, ids=["text", "numbers"])
def test_a_gap_with_a_row_that_is_too_large(deployment, change, is_right):
    """A writer of before committed it and died: the next one closes the gap, and
    goes on; who reads the key is told, and nobody else notices."""
    key = "gap"
    partition, _ = put(deployment, "kinds", key, {"i": 1})
    assert read(deployment, "kinds", key).json()["i"] == 1
    history.settle(deployment)
    (api,), (writer,) = deployment.of("api"), deployment.of("writer")
    writer.stop()
    receipt = api.http.request(
        "PUT", key_path(key, "kinds"), json.dumps({"i": 2}), {"Content-Type": "application/json"}
    )
    assert receipt.status == 202, receipt
    version = int(receipt.position.split("-")[1])
    deployment.sql(f"UPDATE kinds SET {change}, i = 2, version = {version} WHERE key = '{key}'")
    deployment.sql(
        "UPDATE sluice.progress SET next_offset = %s WHERE partition = %s", version + 1, partition
    )
    writer.start()
    history.settle(deployment)
    assert announced(deployment, "kinds", key)[-1] == ("changed", b"")
    put(deployment, "kinds", "another", {"i": 3})
    is_right(read(deployment, "kinds", key))
    assert read(deployment, "kinds", "another", Cache_Control="no-cache").status == 200
    assert api.metrics()["sluice_tier_down", 'tier="primary"'] == 0
    assert not api.events("breaker.open")
    # Nothing can be made of it, but it can be replaced.
    if is_right is is_too_large:
        path = key_path(key, "kinds")
        answer = api.http.request("PATCH", path, json.dumps({"b": True}), MERGE)
        assert answer.status == 413, answer
    put(deployment, "kinds", key, {"i": 4})
    # The servers may still be busy with the row of before, and cannot be stopped.
    wait_until(lambda: not busy(deployment), 60, "they are done with it")
    wait_until(
        lambda: read(deployment, "kinds", key).json().get("i") == 4, 20, "it is as it was put"
    )
    deployment.wait_projected()
