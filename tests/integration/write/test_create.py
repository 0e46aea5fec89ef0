"""POST: keys that are generated, and keys that the body names."""

import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

from harness.client import key_path
from harness.crowd import Background, ended_in_turn
from harness.wait import wait_until

POST = {"title": "t", "content": "c", "author": "a"}
WAIT = {"Prefer": "wait=10"}


def post(http, collection, document, headers=None):
    every = {"Content-Type": "application/json", **(headers or {})}
    return http.request("POST", f"/v1/{collection}", json.dumps(document), every)


def test_without_postgres(servers, deployment):
    """What is reserved is given out, then ids that no row had. An API that never had an
    answer of Postgres has no key, and accepts nothing."""
    api = deployment.api({"read.timeout": "1s", "listen.when": "start"})
    writer = deployment.writer()
    assert post(api.http, "posts", POST, WAIT).status == 201
    ends = sum(deployment.ends())
    with servers.away("primary"):
        answers = [post(api.http, "posts", POST) for _ in range(1500)]
        assert {a.status for a in answers} == {202}
        assert sum(deployment.ends()) == ends + len(answers)
        api.stop()
        api.start(ready=False)
        api.wait_alive()
        answer = wait_until(lambda: try_post(api), 20, "it listens")
        assert (answer.status, answer.problem) == (503, "store-unavailable")
        assert sum(deployment.ends()) == ends + len(answers)
    wait_until(lambda: post(api.http, "posts", POST).status == 202, 30, "keys again")
    wait_until(
        lambda: deployment.progress() == deployment.ends(), 30, "all is applied"
    )
    assert deployment.sql("SELECT count(*) FROM posts") == [(len(answers) + 2,)]
    writer.stop()


def try_post(api):
    """None while writes are refused since the log is not reached yet."""
    try:
        answer = post(api.http, "posts", POST)
    except OSError:
        return None
    return answer if answer.problem != "log-unavailable" else None


def test_generated_keys(world, http):
    for collection, document, key_name in (
        ("posts", POST, "id"),
        ("samples", {"text": "x"}, "sample_id"),
        ("records", {"value": "x"}, "key"),
    ):
        answer = post(http, collection, document, WAIT)
        assert answer.status == 201, answer
        key = answer.json()["key"]
        assert answer.header("Location") == f"/v1/{collection}/{key}"
        found = http.request("GET", answer.header("Location"))
        assert found.header("ETag") == answer.header("ETag")
        assert str(found.json()[key_name]) == key
        assert document.items() <= found.json().items()
        if collection != "posts":
            assert uuid.UUID(key).version == 7
    assert isinstance(http.request("GET", "/v1/posts/" + key_of(http)).json()["id"], int)


def key_of(http):
    return post(http, "posts", POST, WAIT).json()["key"]


def test_a_receipt_has_the_final_key(http):
    answer = post(http, "posts", POST)
    assert answer.status == 202, answer
    receipt = answer.json()
    assert receipt["state"] == "accepted"
    path = key_path(receipt["key"], "posts")
    after = {"Sluice-Read-After": receipt["position"]}
    assert http.request("GET", path, headers=after).json()["id"] == int(receipt["key"])


def test_keys_of_the_body(http):
    for collection, document in (
        ("posts", {**POST, "id": -5}),
        ("records", {"key": "_a/b c%é", "value": "x"}),
        ("samples", {"sample_id": str(uuid.uuid4()), "text": "x"}),
    ):
        answer = post(http, collection, document, WAIT)
        assert answer.status == 201, answer
        found = http.request("GET", answer.header("Location"))
        assert found.status == 200 and document.items() <= found.json().items()
        again = post(http, collection, document, WAIT)
        assert (again.status, again.problem) == (409, "key-exists")
        assert http.request("GET", answer.header("Location")).body == found.body
    for collection, document, pointer in (
        ("posts", {**POST, "id": "5"}, "/id"),
        ("posts", {**POST, "id": None}, "/id"),
        ("posts", {**POST, "id": 2**63}, "/id"),
        ("records", {"key": "", "value": "x"}, "/key"),
        ("records", {"key": 5, "value": "x"}, "/key"),
        ("samples", {"sample_id": "x", "text": "x"}, "/sample_id"),
        ("posts", {"title": "t", "content": "c"}, "/author"),
        ("posts", 5, ""),
    ):
        answer = post(http, collection, document, WAIT)
        assert (answer.status, answer.pointers) == (422, [pointer]), document
    answer = post(http, "posts", POST, {"If-Match": "*"})
    assert (answer.status, answer.pointers) == (422, ["/If-Match"])
    assert post(http, "nothing", {}).problem == "collection-not-found"


def test_a_rejected_create_says_why_later(http):
    document = {**POST, "id": -6}
    assert post(http, "posts", document, WAIT).status == 201
    receipt = post(http, "posts", document, {"Prefer": "respond-async"})
    assert receipt.status == 202

    def state():
        return http.request("GET", receipt.header("Location")).json()

    found = wait_until(lambda: state()["state"] == "rejected" and state(), 10, "decided")
    assert (found["reason"], found["status"]) == ("key-exists", 409)


def test_retries_have_one_key(http, other_api):
    for collection, document in (("posts", POST), ("samples", {"text": "x"})):
        name = {"Idempotency-Key": f"create {collection}".replace(" ", "-")}
        first = post(http, collection, document, name)
        assert first.status == 201, first
        for client in (http, other_api.http):
            again = post(client, collection, document, name)
            assert again.status == 201, again
            assert again.header("Idempotency-Replayed") == "true"
            assert again.json()["key"] == first.json()["key"]
            assert again.header("Location") == first.header("Location")
        other = post(http, collection, {**document, "key": 1}, name)
        assert other.status == 422
    reused = post(http, "posts", {**POST, "title": "other"}, {"Idempotency-Key": "create-posts"})
    assert (reused.status, reused.problem) == (422, "idempotency-key-reused")


def test_retries_meet_in_one_partition(http, other_api):
    """Whichever instance takes them: the log of that partition says which is the first."""
    for collection, document in (("posts", POST), ("samples", {"text": "x"})):
        for n in range(6):
            name = {"Idempotency-Key": f"meet-{collection}-{n}"}
            partitions, keys = set(), set()
            for client in (http, other_api.http, http):
                receipt = post(client, collection, document, {**name, "Prefer": "respond-async"})
                assert receipt.status == 202, receipt
                keys.add(receipt.json()["key"])
                partitions.add(receipt.position.split("-")[0])
            assert len(keys) == 3, keys
            assert len(partitions) == 1, (collection, n, partitions)


def test_rows_that_are_there_are_stepped_over(world, http):
    """A block in which a client has chosen a key is not given out."""
    ((last, block),) = world.sql(
        "SELECT last_value, increment_by FROM pg_sequences"
        " WHERE sequencename = 'products_id_seq'"
    )
    product = {"name": "n", "price": 1, "category": "c"}
    for ahead in (1, 2, 4):
        path = key_path(str(last + ahead * block + 3), "products")
        answer = http.request(
            "PUT", path, json.dumps(product), {"Content-Type": "application/json", **WAIT}
        )
        assert answer.status == 201
    ((first, n),) = world.sql(
        "SELECT r.first, r.n FROM sluice.reserve('products_id_seq', 'products', 'id',"
        " 1, 1) r"
    )
    assert (first, n) == (last + 3 * block, block)


def test_two_instances_under_load_and_restarts(world):
    """No id is given out twice: the rows would be fewer than the receipts."""
    apis, keys, wrong = world.of("api"), [], []
    lock = threading.Lock()

    def load(api):
        client = type(api.http)(api.http.port)

        def once():
            try:
                answer = post(client, "posts", {**POST, "author": "load"})
            except OSError:
                client.forget()
                return
            with lock:
                if answer.status == 202:
                    keys.append(int(answer.json()["key"]))
                elif answer.status != 503:
                    wrong.append(answer)

        return once

    with Background(*(load(api) for api in apis * 3)):
        ended_in_turn(apis, (False, True, True), lambda: len(keys), 700)
    assert not wrong, wrong[:3]
    assert len(set(keys)) == len(keys)
    ends = world.ends()
    wait_until(lambda: world.progress() == ends, 60, "all is applied")
    ((rows,),) = world.sql(
        "SELECT count(*) FROM posts WHERE author = 'load' AND id = ANY(%s)", keys
    )
    assert rows == len(keys)
    assert world.sql("SELECT * FROM sluice.rejections WHERE reason = 'key-exists'"
                     " AND detail IS NOT NULL") == []


def waits_for_a_lock(connection):
    found = connection.execute(
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock' AND query LIKE 'INSERT INTO public.\"posts\"%'"
    )
    return found.fetchone() is not None


def test_another_program_inserts_the_row_meanwhile(world, http):
    """The writer has read that there is no row; then another program commits one. The
    row stays, and the create is told. So for one write, and for some that are together."""
    (writer,) = world.of("writer")
    failed = "sluice_writer_batches_failed_total"
    before = writer.metrics()
    for first, n in ((-1000, 1), (-2000, 20)):
        documents = [{**POST, "id": first - i} for i in range(n)]
        with (
            world.servers.postgres(world.name) as watch,
            world.servers.postgres(world.name) as other,
            ThreadPoolExecutor(n) as pool,
        ):
            with other.transaction():
                other.execute(
                    "INSERT INTO posts (id, title, content, author, created_at, updated_at,"
                    " version) VALUES (%s, 'theirs', 'c', 'a', now(), now(), 0)", (first,)
                )  # fmt: skip
                asked = [pool.submit(post, http, "posts", d, WAIT) for d in documents]
                wait_until(lambda c=watch: waits_for_a_lock(c), 10, "the writer inserts it")
            answers = [a.result() for a in asked]
        assert [a.status for a in answers] == [409] + [201] * (n - 1), answers
        assert answers[0].problem == "key-exists", answers[0]
        assert world.sql("SELECT title, version FROM posts WHERE id = %s", first) == [("theirs", 0)]
    after = writer.metrics()
    assert after[failed, 'why="inserted"'] == before[failed, 'why="inserted"'] + 2
    assert after[failed, 'why="reject"'] == before[failed, 'why="reject"']


def test_changes_are_announced_in_the_order_of_the_log(world, http):
    """Not in the order of keys, which is another one here."""
    documents = [{"key": f"order-{i:02}", "value": "x"} for i in reversed(range(60))]
    every = {"Content-Type": "application/json", **WAIT}
    answer = http.request("POST", "/v1/records", json.dumps(documents), every)
    assert answer.status < 300, answer
    world.wait_projected()
    found = {}
    for m in world.servers.read_log(world.commits, len(world.progress())):
        if m.key().startswith(b"records/order-"):
            found.setdefault(m.partition(), []).append(int(dict(m.headers())["version"]))
    assert sum(map(len, found.values())) == len(documents)
    assert all(versions == sorted(versions) for versions in found.values()), found
