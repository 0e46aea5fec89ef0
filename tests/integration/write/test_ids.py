"""Generated integer keys: no id is given out twice, whatever becomes of the sequence in
Postgres or of the topic log.ids; each covers the loss of the other."""

import itertools
import json
import re

import pytest
from confluent_kafka.admin import NewTopic
from harness.bulk import post_lines, results
from harness.crowd import in_threads
from harness.deployment import QUICK_GROUP
from harness.forge import Forger
from harness.replica import replica_caught_up
from harness.wait import wait_until

POST = {"title": "t", "content": "c", "author": "a"}
BLOCK = 10  # small, so that few documents need many blocks


def small_blocks(deployment, table="posts"):
    deployment.sql(f'ALTER SEQUENCE "{table}_id_seq" INCREMENT BY {BLOCK}')
    return deployment


def new_keys(api, n, collection="posts", document=POST):
    """The keys of n new documents, all of which are accepted."""
    answer = post_lines(api.http, collection, [document] * n)
    found = results(answer)
    assert {r["status"] for r in found} == {202}, found[-1]
    return [int(r["key"]) for r in found]


def keys_of_all(apis, n, rounds=3, **more):
    """Of n documents from each, at the same time, a few times."""
    each = in_threads(len(apis), apis * rounds, lambda a: new_keys(a, n, **more))
    return list(itertools.chain(*each))


def check(deployment, keys, table="posts"):
    assert len(set(keys)) == len(keys), "an id was given out twice"
    wait_until(lambda: deployment.progress() == deployment.ends(), 60, "all is applied")
    assert deployment.sql("SELECT * FROM sluice.rejections") == []
    rows = {key for (key,) in deployment.sql(f"SELECT id FROM {table}")}
    assert rows >= set(keys)


def sequence(deployment, table="posts"):
    ((last,),) = deployment.sql(f'SELECT last_value FROM "{table}_id_seq"')
    return last


def put_back(deployment, value=1, table="posts"):
    deployment.sql("SELECT setval(%s, %s, false)", f"{table}_id_seq", value)


def taken(deployment):
    """What the topic says: collection, first, n, in the order of the records."""
    return [
        (m.key().decode(), *json.loads(m.value()).values())
        for m in deployment.servers.read_log(deployment.ids, 1)
        if m.value().startswith(b'{"first"')
    ]


def test_a_sequence_that_goes_back(deployment):
    """Blocks that are out have no rows yet: only the topic tells that they are out."""
    small_blocks(deployment)
    deployment.start_all(apis=2)
    apis = deployment.of("api")
    keys = keys_of_all(apis, 35)
    for value in (1, 101, 51):
        high = sequence(deployment)
        put_back(deployment, value)
        keys += keys_of_all(apis, 35)
        assert sequence(deployment) > high, "it was pushed on"
    check(deployment, keys)
    assert any(api.events("ids.behind") for api in apis)
    # An instance that was not there yet has read it.
    put_back(deployment)
    third = deployment.api()
    keys += new_keys(third, 35) + keys_of_all(apis, 15)
    check(deployment, keys)
    assert third.events("ids.behind")


def test_a_failover(pair, deploy):
    """PostgreSQL logs a sequence 32 values ahead: more blocks are reserved than that
    between the last that the standby gets and the end of the primary."""
    deployment = small_blocks(deploy(pair.on()))
    deployment.start_all(apis=2, settings=QUICK_GROUP)
    apis = deployment.of("api")
    keys = keys_of_all(apis, 25)
    check(deployment, keys)
    replica_caught_up(deployment)
    pair.cut()
    keys += new_keys(apis[0], 1200)
    high = sequence(deployment)
    pair.fail_over()
    wait_until(lambda: sequence(deployment) < high, 30, "the sequence has gone back")
    for api in apis:
        api.wait_ready()
    keys += keys_of_all(apis, 400)
    check(deployment, keys)
    assert sequence(deployment) > high


def test_without_postgres(servers, deployment):
    """Two instances go on from the ids that no row had; one is first each time, and
    nobody reserves what the other has."""
    small_blocks(deployment)
    deployment.start_all(apis=2, settings=QUICK_GROUP)
    apis = deployment.of("api")
    keys = keys_of_all(apis, 25)
    check(deployment, keys)
    with servers.away("primary"):
        keys += keys_of_all(apis, 200)
        assert all(a.metrics()["sluice_ids_without_postgres_total"] > 0 for a in apis)
    high = max(keys)
    for api in apis:
        api.wait_ready(60)
    keys += keys_of_all(apis, 200)
    check(deployment, keys)
    wait_until(
        lambda: keys.extend(new_keys(apis[0], 20)) or sequence(deployment) > high,
        30,
        "Postgres has heard of it",
    )
    check(deployment, keys)


def test_without_postgres_up_to_a_row(servers, deployment):
    """A client's own key, near or at the end of all integers, is no reason to jump, and
    nothing is given out that it has."""
    small_blocks(deployment)
    api = deployment.api({"write.timeout": "6s"})
    deployment.writer(QUICK_GROUP)
    own = [{"id": key, **POST} for key in (2**63 - 1, 505)]
    assert {r["status"] for r in results(post_lines(api.http, "posts", own, "wait=10"))} == {201}
    keys = new_keys(api, 35)
    with servers.away("primary"):
        found = results(post_lines(api.http, "posts", [POST] * 600))
    assert {r["status"] for r in found} == {202, 503}
    keys += [int(r["key"]) for r in found if r["status"] == 202]
    assert keys == sorted(keys) and 400 < max(keys) <= 500
    keys += wait_until(lambda: try_one(api), 60, "keys again")
    keys += new_keys(api, 50)
    check(deployment, keys)
    assert 510 < max(keys) < 2000


def try_one(api):
    (found,) = results(post_lines(api.http, "posts", [POST]))
    return [int(found["key"])] if found["status"] == 202 else None


def remake(deployment):
    admin = deployment.servers.kafka_admin
    deployment.servers.delete_topics(deployment.ids)
    wait_until(
        lambda: deployment.ids not in admin.list_topics(timeout=5).topics, 10, "it is gone"
    )
    deployment.migrate()


def test_a_topic_that_was_made_again(deployment):
    """The sequence covers it; and once there is a record in the new one, that one
    covers the sequence."""
    small_blocks(deployment)
    deployment.start_all(apis=2)
    apis = deployment.of("api")
    keys = keys_of_all(apis, 35)
    remake(deployment)
    third = deployment.api()
    apis.append(third)
    keys += keys_of_all(apis, 35)
    assert min(first for _, first, _ in taken(deployment)) > 1
    put_back(deployment)
    fourth = deployment.api()
    keys += new_keys(fourth, 35) + keys_of_all(apis, 35)
    check(deployment, keys)


def test_two_instances_that_race(deployment):
    """Both want the same block: the sequence is put back all the time."""
    small_blocks(deployment)
    deployment.start_all(apis=2)
    apis, keys = deployment.of("api"), []
    for _ in range(8):
        put_back(deployment)
        keys += keys_of_all(apis, 45, rounds=1)
    check(deployment, keys)
    records = [range(first, first + n) for _, first, n in taken(deployment)]
    assert len(records) > 10


def test_foreign_records(deployment):
    """What Sluice does not write is passed over, and counted."""
    small_blocks(deployment)
    api = deployment.start_all()
    keys = new_keys(api, 15)
    forger = Forger(deployment)
    good = {"accepted-at": "1700000000000000", "instance": "f" * 16, "seq": "1"}
    for key, value, headers in (
        (None, b'{"first":1,"n":1}', good),
        ("posts", None, good),
        ("posts", b"\xff\x00", good),
        ("posts", b'{"first":1}', good),
        ("posts", b'{"first":"1","n":1}', good),
        ("posts", b'{"first":1,"n":0}', good),
        ("posts", b'{"first":1,"n":-5}', good),
        ("posts", b'{"first":1,"n":9223372036854775807}', good),
        ("posts", b'{"first":9223372036854775807,"n":1}', good),
        ("posts", b'{"first":1,"n":1e3}', good),
        ("posts", b'{"first":1,"n":1' + b" " * 300 + b"}", good),
        ("posts", b'{"first":1,"n":1}', {**good, "seq": "x"}),
        ("posts", b'{"first":1,"n":1}', {**good, "instance": "x"}),
        ("posts", b'{"first":1,"n":1}', None),
    ):
        forger.say(deployment.ids, 0, key, value, headers)
    wait_until(
        lambda: api.metrics()["sluice_ids_malformed_total"] == 14, 10, "they were passed over"
    )
    # Of a collection that nobody declares, of one without integers: no matter.
    for key in ("nothing", "records", "posts/1"):
        forger.say(deployment.ids, 0, key, b'{"first":1,"n":1000}', good)
    # Another instance is first: what it says is true.
    ahead = sequence(deployment) + BLOCK
    forger.say(deployment.ids, 0, "posts", b'{"first":%d,"n":%d}' % (ahead, 3 * BLOCK), good)
    more = new_keys(api, 100)
    assert not set(more) & {*range(ahead, ahead + 3 * BLOCK)}
    check(deployment, keys + more)
    assert api.metrics()["sluice_ids_malformed_total"] == 14


def test_no_topic(deployment):
    """A deployment of before has none until --migrate: no keys, and it says why."""
    deployment.ids += ".missing"
    api = deployment.api({"read.timeout": "1s"})
    writer = deployment.daemon("writer").start(ready=False)
    missing = f"topic {deployment.ids} does not exist: run sluice-writer --migrate"
    wait_until(lambda: missing in writer.text(), 20, "the writer says so")
    answer = api.http.request(
        "POST", "/v1/posts", json.dumps(POST), {"Content-Type": "application/json"}
    )
    assert (answer.status, answer.problem) == (503, "store-unavailable")
    assert api.http.put("a", "1").status == 202
    wait_until(lambda: api.events("ids.unread"), 30, "the api says so")
    deployment.migrate()
    wait_until(lambda: try_one(api), 30, "keys")
    writer.wait_ready()


@pytest.mark.parametrize("setting", ("retention.ms", "retention.bytes", "cleanup.policy"))
def test_a_topic_that_forgets(deployment, setting):
    """One that was made by somebody else must not delete records."""
    admin, name = deployment.servers.kafka_admin, deployment.ids + ".other"
    right = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
    wrong = {**right, setting: "compact" if setting == "cleanup.policy" else "1000000"}
    # More partitions than one do no harm.
    admin.create_topics([NewTopic(name, 3, 1, config=wrong)])[name].result(20)
    deployment.ids = name
    writer = deployment.daemon("writer").start(ready=False)
    writer.ends_by_itself(1)
    (line,) = writer.events("writer.fatal") or writer.events("start.refused")
    code = "log.compacted" if setting == "cleanup.policy" else "log.deleted"
    assert f"code={code}" in line and re.search(rf"--add-config {re.escape(setting)}=", line)
