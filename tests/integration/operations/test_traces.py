"""Traces (docs/tracing.md): a request as the collector sees it, from the api to Redis;
and a collector that fails, or does not answer, which nobody waits for."""

import contextlib
import http.client
import json
import os
import re
import secrets
import shutil
import subprocess
import time

import pytest
from harness.certificates import Authority
from harness.client import Client
from harness.collector import REAL, Collector
from harness.wait import wait_until
from prometheus_client.openmetrics.parser import text_string_to_metric_families

SERVER, CLIENT, PRODUCER, CONSUMER = 2, 3, 4, 5  # kinds of spans, in protobuf
ERROR = 2
WRITE = (
    "PUT /v1/{collection}/{key}",
    "send writes",
    "process write",
    "commit batch",
    "process commit",
    "hear commit",
)


@pytest.fixture(scope="module")
def collector(servers, module_deployment):
    made = Collector(servers.ports, module_deployment.logs)
    yield made
    made.close()


@pytest.fixture(scope="module")
def settings(collector):
    return {"trace.url": collector.url, "trace.sample": 1, "trace.interval": "20ms"}


@pytest.fixture(scope="module")
def traced(module_deployment, settings):
    """The three daemons; they send to the collector."""
    daemons = [
        module_deployment.daemon(kind, settings)
        for kind in ("api", "writer", "projector")
    ]
    for daemon in daemons:
        daemon.start(ready=False)
    for daemon in daemons:
        daemon.wait_ready()
    return daemons


@pytest.fixture(scope="module")
def api(traced):
    return traced[0]


def parent(flags="01"):
    """A trace that begins at the client: its name, its span, its header."""
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    return trace, span, {"traceparent": f"00-{trace}-{span}-{flags}"}


def named(spans, name):
    (found,) = [s for s in spans if s.name == name]
    return found


def show(spans, of, depth=0):
    """The trace as a tree, for people (tests/traces)."""
    for s in sorted(spans, key=lambda s: s.start):
        if s.parent == of:
            start = min(x.start for x in spans)
            print(
                f"{'  ' * depth}{s.name}  [{s.service}]  +{(s.start - start) / 1e6:.2f} ms,"
                f" {(s.end - s.start) / 1e6:.2f} ms  {json.dumps(s.attributes)}"
            )
            show(spans, s.id, depth + 1)


def test_a_write_is_one_trace(api, collector):
    trace, client, header = parent()
    put = api.http.put("one", "1", prefer="wait=10", **header)
    assert put.status == 201
    spans = collector.trace(trace, WRITE)
    if os.environ.get("SLUICE_TEST_COLLECTOR"):
        print()
        show(spans, client)
    request, send, write, batch, redis, heard = (named(spans, name) for name in WRITE)
    assert len(spans) == len(WRITE)
    assert [(s.service, s.kind) for s in (request, send, write, batch, redis, heard)] == [
        ("sluice-api", SERVER),
        ("sluice-api", PRODUCER),
        ("sluice-writer", CONSUMER),
        ("sluice-writer", CLIENT),
        ("sluice-projector", CONSUMER),
        ("sluice-api", CONSUMER),
    ]
    assert request.parent == client and send.parent == request.id
    assert write.parent == send.id and batch.parent == write.id
    assert redis.parent == heard.parent == write.id
    assert request.attributes.items() >= {
        "http.request.method": "PUT",
        "http.route": "/v1/{collection}/{key}",
        "http.response.status_code": 201,
        "url.path": "/v1/records/one",
        "url.scheme": "http",
        "sluice.collection": "records",
        "sluice.position": put.position,
    }.items()
    partition, offset = put.position.split("-")
    offset = int(offset) & (1 << 48) - 1  # the rest is the epoch
    for s in (send, write):
        assert s.attributes["messaging.system"] == "kafka"
        assert s.attributes["messaging.destination.partition.id"] == partition
        assert s.attributes["messaging.kafka.offset"] == offset
    assert write.attributes["sluice.outcome"] == "applied"
    assert batch.attributes["db.system.name"] == "postgresql"
    assert batch.attributes["sluice.batch.writes"] == 1
    assert redis.attributes["db.system.name"] == "redis"
    # One clock: they happened in this order.
    assert request.start <= send.start <= write.start <= batch.start
    assert batch.end <= redis.end and heard.start <= request.end
    assert not any(s.status for s in spans)


def test_a_read_names_the_tier(api, collector):
    api.http.put("tier", "1", prefer="wait=10")
    api.http.get("tier")
    trace, client, header = parent()
    get = api.http.get("tier", **header)
    (span,) = collector.trace(trace, ["GET /v1/{collection}/{key}"])
    assert span.parent == client
    assert span.attributes["sluice.tier"] == get.tier == "l1"
    assert "sluice.redis.us" not in span.attributes
    trace, _, header = parent()
    header["Cache-Control"] = "no-cache"
    get = api.http.get("tier", **header)
    (span,) = collector.trace(trace, ["GET /v1/{collection}/{key}"])
    assert span.attributes["sluice.tier"] == get.tier
    assert span.attributes[f"sluice.{get.tier}.us"] > 0


def test_the_flag_of_the_client_decides(api, collector):
    """Not sampled: nothing is traced, and the writer does not either. Malformed, or
    none: trace.sample decides, and a new trace begins."""
    trace, _, header = parent("00")
    assert api.http.put("flag", "1", prefer="wait=10", **header).status == 201
    wrong, _, header = parent()
    header["traceparent"] += "-x"
    assert api.http.put("flagged", "1", prefer="wait=10", **header).status == 201

    def whole():
        assert not collector.faults
        mine = [s for s in collector.spans if s.attributes.get("url.path", "").endswith("/flagged")]
        return mine and len([s for s in collector.spans if s.trace == mine[0].trace]) == len(WRITE)

    wait_until(whole, 20, "the trace of the second write")
    (request,) = [s for s in collector.spans if s.attributes.get("url.path", "").endswith("/flagged")]
    assert request.parent == "" and request.trace != wrong
    assert trace not in {s.trace for s in collector.spans}


def test_a_bulk_is_traced_in_part(api, collector):
    trace, _, header = parent()
    header |= {"Content-Type": "application/x-ndjson", "Prefer": "wait=10"}
    lines = "".join(f'{{"key": "bulk-{i}", "value": "1"}}\n' for i in range(40))
    assert api.http.request("POST", "/v1/records", lines, header).status == 200

    def found(name):
        return [s for s in collector.spans if s.trace == trace and s.name == name]

    def joined():
        """Each write is the parent of its batch's span, or has a link to it."""
        batches = {s.id for s in found("commit batch")}
        first = {s.parent for s in found("commit batch")}
        return all(
            s.id in first or [link[1] in batches for link in s.links] == [True]
            for s in found("process write")
        )

    # Each daemon sends its spans when it likes.
    sixteen = "send writes", "process write", "process commit"
    for name in sixteen:
        wait_until(lambda name=name: len(found(name)) >= 16, 20, f"16 spans: {name}")
    wait_until(joined, 20, "the spans of the batches")
    assert [len(found(name)) for name in sixteen] == [16] * 3


def test_an_atomic_batch(api, collector):
    trace, _, header = parent()
    header |= {"Content-Type": "application/json", "Prefer": "wait=10"}
    body = [
        {"op": "create", "collection": "accounts", "key": f"g:{i}", "document": {"balance": 1}}
        for i in range(2)
    ]
    answer = api.http.request("POST", "/v1/_batch", json.dumps(body), header)
    assert answer.status == 200, answer.body
    names = ["POST /v1/_batch", "send writes", "process write", "process commit"]
    spans = collector.trace(trace, names)
    write = named(spans, "process write")
    assert write.attributes["sluice.batch.writes"] == 1
    commits = [s for s in spans if s.name == "process commit"]
    assert {s.parent for s in commits} == {write.id}


def test_refusals_have_a_span(api, collector):
    trace, _, header = parent()
    api.http.request("GET", "/nowhere?secret=1", headers=header)
    (span,) = collector.trace(trace, ["GET"])
    assert span.attributes["http.response.status_code"] == 404
    assert span.status == 0
    assert "secret" not in str(span)
    trace, _, header = parent()
    header |= {"Content-Type": "application/json", "If-Match": '"1"', "Prefer": "wait=10"}
    assert api.http.request("PUT", "/v1/records/absent", '{"value":"1"}', header).status == 412
    spans = collector.trace(trace, ["PUT /v1/{collection}/{key}", "process write"])
    assert named(spans, "process write").attributes["sluice.outcome"] == "rejected"


OPEN = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}
EXEMPLAR = (
    r'sluice_request_seconds_bucket{class="read",method="GET",le="([0-9.+Inf]+)"} \d+'
    r' # {trace_id="([0-9a-f]{32})"} ([0-9.]+) ([0-9.]+)'
)


def test_openmetrics_has_exemplars(api, traced):
    """The last traced request of each bucket; the older format has none."""
    trace, _, header = parent()
    api.http.request("GET", "/v1/records/of-an-exemplar", headers=header)
    answer = api.admin.request("GET", "/metrics", headers=OPEN)
    assert answer.header("Content-Type").startswith("application/openmetrics-text; version=1")
    text = answer.body.decode()
    assert text.endswith("\n# EOF\n") and text.count("# EOF") == 1
    (found,) = [m for m in re.findall(EXEMPLAR, text) if m[1] == trace]
    bound, _, took, at = found
    assert 0 < float(took) <= float(bound) and abs(time.time() - float(at)) < 60
    assert "# TYPE sluice_reads counter\n" in text and "\nsluice_reads_total{" in text
    assert "trace_id" not in api.metrics().text


def test_openmetrics_is_well_formed(api, traced):
    """A strict parser reads the pages of all daemons: types, order, buckets, exemplars.
    It finds the values that the older format has."""
    api.http.request("GET", "/v1/records/of-a-parser", headers=parent()[2])
    for daemon in traced:
        text = daemon.admin.request("GET", "/metrics", headers=OPEN).body.decode()
        families = list(text_string_to_metric_families(text))
        samples = [s for f in families for s in f.samples]
        names = {s.name for s in samples}
        older = {name for name, _ in daemon.metrics().samples}
        assert names == older, names ^ older
        assert all(f.documentation and f.type != "unknown" for f in families)
        exemplars = [s.exemplar for s in samples if s.exemplar]
        assert bool(exemplars) == (daemon is api)
        assert all(len(e.labels["trace_id"]) == 32 for e in exemplars)


@contextlib.contextmanager
def prometheus(servers, daemons, folder):
    """A real one that scrapes them: a client of its pages."""
    port = servers.ports.take()
    targets = "".join(
        f"  - job_name: {d.kind}\n    static_configs: [{{targets: ['127.0.0.1:{d.admin.port}']}}]\n"
        for d in daemons
    )
    config = folder / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        "storage: {exemplars: {max_exemplars: 1000}}\n"
        f"scrape_configs:\n{targets}"
    )
    with open(folder / "prometheus.log", "w") as log:
        running = subprocess.Popen(
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
             f"--web.listen-address=127.0.0.1:{port}", "--enable-feature=exemplar-storage"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield Client(port, timeout=10)
    finally:
        running.kill()
        running.wait()


def asked(client, path):
    """What Prometheus answers; []: it is not ready yet."""
    try:
        answer = client.request("GET", f"/api/v1/{path}")
    except (OSError, http.client.HTTPException):
        return []
    return answer.json()["data"] if answer.status == 200 else []


@pytest.mark.skipif(not shutil.which("prometheus"), reason="there is no prometheus")
def test_prometheus_keeps_exemplars(servers, api, traced, tmp_path):
    """It asks for OpenMetrics, and takes all of it from each daemon."""
    trace, _, header = parent()
    api.http.request("GET", "/v1/records/of-prometheus", headers=header)
    query = "query_exemplars?query=sluice_request_seconds_bucket&start=0&end=9999999999"

    def traces():
        return {
            exemplar["labels"]["trace_id"]
            for series in asked(client, query)
            for exemplar in series["exemplars"]
        }

    def healthy():
        targets = asked(client, "targets")
        states = {t["health"]: t["lastError"] for t in (targets and targets["activeTargets"])}
        assert "down" not in states, states
        return set(states) == {"up"}

    with prometheus(servers, traced, tmp_path) as client:
        wait_until(healthy, 60, "each daemon is scraped")
        wait_until(lambda: trace in traces(), 60, "the exemplar is kept")


def spans_of(daemon, result):
    return daemon.metrics()["sluice_trace_spans_total", f'result="{result}"']


def test_spans_are_counted(traced):
    for daemon in traced:
        assert spans_of(daemon, "exported") > 0
        assert spans_of(daemon, "dropped") == spans_of(daemon, "failed") == 0


@pytest.fixture
def failing(servers, traced, module_deployment):
    """An api with a collector of its own, whose queue is short."""
    collector = Collector(servers.ports, module_deployment.logs, real=None)
    settings = {
        "trace.url": collector.url,
        "trace.sample": 1,
        "trace.queue": 8,
        "trace.interval": "1ms",
        "trace.header": "X-Token: s3cret",
    }
    api = module_deployment.api(settings)
    yield api, collector
    api.finish()
    module_deployment.daemons.remove(api)
    collector.close()
    assert "s3cret" not in api.text()


def test_a_collector_that_refuses(failing):
    api, collector = failing
    partial = {"partialSuccess": {"rejectedSpans": "1", "errorMessage": "too old"}}
    collector.answers = [
        (400, {}, b"no"),
        (503, {"Retry-After": "1"}, b"later"),
        (200, {}, json.dumps(partial).encode()),
    ]
    assert api.http.get("x").status == 404
    wait_until(lambda: spans_of(api, "failed") == 1, 10, "a span is refused")
    assert api.http.get("y").status == 404
    wait_until(lambda: spans_of(api, "failed") == 2, 10, "a span is rejected")
    assert api.http.get("z").status == 404
    wait_until(lambda: spans_of(api, "exported") == 1, 10, "a span is taken")
    assert collector.headers[0]["X-Token"] == "s3cret"
    assert len(api.events("traces.failed")) == len(api.events("traces.taken")) == 1
    assert "too old" in api.events("traces.rejected")[0]


def test_a_collector_that_never_answers(failing):
    """Requests go on; what does not fit into the queue is dropped; the end is in time."""
    api, collector = failing
    collector.silent.set()
    assert api.http.get("first").status == 404
    wait_until(lambda: collector.asked == 1, 10, "a request hangs")
    began = time.monotonic()
    for i in range(50):
        assert api.http.get(f"k{i}").status == 404
    assert time.monotonic() - began < 5
    wait_until(lambda: spans_of(api, "dropped") == 42, 10, "the queue is full")
    assert spans_of(api, "exported") == spans_of(api, "failed") == 0
    api.stop(deadline=10)
    assert collector.asked == 1


def test_a_collector_behind_tls(servers, traced, module_deployment, tmp_path):
    """trace.ca names its authority, which the system does not know. (Another authority:
    tests/unit/common/trace/test_tracer.c.)"""
    authority = Authority(tmp_path)
    pair = authority.issue("collector")
    collector = Collector(servers.ports, module_deployment.logs, real=None, pair=pair)
    settings = {"trace.url": collector.url, "trace.ca": authority.cert, "trace.sample": 1}
    api = module_deployment.api({**settings, "trace.interval": "1ms"})
    trace, _, header = parent()
    assert api.http.request("GET", "/v1/records/x", headers=header).status == 404
    (span,) = collector.trace(trace, ["GET /v1/{collection}/{key}"])
    assert span.service == "sluice-api" and spans_of(api, "failed") == 0
    api.stop(deadline=10)
    module_deployment.daemons.remove(api)
    collector.close()


def test_no_collector_is_there(servers, traced, module_deployment):
    api = module_deployment.api(
        {"trace.url": f"http://127.0.0.1:{servers.ports.take()}/v1/traces", "trace.sample": 1}
    )
    assert api.http.get("x").status == 404

    def told():
        """The log may have lines of an earlier api of this name."""
        return any("connect" in line for line in api.events("traces.failed"))

    wait_until(told, 10, "the failure is told")
    api.stop(deadline=10)
    module_deployment.daemons.remove(api)


@pytest.mark.parametrize(
    "name, value",
    [
        ("trace.url", "collector:4318"),
        ("trace.url", "ftp://collector/"),
        ("trace.url", "http://u:s3cret@collector/"),
        ("trace.sample", "1.5"),
        ("trace.header", "s3cret"),
        ("trace.ca", "/nowhere.pem"),
    ],
)
def test_bad_settings_are_told(module_deployment, name, value):
    settings = {"trace.url": "https://127.0.0.1:1/v1/traces", name: value}
    daemon = module_deployment.daemon("writer", settings)
    daemon.start(ready=False)
    daemon.ends_by_itself(2)
    module_deployment.daemons.remove(daemon)
    text = daemon.text()
    assert f"'{name}'" in text and "s3cret" not in text
