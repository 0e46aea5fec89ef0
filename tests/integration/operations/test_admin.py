"""The admin port of the three daemons: what is declared is what is shown."""

import json
import re
import time

import pytest
from harness import cli
from harness.client import ADMIN, Client
from harness.wait import wait_until

every_daemon = pytest.mark.parametrize("kind", cli.KINDS)


def daemon_of(world, kind):
    return world.of(kind)[0]


@every_daemon
def test_the_process_has_metrics(world, kind):
    metrics = daemon_of(world, kind).metrics()
    assert metrics["process_resident_memory_bytes"] > 1e6
    assert 3 < metrics["process_open_fds"] < metrics["process_max_fds"]
    assert 0 <= time.time() - metrics["process_start_time_seconds"] < 3600
    version = daemon_of(world, kind).page("/version")
    labels = f'version="{version["version"]}",commit="{version["commit"]}"'
    assert metrics["sluice_build_info", labels] == 1
    assert version["libraries"]["librdkafka"]
    assert version["formats"].keys() == {"writes", "commits", "ids", "redis", "schema"}


def test_each_collection_is_counted(world):
    """Requests and accepted writes by the api, decided ones by the writer."""
    api, writer = daemon_of(world, "api"), daemon_of(world, "writer")
    json_type = {"Content-Type": "application/json", "Prefer": "wait=20"}

    def counted():
        m, w = api.metrics(), writer.metrics()
        requests, decided = (
            "sluice_collection_requests_total",
            "sluice_writer_collection_writes_total",
        )
        return [
            m[requests, 'collection="records",op="read"'],
            m[requests, 'collection="records",op="write"'],
            m["sluice_collection_errors_total", 'collection="records"'],
            m["sluice_collection_writes_accepted_total", 'collection="records"'],
            w[decided, 'collection="records",result="committed"'],
            w[decided, 'collection="records",result="rejected"'],
        ]

    before = counted()
    assert api.http.put("counted", "1", prefer="wait=20").status == 201
    for _ in range(3):
        assert api.http.get("counted").status == 200
    body = json.dumps(
        [{"key": "counted", "value": "2"}, {"key": "counted2", "value": "2"}]
    )
    assert api.http.request("POST", "/v1/records", body, json_type).status == 200
    assert [b - a for a, b in zip(before, counted())] == [3, 2, 0, 3, 2, 1]
    text = api.metrics().text
    assert text.count("# TYPE sluice_collection_requests_total counter") == 1
    assert 'sluice_collection_requests_total{collection="posts",op="read"}' in text


def test_how_long_requests_take(world):
    """Every answer is counted, by the kind of its route: hits in L1, too."""
    api = daemon_of(world, "api")

    def counted():
        seen = api.metrics()
        return {
            labels: value
            for (name, labels), value in seen.samples.items()
            if name == "sluice_request_seconds_count"
        }

    before = counted()
    assert api.http.put("timed", "1", prefer="wait=10").status == 201
    for _ in range(5):
        assert api.http.get("timed").status == 200
    assert api.http.request("HEAD", "/v1/records/timed").status == 200
    assert api.http.request("GET", "/v1/records?limit=1").status == 200
    assert api.http.request("GET", "/nothing").status == 404
    after = counted()
    moved = {labels: after[labels] - before[labels] for labels in after}
    assert moved['class="read",method="GET"'] == 6
    assert moved['class="update",method="PUT"'] == 1
    assert moved['class="list",method="GET"'] == 1
    assert moved['class="other",method="any"'] >= 1


@every_daemon
def test_every_metric_row_is_scraped_with_its_help(servers, world, kind):
    page = cli.run(servers, kind, "--print-docs=metrics").stdout
    metrics = daemon_of(world, kind).metrics()
    names = set()
    for line in page.splitlines()[2:]:
        name, what, labels, text = [c.strip() for c in line.split("|")[1:5]]
        name, labels = name.strip("`"), labels.strip("`")
        names.add(name)
        assert f"# HELP {name} {text}\n" in metrics.text
        assert f"# TYPE {name} {what}\n" in metrics.text
        if what == "histogram":
            buckets = [n for n, _ in metrics.samples if n == f"{name}_bucket"]
            assert len(buckets) > 5
            every = f"{labels}," if labels else ""
            every = metrics[f"{name}_bucket", f'{every}le="+Inf"']
            assert metrics[f"{name}_count", labels] == every
            assert metrics[f"{name}_sum", labels] >= 0
        elif name == "sluice_build_info":  # its labels are those of the program
            assert [v for (n, _), v in metrics.samples.items() if n == name] == [1]
        else:  # `collection=""` is each collection
            labels = labels.replace('collection=""', 'collection="records"')
            assert (name, labels) in metrics.samples
    families = {line.split()[2] for line in metrics.text.splitlines() if "# TYPE" in line}
    assert families == names
    assert metrics.text.count("# TYPE") == len(names)


@every_daemon
def test_names_of_metrics(servers, kind):
    """Prometheus's conventions: a counter ends with _total, a histogram is of
    seconds, times are in seconds."""
    page = cli.run(servers, kind, "--print-docs=metrics").stdout
    for line in page.splitlines()[2:]:
        name, what = [c.strip().strip("`") for c in line.split("|")[1:3]]
        assert re.fullmatch(r"(sluice|process)_[a-z0-9_]+", name)
        assert (what == "counter") == name.endswith("_total"), name
        assert what != "histogram" or name.endswith("_seconds"), name
        assert not re.search(r"_(ms|us|milliseconds|microseconds)(_|$)", name), name


@every_daemon
def test_pages(world, kind):
    admin = daemon_of(world, kind).admin
    assert (admin.request("GET", "/livez").body, admin.request("GET", "/readyz").body) == (
        b"ok\n",
        b"ready\n",
    )
    assert isinstance(admin.page("/stats"), dict)
    head = admin.request("HEAD", "/metrics")
    assert (head.status, head.body) == (200, b"")
    assert head.header("Content-Type").startswith("text/plain; version=0.0.4")
    answer = admin.request("POST", "/metrics", b"")
    assert answer.status == 405 and "GET" in answer.header("Allow")
    answer = admin.request("GET", "/nothing")
    assert answer.status == 404 and b"/metrics" in answer.body


@every_daemon
def test_config_shows_every_setting(servers, world, kind):
    daemon = daemon_of(world, kind)
    config = daemon.page("/config")
    assert set(config) >= {row.name for row in cli.settings(servers, kind)}
    assert config["log.writes"] == world.writes
    assert re.match(r"postgresql://sluice_\w+:\*\*\*@", config["primary.url"])


def test_the_admin_pages_are_not_public(world):
    http = daemon_of(world, "api").http
    for path in ("/metrics", "/config", "/livez", "/readyz"):
        assert http.request("GET", path).status == 404


@every_daemon
def test_logs_are_logfmt(servers, world, kind):
    """Every line has its time, level, daemon and a declared tag."""
    page = cli.run(servers, kind, "--print-docs=events").stdout
    tags = {line.split("|")[1].strip(" `") for line in page.splitlines()[2:]}
    field = r'[a-z_]+=(?:"(?:[^"\\]|\\.)*"|[^" ]*)'
    line_of = re.compile(
        r"ts=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z level=(debug|info|warn|error)"
        rf" daemon=sluice-{kind} ev=([a-z_.]+)((?: {field})*)"
    )
    lines = daemon_of(world, kind).text().splitlines()
    assert any(" ev=start " in line for line in lines)
    for line in lines:
        match = line_of.fullmatch(line)
        assert match, line
        assert match[2] in tags, line


def test_parked_and_connections_are_gauged(world):
    daemon = daemon_of(world, "api")
    daemon.http.request("GET", "/v1")
    assert daemon.metrics()["sluice_parked_requests"] == 0
    answers = "sluice_responses_total"
    before = daemon.metrics()
    daemon.http.request("GET", "/v1")
    daemon.http.request("GET", "/nothing")
    after = daemon.metrics()
    for labels, moved in (('class="2xx"', 1), ('class="4xx"', 1), ('class="5xx"', 0)):
        assert after[answers, labels] - before[answers, labels] == moved


# --- --probe: what a container's HEALTHCHECK asks ------------------------------


@every_daemon
def test_probe_of_one_that_runs(servers, world, kind):
    daemon = daemon_of(world, kind)
    flags = [f"--{name}={value}" for name, value in daemon.settings.items()]
    for probe, said in (("--probe", "ready"), ("--probe=livez", "ok")):
        done = cli.run(servers, kind, probe, *flags)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{said}\n", "")
    place = daemon.settings["admin.listen"]
    done = cli.run(servers, kind, "--probe=livez", SLUICE_ADMIN_LISTEN=place)
    assert done.returncode == 0, done


@every_daemon
def test_probe_of_one_that_does_not(servers, world, kind):
    free = servers.ports.take()
    done = cli.run(servers, kind, "--probe", f"--admin.listen=127.0.0.1:{free}")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"sluice-{kind}: nothing listens there\n"


@every_daemon
def test_probe_says_what_is_missing(servers, world, kind):
    """Alive, and not ready: without its Kafka."""
    nowhere = {"kafka.bootstrap.servers": f"127.0.0.1:{servers.ports.take()}"}
    daemon = world.daemon(kind, nowhere)
    daemon.start(ready=False)
    daemon.wait_alive()
    place = f"--admin.listen={daemon.settings['admin.listen']}"

    def agrees():
        """Its other servers are found one after the other."""
        done = cli.run(servers, kind, "--probe=readyz", place)
        assert done.returncode == 1, done
        assert done.stderr == f"sluice-{kind}: answered 503\n"
        return done.stdout == daemon.readiness()[1] != ""

    wait_until(agrees, 10, "the probe says what it says")
    assert cli.run(servers, kind, "--probe=livez", place).returncode == 0
    daemon.sigkill()


@every_daemon
def test_probe_of_nonsense(servers, kind):
    for argument in ("--probe=nonsense", "--admin.listen=127.0.0.1:0"):
        done = cli.run(servers, kind, "--probe", argument)
        assert (done.returncode, done.stdout) == (2, "")
        assert argument.partition("=")[2] in done.stderr


# --- pages of others -------------------------------------------------------------------

JSON = {"Content-Type": "application/json"}
FOREIGN = [
    {"Host": "evil.example"},
    {"Host": "evil.example:8081"},
    {"Host": "localhost.evil.example"},
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]
OURS = [
    {},
    {"Host": "localhost:1"},
    {"Host": "[::1]:8081"},
    {"Host": "10.1.2.3"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "same-origin"},
]
CHANGES = {
    "api": ("DELETE", "/cache/records/nobody"),
    "writer": ("POST", "/resume"),
    "projector": ("POST", "/metrics"),
}


@pytest.mark.parametrize("kind", ["api", "writer", "projector"])
def test_pages_of_others_are_refused(world, kind):
    daemon = world.of(kind)[0]
    plain = Client(daemon.admin.port, timeout=10)
    own = {"Origin": f"http://127.0.0.1:{plain.port}"}
    for headers in FOREIGN:
        for path in ("/livez", "/metrics", "/config", "/nothing"):
            answer = plain.request("GET", path, headers=headers)
            assert (answer.status, answer.problem) == (403, "forbidden"), (headers, path)
        answer = plain.request(*CHANGES[kind], headers={**headers, **JSON, **ADMIN})
        assert answer.status == 403, headers
    for headers in [*OURS, own]:
        assert plain.request("GET", "/livez", headers=headers).status == 200, headers
        answer = plain.request(*CHANGES[kind], headers={**headers, **ADMIN})
        assert answer.status != 403, headers
    acted = daemon.events("audit.acted")
    method, path = CHANGES[kind]
    assert any(f'method="{method}"' in line for line in acted) == (kind != "projector"), path
    # What a page may send without asking first.
    for kind_of_body in (None, "text/plain", "application/x-www-form-urlencoded"):
        headers = {"Content-Type": kind_of_body} if kind_of_body else {}
        assert plain.request(*CHANGES[kind], b"{}", headers).status == 403, headers
    assert plain.request(*CHANGES[kind], b"{}", JSON).status != 403


def test_names_of_an_admin_listener(special_api):
    api = special_api({"admin.hosts": "sluice.example, api"})
    for host, status in (("sluice.example:80", 200), ("API", 200), ("example", 403)):
        assert api.admin.request("GET", "/livez", headers={"Host": host}).status == status
