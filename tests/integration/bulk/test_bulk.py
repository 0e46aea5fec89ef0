"""POST of many documents: an array, or NDJSON. They are taken as they come, and
each has a result of its own, in order."""

import json
import threading
import uuid

import pytest
from harness.bulk import ARRAY, Upload, kind, lines, post_array, post_lines, results
from harness.client import key_path
from harness.crowd import Background, ended_in_turn
from harness.wait import wait_until

POST = {"title": "t", "content": "c", "author": "a"}
WAIT = "wait=10"


def posts(n, author):
    return [{**POST, "title": f"t{i}", "author": author} for i in range(n)]


def rows_of(world, author):
    return world.sql("SELECT id, title FROM posts WHERE author = %s ORDER BY id", author)


def all_applied(world):
    ends = world.ends()
    wait_until(lambda: world.progress() == ends, 60, "all is applied")


def metric(api, name):
    return api.metrics()[name]


# --- results ---------------------------------------------------------------------------


@pytest.mark.parametrize("post", [post_lines, post_array])
def test_results_in_order(world, http, post):
    document = {"value": "x"}
    given = f"given {post.__name__}"
    items = [document, {"key": given, **document}, {}, 5, {"key": "", **document}, document]
    answer = post(http, "records", items)
    assert answer.status == 202, answer
    found = results(answer)
    assert [r["status"] for r in found] == [202, 202, 422, 422, 422, 202]
    assert [kind(r) for r in found] == [None, None] + ["validation-failed"] * 3 + [None]
    assert [[e["pointer"] for e in r.get("errors", [])] for r in found] == [
        [], [], ["/value"], [""], ["/key"], []
    ]
    assert found[1]["key"] == given
    assert all(uuid.UUID(found[i]["key"]).version == 7 for i in (0, 5))
    after = {"Sluice-Read-After": answer.position}
    for result in found:
        if result["status"] == 202:
            path = key_path(result["key"])
            assert http.request("GET", path, headers=after).json()["value"] == "x"
            status = http.request("GET", f"/v1/_writes/{result['position']}").json()
            assert status["state"] == "committed"
        else:
            assert "key" not in result and "position" not in result


@pytest.mark.parametrize("post", [post_lines, post_array])
def test_waited(http, post):
    base = 900000 if post is post_lines else 910000
    items = [{"id": base + i, **POST} for i in range(300)]
    answer = post(http, "posts", items, WAIT)
    assert answer.status == 200, answer
    assert answer.header("Preference-Applied") == "wait=10"
    found = results(answer)
    assert [r["status"] for r in found] == [201] * 300
    assert [r["key"] for r in found] == [str(base + i) for i in range(300)]
    # Again: they are there; one of them twice in the same request.
    items = [{"id": base + 400, **POST}, *items[:3], {"id": base + 400, **POST}]
    found = results(post(http, "posts", items, WAIT))
    assert [r["status"] for r in found] == [201, 409, 409, 409, 409]
    assert {kind(r) for r in found[1:]} == {"key-exists"}


def test_out_of_time(world, http):
    (writer,) = world.of("writer")
    writer.sigstop()
    try:
        answer = post_lines(http, "posts", posts(3, "late"), "wait=1")
        assert answer.status == 200
        assert [r["status"] for r in results(answer)] == [202] * 3
    finally:
        writer.sigcont()
    all_applied(world)
    assert len(rows_of(world, "late")) == 3


@pytest.mark.parametrize("post", [post_lines, post_array])
def test_minimal(http, post):
    """Only what is not as it was asked for, with its index."""
    name = post.__name__
    items = [{"key": f"min {name} {i}", "value": "x"} for i in range(5)]
    answer = post(http, "records", items[:3], "return=minimal")
    assert (answer.status, results(answer)) == (202, [])
    assert answer.header("Preference-Applied") == "return=minimal"
    items[3] = {}
    answer = post(http, "records", items, f"{WAIT}, return=minimal")
    assert answer.status == 200
    assert answer.header("Preference-Applied") == "wait=10, return=minimal"
    found = results(answer)
    assert [(r["index"], r["status"]) for r in found] == [(0, 409), (1, 409), (2, 409), (3, 422)]


def test_nothing(http):
    for answer in (
        post_lines(http, "posts", []),
        post_lines(http, "posts", None, body=b"\n\r\n \n"),
        post_array(http, "posts", []),
        post_lines(http, "posts", [], WAIT),
    ):
        assert results(answer) == [], answer
        assert answer.status in (200, 202)
        assert answer.position is None


def test_types_and_special_values(world, http):
    """What one document keeps, many keep; and the defaults are filled in."""
    values = ["", "x" * 10000, "\u0001\u007f é \U0001f600 \ufffd", 'q"\\/', " \t\n"]
    items = [{"text": v, "large": 2**53 + 1, "tree": {"a": [{"]": "}"}]}} for v in values]
    text = lines(items).replace(b'"large"', b'"part": 123456789.012345678901, "large"')
    answer = post_lines(http, "samples", None, WAIT, body=text)
    found = results(answer)
    assert [r["status"] for r in found] == [201] * len(values)
    for value, result in zip(values, found, strict=True):
        got = http.request("GET", key_path(result["key"], "samples"))
        document = got.json()
        assert document["text"] == value
        assert document["large"] == 2**53 + 1
        assert document["tree"] == {"a": [{"]": "}"}]}
        assert b"123456789.012345678901" in got.body
        assert (document["mood"], document["flag"]) == ("it's", False)


# --- headers ---------------------------------------------------------------------------


def test_headers(world, http):
    ends = world.ends()
    for name in ("If-Match", "Idempotency-Key"):
        answer = post_lines(http, "posts", [POST], **{name: "x"})
        assert (answer.status, answer.pointers) == (422, [f"/{name}"]), answer
    answer = post_lines(http, "nothing", [POST])
    assert (answer.status, answer.problem) == (404, "collection-not-found")
    for content_type in ("text/csv", "application/jsonl"):
        answer = post_lines(http, "posts", [POST], Content_Type=content_type)
        assert (answer.status, answer.problem) == (415, "unsupported-media-type")
    answer = http.request(
        "PUT", "/v1/posts/1", lines([POST]), {"Content-Type": "application/x-ndjson"}
    )
    assert (answer.status, answer.problem) == (415, "unsupported-media-type")
    assert world.ends() == ends
    answer = post_lines(http, "posts", [POST], Content_Type="Application/X-NDJSON; charset=utf-8")
    assert answer.status == 202


# --- bodies that cannot be read to their end ---------------------------------------------


@pytest.mark.parametrize(
    "form, text, offset, before",
    [
        ("lines", '{"value":"1"}\n{"value":"2"}\n{"value" "3"}\n{"value":"4"}\n', 37, 2),
        ("lines", '{"value":"1"}\n{"value":"2"', 26, 1),
        ("lines", '{"value":"1"}\n{"value":"2","value":"3"}', 27, 1),
        ("lines", "[{", 2, 0),
        ("array", '[{"value":"1"},{"value":"2"},{"value":tru},{"value":"4"}]', 38, 2),
        ("array", '[{"value":"1"},', 15, 1),
        ("array", '[{"value":"1"},]', 15, 1),
        ("array", '[{"value":"1"}] x', 16, 1),
        ("array", '[{"value":"1"}{"value":"2"}]', 14, 0),
        ("array", '[5,{"value":"1"},\\]', 17, 2),
        ("array", " \n[", 3, 0),
    ],
)
def test_what_is_no_json_ends_it(world, http, form, text, offset, before):
    """What was accepted in front of it stays accepted, and is told."""
    ends = sum(world.ends())
    post = post_lines if form == "lines" else post_array
    answer = post(http, "records", None, body=text.encode())
    assert (answer.status, answer.problem) == (400, "invalid-json"), answer
    problem = answer.json()
    assert problem["offset"] == offset, problem
    assert len(problem["results"]) == before
    accepted = [r for r in problem["results"] if r["status"] == 202]
    assert len(accepted) == before - (text[1] == "5")
    assert sum(world.ends()) == ends + len(accepted)
    for result in accepted:
        path = key_path(result["key"])
        after = {"Sluice-Read-After": answer.position}
        assert http.request("GET", path, headers=after).status == 200


SMALL = {
    "http.max_item": "1KiB",
    "http.max_bulk": "20KiB",
    "http.max_bulk_items": 100,
    "http.max_bulks": 2,
    "http.threads": 1,
}


@pytest.fixture(scope="module")
def small(world):
    return world.api(SMALL)


def test_a_long_item_is_its_own_problem(small):
    long = {"value": "x" * 1025}
    for post in (post_lines, post_array):
        answer = post(small.http, "records", [{"value": "1"}, long, {"value": "2"}], WAIT)
        found = results(answer)
        assert [r["status"] for r in found] == [201, 413, 201]
        assert kind(found[1]) == "payload-too-large"


def test_a_body_that_says_that_it_is_too_long(world, small):
    """Then nothing of it is taken."""
    ends = world.ends()
    for post in (post_lines, post_array):
        answer = post(small.http, "records", [{"value": "x" * 100}] * 200)
        assert (answer.status, answer.problem) == (413, "payload-too-large")
        assert "results" not in answer.json() or answer.json()["results"] == []
    assert world.ends() == ends


def test_a_body_that_turns_out_too_long(world, small):
    item = lines([{"value": "x" * 500}])
    ends = sum(world.ends())
    answer = post_lines(small.http, "records", None, body=iter([item] * 1000))
    assert (answer.status, answer.problem) == (413, "payload-too-large")
    found = answer.json()["results"]
    assert [r["status"] for r in found] == [202] * (20 * 1024 // len(item))
    assert sum(world.ends()) == ends + len(found)
    # Small ones can be too many.
    answer = post_lines(small.http, "records", None, body=b'{"value":""}\n' * 101)
    assert (answer.status, answer.problem) == (413, "payload-too-large")
    assert len(answer.json()["results"]) == 100
    assert answer.json()["offset"] == 13 * 100
    assert post_lines(small.http, "records", None, body=b"5\n" * 100).status == 202


def test_so_many_at_once(small):
    open_ones = [Upload(small.http.port, "records").send(b"\n") for _ in range(2)]
    wait_until(lambda: metric(small, "sluice_bulks") == 2, 10, "they are in hand")
    answer = post_lines(small.http, "records", [{"value": "1"}])
    assert (answer.status, answer.problem) == (503, "write-buffer-full")
    assert answer.header("Retry-After")
    for upload in open_ones:
        assert results(upload.finish()) == []
    wait_until(lambda: metric(small, "sluice_bulks") == 0, 10, "they are not")
    assert post_lines(small.http, "records", [{"value": "1"}]).status == 202


# --- as it arrives -----------------------------------------------------------------------


@pytest.mark.parametrize("form", ["lines", "array"])
def test_cut_anywhere(http, form):
    """However the bytes come, the result is the same."""
    items = [{"key": f"cut {form} {i}", "value": 'a"b]}é\n' * (i % 5)} for i in range(40)]
    body = lines(items) if form == "lines" else json.dumps(items, indent=1).encode()
    content_type = "application/x-ndjson" if form == "lines" else ARRAY
    for size in (1, 7, 4096):
        upload = Upload(http.port, "records", content_type, Prefer=WAIT)
        for i in range(0, len(body), size):
            upload.send(body[i : i + size])
        answer = upload.finish()
        want = 201 if size == 1 else 409
        assert [r["status"] for r in results(answer)] == [want] * 40, answer
    for item in items:
        assert http.value(item["key"]) == item["value"]


def test_items_do_not_wait_for_the_body(world, api, http):
    """What has arrived is committed while the rest has not."""
    upload = Upload(http.port, "records")
    upload.send(lines([{"key": "early", "value": "x"}]))
    wait_until(lambda: http.value("early") == "x", 20, "it is there")
    upload.send(lines([{"key": "later", "value": "x"}])[:5])
    upload.send(lines([{"key": "later", "value": "x"}])[5:])
    assert [r["key"] for r in results(upload.finish())] == ["early", "later"]


def test_a_client_that_hangs_up(world, api, http):
    """Whole items count, half of one does not; nothing is left behind."""
    uploads = []
    for n in range(10):
        items = lines([{"key": f"left {n} {i}", "value": "x"} for i in range(500)])
        uploads.append(Upload(http.port, "records").send(items[:-5]))
    # Bulks take turns, so that the last one may be the first to be read.
    for n in range(10):
        last = f"left {n} 498"
        wait_until(lambda last=last: http.value(last) == "x", 20, "it has arrived")
    for upload in uploads:
        upload.hang_up()
    wait_until(lambda: metric(api, "sluice_bulks") == 0, 10, "they are gone")
    wait_until(lambda: metric(api, "sluice_parked_requests") == 0, 10, "nothing waits")
    all_applied(world)
    ((n,),) = world.sql("SELECT count(*) FROM records WHERE key LIKE 'left %%'")
    assert n == 10 * 499


def test_a_drain_finishes_it(world, special_api):
    api = special_api({})
    upload = Upload(api.http.port, "posts", Prefer=WAIT).send(lines(posts(50, "drained")))
    wait_until(lambda: metric(api, "sluice_bulk_items_total") == 50, 10, "50 came")
    api.sigterm()
    wait_until(lambda: "draining" in api.readiness()[1], 10, "it drains")
    found = results(upload.send(lines(posts(50, "drained"))).finish())
    assert {r["status"] for r in found} <= {201, 202} and len(found) == 100
    assert api.wait_exit() == 0
    all_applied(world)
    assert [str(key) for key, _ in rows_of(world, "drained")] == [r["key"] for r in found]


# --- many --------------------------------------------------------------------------------


def rss_kib(daemon):
    with open(f"/proc/{daemon.pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


class Watch(threading.Thread):
    """The most memory that a daemon has meanwhile."""

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.daemon_, self.most, self.done = daemon, 0, threading.Event()
        self.start()

    def run(self):
        while not self.done.wait(0.05):
            self.most = max(self.most, rss_kib(self.daemon_))

    def stop(self):
        self.done.set()
        self.join()
        return self.most


@pytest.mark.seconds(240)
def test_a_hundred_thousand(world):
    """In one request, without a Content-Length, in little memory."""
    n, big = 100000, "x" * 400
    settings = {"http.max_bulk": "1GiB", "http.receive_timeout": "2m", "http.threads": 1}
    api = world.daemon("api", settings)
    api.start(env={"ASAN_OPTIONS": "detect_leaks=1:exitcode=99:quarantine_size_mb=1"})
    warm = post_lines(api.http, "posts", [{**POST, "content": big}] * 10000, WAIT)
    assert warm.status == 200

    def body():
        for first in range(0, n, 1000):
            yield lines(
                {**POST, "title": f"t{i}", "content": big, "author": "many"}
                for i in range(first, first + 1000)
            )

    before, watch = rss_kib(api), Watch(api)
    patient = type(api.http)(api.http.port, timeout=120)
    answer = post_lines(patient, "posts", None, body=body())
    grown = watch.stop() - before
    assert answer.status == 202, answer
    found = results(answer)
    assert {r["status"] for r in found} == {202}
    keys = [int(r["key"]) for r in found]
    assert len(set(keys)) == n
    print(f"{grown} KiB for a body of {n * 450 // 1024} KiB")
    assert grown < 32 * 1024
    all_applied(world)
    titles = dict(rows_of(world, "many"))
    assert [titles[key] for key in keys] == [f"t{i}" for i in range(n)]
    api.stop()


@pytest.mark.seconds(300)
def test_two_instances_and_restarts(world):
    """No integer is given out twice."""
    apis, keys, wrong = world.of("api")[:2], [], []
    lock = threading.Lock()

    def load(api):
        client = type(api.http)(api.http.port)

        def once():
            try:
                answer = post_lines(client, "posts", posts(300, "bulk load"))
            except OSError:
                client.forget()
                return
            if answer.status not in (202, 503):
                wrong.append(answer)
            with lock:
                for r in results(answer) if answer.status == 202 else []:
                    keys.extend([int(r["key"])] if r["status"] == 202 else [])

        return once

    with Background(*(load(api) for api in apis * 2)):
        ended_in_turn(apis, (False, True), lambda: len(keys), 5000)
    assert not wrong, wrong[:3]
    assert len(set(keys)) == len(keys)
    all_applied(world)
    there = {key for key, _ in rows_of(world, "bulk load")}
    assert there >= set(keys)
    assert world.sql("SELECT * FROM sluice.rejections WHERE reason = 'key-exists'"
                     " AND collection = 'posts' AND key::bigint < 900000") == []


def test_other_requests_have_their_turn(world, http):
    """A bulk that is a lot of work pauses, and loses nothing by it."""
    api = world.of("api")[0]
    before = metric(api, "sluice_bulk_pauses_total")
    answer = post_lines(http, "posts", posts(3000, "pauses"))
    assert [r["status"] for r in results(answer)] == [202] * 3000
    assert metric(api, "sluice_bulk_pauses_total") > before
    wait_until(lambda: len(rows_of(world, "pauses")) == 3000, 60, "all are there")
