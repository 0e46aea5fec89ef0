"""The access log, the slow log, and the id that a request has in them, in its answer
and in its problem."""

import json
import re

import pytest
from harness.client import key_path
from harness.feed import Feed
from harness.wait import wait_until

PATH = key_path("logged")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture(scope="module")
def apis(module_deployment):
    """One logs every request as JSON; one those that take 300 ms; one none."""
    d = module_deployment
    settings = (
        {"log.access": "on", "log.format": "json", "log.level": "error"},
        {"log.slow": "300ms", "read.timeout": "400ms"},
        {},
    )
    daemons = [d.daemon("api", each) for each in settings]
    daemons += [d.daemon(kind) for kind in ("writer", "projector")]
    for daemon in daemons:
        daemon.start(ready=False)
    for daemon in daemons:
        daemon.wait_ready()
    return daemons[:3]


def line_of(api, name):
    """The one line of a request in the access log, as JSON."""

    def found():
        lines = [line for line in api.text().splitlines() if f'"{name}"' in line]
        assert len(lines) <= 1, lines
        return json.loads(lines[0]) if lines else None

    return wait_until(found, 5, f"the line of {name}")


def ask(api, name, method="GET", path=PATH, body=None, **headers):
    return api.http.request(method, path, body, {"X-Request-Id": name, **headers})


def test_every_request_has_a_line(apis):
    api = apis[0]
    body = json.dumps({"value": "v"})
    put = ask(
        api, "put-1", "PUT", body=body, Prefer="wait=10", traceparent=PARENT,
        **{"Content-Type": "application/json"},
    )  # fmt: skip
    assert put.status in (200, 201)
    line = line_of(api, "put-1")
    assert line["ev"] == "request" and line["level"] == "info"
    assert (line["method"], line["route"]) == ("PUT", "/v1/{collection}/{key}")
    assert (line["status"], line["source"], line["trace"]) == (put.status, "log", TRACE)
    assert 0 < line["us"] <= line["total_us"] and line["bytes"] == len(put.body)
    assert line["path"] == PATH
    timing = r"total;dur=[0-9.]+, accepted;dur=[0-9.]+, log;dur=[0-9.]+, commit;dur=[0-9.]+"
    assert re.fullmatch(timing, put.header("Server-Timing"))

    def source(name):
        answer = ask(api, name)
        assert answer.status == 200 and answer.header("X-Request-Id") == name
        line = line_of(api, name)
        assert (line["bytes"], line["trace"]) == (len(answer.body), "none")
        return line["source"]

    assert source("get-1") in ("redis", "replica", "primary")
    assert source("get-2") == "l1"
    ask(api, "head-1", "HEAD")
    assert line_of(api, "head-1")["bytes"] == 0
    long = ask(api, "long-1", path="/nothing/" + "x" * 2000 + "?secret=1")
    assert long.status == 404
    line = line_of(api, "long-1")
    assert (
        line["route"] == "none"
        and 290 < len(line["path"]) <= 300
        and "secret" not in str(line)
    )
    ask(api, "word-1", "BREW")
    assert line_of(api, "word-1")["method"] == "_OTHER"


def test_neighbours_that_differ_in_one_thing(apis):
    """Lines of one connection share what requests in turn have in common: each request
    differs from the one before in its status, its method or its route only."""
    api = apis[0]
    absent, nowhere = key_path("absent"), "/nothing/here"
    one, none = "/v1/{collection}/{key}", "none"
    requests = [
        ("GET", PATH, 200, one), ("GET", absent, 404, one), ("HEAD", absent, 404, one),
        ("GET", absent, 404, one), ("GET", nowhere, 404, none), ("GET", absent, 404, one),
        ("GET", PATH, 200, one),
    ]  # fmt: skip
    for i, (method, path, status, route) in enumerate(requests):
        assert ask(api, f"turn-{i}", method, path).status == status
        line = line_of(api, f"turn-{i}")
        assert (line["method"], line["route"], line["status"]) == (method, route, status), i


def test_whoever_hangs_up_has_a_line(apis):
    """A stream has its line when it ends; its bytes are not counted."""
    api = apis[0]
    feed = Feed(api.http.port, always={"X-Request-Id": "feed-1"})
    assert "feed-1" not in api.text()
    feed.close()
    line = line_of(api, "feed-1")
    assert (line["status"], line["bytes"], line["route"]) == (
        200, -1, "/v1/{collection}/_changes",
    )  # fmt: skip


def test_slow_requests_say_where_the_time_went(apis):
    api = apis[1]
    quick = ask(api, "quick-1")
    assert quick.status == 200
    slow = ask(api, "slow-1", **{"Sluice-Read-After": "0-99999999"})
    assert slow.status == 503, slow
    line = wait_until(
        lambda: [x for x in api.events("request.slow") if "slow-1" in x], 5, "its line"
    )[0]
    assert re.search(r'stages="total;dur=[0-9.]+, wait;dur=[0-9.]+" path=', line), line
    assert " level=warn " in line and "quick-1" not in api.text()
    assert not api.events("request")


def test_the_stages_of_a_slow_write(apis, module_deployment):
    """The writer is paused for the time that a write waits."""
    api, writer = apis[1], module_deployment.of("writer")[0]
    named = {"X-Request-Id": "pause-1", "Content-Type": "application/json"}
    assert writer.admin.request("POST", "/pause", b"{}", named).status == 200
    [paused] = writer.events("writer.paused")
    assert 'request="pause-1"' in paused
    body = json.dumps({"value": "slow"})
    headers = {"Content-Type": "application/json", "Prefer": "wait=1"}
    receipt = ask(api, "slow-2", "PUT", body=body, **headers)
    assert receipt.status == 202
    assert writer.admin.request("POST", "/resume", b"{}").status == 200
    line = wait_until(
        lambda: [x for x in api.events("request.slow") if "slow-2" in x], 5, "its line"
    )[0]
    assert re.search(
        r'"total;dur=1[0-9]{3}\.\d+, accepted;dur=[0-9.]+, log;dur=[0-9.]+', line
    ), line
    assert " source=log " in line


def test_an_id_of_a_request(apis):
    api = apis[2]
    made = api.http.request("GET", "/v1/records/none-such")
    name = made.header("X-Request-Id")
    assert re.fullmatch("[0-9a-f]{16}", name)
    assert made.status == 404 and made.json()["request_id"] == name
    for bad in ("a b", 'a"b', "x" * 129):
        answer = ask(api, bad, path="/v1/records/none-such")
        assert re.fullmatch("[0-9a-f]{16}", answer.header("X-Request-Id")), bad
    given = ask(api, "given-1", path="/v1/nothing/x")
    assert given.header("X-Request-Id") == given.json()["request_id"] == "given-1"
    refused = ask(api, "evil-1", "PUT", body=b"{}", Origin="http://evil.example")
    assert refused.status == 403
    [line] = wait_until(
        lambda: [x for x in api.events("audit.refused") if "evil-1" in x], 5, "its line"
    )
    assert 'request="evil-1"' in line
    admin = api.admin.request("GET", "/livez", None, {"X-Request-Id": "admin-1"})
    assert admin.header("X-Request-Id") == "admin-1"
    named = {"X-Request-Id": "purge-1", "Sluice-Admin": "1"}
    assert api.admin.request("DELETE", "/cache/records/x", None, named).status == 200
    [line] = api.events("cache.purged")
    assert 'request="purge-1"' in line
    assert not api.events("request") and not api.events("request.slow")
