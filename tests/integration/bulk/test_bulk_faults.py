"""Many documents in one request, while Postgres or Kafka is away."""

import subprocess
import sys

import pytest
from harness.bulk import Upload, kind, lines, post_lines, results
from harness.servers import ROOT
from harness.wait import wait_until

POST = {"title": "t", "content": "c", "author": "a"}


def statuses(answer):
    return [r["status"] for r in results(answer)]


def test_without_keys(servers, deployment):
    """The ids up to that of a row are given out; the rest is refused, item by item, and
    may be sent again."""
    api = deployment.api({"write.timeout": "6s"})
    writer = deployment.writer()
    assert post_lines(api.http, "posts", [{"id": 3001, **POST}], "wait=10").status == 200
    api.restart()
    assert post_lines(api.http, "posts", [POST], "wait=10").status == 200
    ends = sum(deployment.ends())
    with servers.away("primary"):
        answer = post_lines(api.http, "posts", [POST] * 2400)
        assert answer.status == 202 and answer.header("Retry-After"), answer
        found = results(answer)
        taken = [r for r in found if r["status"] == 202]
        assert 0 < len(taken) < 2400
        assert found[: len(taken)] == taken
        assert {kind(r) for r in found[len(taken) :]} == {"store-unavailable"}
        assert sum(deployment.ends()) == ends + len(taken)
        # Who names the keys needs none.
        named = [{"id": -1 - i, **POST} for i in range(100)]
        assert statuses(post_lines(api.http, "posts", named)) == [202] * 100
    wait_until(
        lambda: set(statuses(post_lines(api.http, "posts", [POST] * 50))) == {202},
        30,
        "keys again",
    )
    wait_until(lambda: deployment.progress() == deployment.ends(), 30, "all is applied")
    keys = {key for (key,) in deployment.sql("SELECT id FROM posts")}
    assert keys >= {int(r["key"]) for r in taken} | {-1 - i for i in range(100)}
    writer.stop()


def test_without_the_log(servers, deployment):
    """It goes away in the middle: what was on its way is unknown, what follows is
    refused; it comes back in the middle, and what follows then is accepted."""
    api = deployment.start_all()
    api.stop()
    api.settings["write.timeout"] = "2s"
    api.settings["http.receive_timeout"] = "5m"  # Kafka takes its time to come back
    api.start()
    upload = Upload(api.http.port, "records")
    sent = 0

    def send(n):
        nonlocal sent
        keys = [f"k{i}" for i in range(sent, sent + n)]
        upload.send(lines([{"key": key, "value": "x"} for key in keys]))
        sent += n
        wait_until(
            lambda: api.metrics()["sluice_bulk_items_total"] >= sent, 30, "it is read"
        )

    send(10)
    wait_until(
        lambda: api.metrics()["sluice_writes_total", 'result="acknowledged"'] == 10,
        10,
        "the log has them",
    )
    with servers.away("kafka", "kill"):
        send(10)
        wait_until(lambda: "the log" in api.readiness()[1], 30, "it is missed")
        send(10)
    api.wait_ready(60)
    send(10)
    answer = upload.finish()
    assert answer.status == 202 and answer.header("Retry-After"), answer
    found = results(answer)
    assert [r["status"] for r in found[:10]] == [202] * 10
    # Kafka may have gone later than the answer of the first ones.
    assert {(r["status"], kind(r)) for r in found[10:20]} <= {
        (503, "write-outcome-unknown"),
        (503, "log-unavailable"),
        (202, None),
    }
    assert {kind(r) for r in found[20:30]} == {"log-unavailable"}
    assert [r["status"] for r in found[30:]] == [202] * 10
    wait_until(lambda: deployment.progress() == deployment.ends(), 30, "all is applied")
    there = {key for (key,) in deployment.sql("SELECT key FROM records")}
    assert there >= {r["key"] for r in found if r["status"] == 202}
    assert not there & {f"k{i}" for i in range(20, 30)}


def test_nothing_is_taken_without_the_log(servers, deployment):
    api = deployment.start_all()
    with servers.away("kafka", "kill"):
        wait_until(lambda: "the log" in api.readiness()[1], 30, "it is missed")
        answer = post_lines(api.http, "posts", [POST] * 10)
        assert (answer.status, answer.problem) == (503, "log-unavailable")
        assert answer.header("Retry-After")


def test_a_log_that_stands_still(servers, deployment):
    """No more is taken from a client than may be on its way; it goes on with the
    log. Whoever hangs up meanwhile is missed when his time is over."""
    patient = deployment.start_all()
    hasty = deployment.daemon("api", {"write.timeout": "1s", "http.receive_timeout": "2s"})
    patient.stop()
    patient.settings["write.timeout"] = "60s"
    for api in (patient, hasty):
        api.start()
    with servers.away("kafka", "pause"):
        uploads = []
        for api in (patient, hasty):
            uploads.append(Upload(api.http.port, "records"))
            items = [{"key": f"{api.name} {i}", "value": "x"} for i in range(6000)]
            uploads[-1].send(lines(items))
        uploads.pop().hang_up()
        wait_until(
            lambda: patient.metrics()["sluice_bulk_items_total"] == 4096,
            30,
            "the window is full",
        )
        assert patient.metrics()["sluice_parked_requests"] == 1
        wait_until(lambda: hasty.metrics()["sluice_bulks"] == 0, 25, "one is gone")
        assert patient.metrics()["sluice_bulk_items_total"] == 4096
    assert statuses(uploads[0].finish()) == [202] * 6000
    wait_until(lambda: deployment.progress() == deployment.ends(), 60, "all is applied")
    ((n,),) = deployment.sql(
        "SELECT count(*) FROM records WHERE starts_with(key, %s)", f"{patient.name} "
    )
    assert n == 6000


@pytest.mark.seconds(240)
def test_a_load_while_the_log_comes_back(servers, deployment):
    api = deployment.start_all()
    url = f"http://127.0.0.1:{api.http.port}"
    options = ["--url", url, "--generate", "20000", "--batch", "500", "--first-id", "1"]
    process = subprocess.Popen(
        [sys.executable, ROOT / "compose" / "load", "posts", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_until(lambda: api.metrics()["sluice_bulk_items_total"] > 2000, 60, "it is under way")
    with servers.away("kafka", "kill"):
        wait_until(lambda: "the log" in api.readiness()[1], 30, "it is missed")
    out, err = process.communicate(timeout=180)
    assert process.returncode == 0, (out, err)
    assert deployment.sql("SELECT count(*) FROM posts") == [(20000,)]
