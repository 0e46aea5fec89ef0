"""Every alert, by what makes it: a daemon is paused or killed, a server is cut off, a
row is changed. What the daemons then say on /metrics is given to promtool, as if it
lasted for half an hour: so no test waits for an alert. An age grows meanwhile.
"""

import contextlib
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest
from harness.client import ADMIN, key_path
from harness.crowd import Background
from harness.deployment import COLLECTIONS
from harness.forge import Forger
from harness.replica import replay_paused
from harness.servers import ROOT, at_database, at_port
from harness.wait import wait_until

pytestmark = pytest.mark.skipif(
    not shutil.which("promtool"), reason="there is no promtool (package prometheus)"
)
BEFORE, BETWEEN, AFTER = 8, 12, 120  # samples, each 15 s
FIRED = 'count by (alertname) (count_over_time(ALERTS{alertstate="firing"}[1h]))'
LIMIT = 64  # connections
BACKLOG = 11_000  # writes that may wait


class Watched:
    """The daemons as Prometheus sees them."""

    def __init__(self, world):
        self.world = world

    def scrape(self):
        """series -> value; of who does not answer, only that."""
        found = {}
        for daemon in self.world.daemons:
            labels = f'job="sluice-{daemon.kind}",instance="{daemon.admin.port}"'
            found[f"up{{{labels}}}"] = int(daemon.running)
            if not daemon.running:
                continue
            for (name, own), value in daemon.metrics().samples.items():
                found[f"{name}{{{labels}{own and ','}{own}}}"] = value
        return found

    @contextlib.contextmanager
    def fires(self, folder, *alerts, ages=()):
        """What is done within makes these fire, and no others. Each call of what it
        yields is a moment that lasts for a while, too."""
        moments = [self.scrape()]
        yield lambda: moments.append(self.scrape())
        before, *between, now = [*moments, self.scrape()]

        def values(s):
            yield f"{before[s]}x{BEFORE}"
            yield from (f"{each[s]}x{BETWEEN}" for each in between)
            age = s.partition("{")[0] in ages and now[s] > 0
            yield f"{now[s]}{'+15' if age else ''}x{AFTER}" if s in now else f"_x{AFTER}"

        rows = [
            f"      - {{series: '{s}', values: '{' '.join(values(s))}'}}" for s in before
        ]
        rules = folder / "rules.yml"
        rules.write_text(
            f"rule_files: [{ROOT}/compose/observe/alerts.yml]\n"
            "evaluation_interval: 15s\ntests:\n  - interval: 15s\n    input_series:\n"
            + "\n".join(rows)
            + "\n"
            "    promql_expr_test:\n"
            f"      - {{expr: '{FIRED}', eval_time: 30m, exp_samples: []}}\n"
        )
        done = subprocess.run(
            ["promtool", "test", "rules", rules],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        said = done.stdout + done.stderr
        got = said.partition("got:")[2]
        assert got or done.returncode == 0, said[:2000]
        fired = set(re.findall(r'alertname=\\?"(\w+)', got))
        # A busy machine stops processes, too.
        fired -= {"SluiceLoopStoodStill"} - set(alerts)
        assert fired == set(alerts), said[-2000:]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("alerts")


@pytest.fixture(scope="module")
def world(servers, module_deploy, proxies, folder):
    declared = folder / "collections"
    for each in COLLECTIONS.split(":"):
        shutil.copytree(each, declared, dirs_exist_ok=True)
    d = module_deploy(servers, collections=str(declared))

    redis = {"redis.url": at_port(servers.redis_url, proxies["redis"].port)}
    primary = {"primary.url": at_port(d.primary_of("api"), proxies["primary"].port)}
    url = at_database(servers.replica_url, d.name)
    replica = {"replica.urls": at_port(url, proxies["replica"].port)}
    d.daemon(
        "api",
        {
            **redis, **primary, **replica,
            "http.max_connections": LIMIT, "read.timeout": "300ms", "redis.timeout": "200ms",
            "write.max_backlog": BACKLOG, "write.timeout": "3s",
        },
    )  # fmt: skip
    d.migrate("--triggers")
    d.daemon("writer")
    d.daemon("projector", {**redis, "audit.rate": 1000})
    for daemon in d.daemons:
        daemon.start(ready=False)
    for daemon in d.daemons:
        daemon.wait_ready()
    return d


@pytest.fixture
def watched(world):
    return Watched(world)


def of(world, kind):
    return world.of(kind)[0]


def test_none_if_all_is_well(watched, folder, world):
    with watched.fires(folder):
        assert of(world, "api").http.put("calm", "1", prefer="wait=20").status == 201


def test_a_paused_writer_and_an_old_write(watched, folder, world):
    writer = of(world, "writer")
    answer = of(world, "api").http.put("old", "1", prefer="wait=20")
    partition = int(answer.header("Sluice-Position").split("-")[0])
    with watched.fires(
        folder, "SluiceWriterPaused", "SluiceWritesWait", "SluiceLogRunsOut"
    ):
        assert writer.admin.request("POST", "/pause", None, ADMIN).status == 200
        Forger(world).write(partition, "records/old", {"value": "2"})  # of 2023
        week = 7 * 24 * 3600
        try:
            wait_until(
                lambda: writer.metrics()["sluice_writer_lag_seconds"] > week, 10, "it"
            )
        except AssertionError:
            writer.admin.request("POST", "/resume", None, ADMIN)
            raise
    assert writer.admin.request("POST", "/resume", None, ADMIN).status == 200
    wait_until(
        lambda: writer.metrics()["sluice_writer_lag_seconds"] == 0, 20, "it is applied"
    )


def test_a_rejected_write(watched, folder, world):
    with watched.fires(folder, "SluiceWritesRejected"):
        body = b'{"key":"calm","value":"2"}'
        headers = {"Content-Type": "application/json", "Prefer": "wait=20"}
        api = of(world, "api").http
        assert api.request("POST", "/v1/records", body, headers).status == 409


def test_a_row_that_another_program_changed(watched, folder, world):
    """Its note cannot be deleted."""
    writer = of(world, "writer")
    with watched.fires(folder, "SluiceOutboxWaits"):
        world.sql(
            "CREATE FUNCTION public.keep() RETURNS trigger LANGUAGE plpgsql"
            " AS 'BEGIN RETURN NULL; END'"
        )
        world.sql(
            "CREATE TRIGGER keep BEFORE DELETE ON sluice.outbox"
            " FOR EACH ROW EXECUTE FUNCTION public.keep()"
        )
        world.sql(
            "INSERT INTO sluice.outbox (collection, key, noted_at)"
            " VALUES ('records', 'calm', now() - interval '1 hour')"
        )
        wait_until(
            lambda: writer.metrics()["sluice_outbox_age_seconds"] > 60, 20, "its age"
        )
        assert writer.metrics()["sluice_outbox_notes"] == 1
    world.sql("DROP TRIGGER keep ON sluice.outbox")
    wait_until(
        lambda: writer.metrics()["sluice_outbox_age_seconds"] == 0, 20, "it is gone"
    )
    assert writer.metrics()["sluice_outbox_notes"] == 0


def test_a_trigger_is_missing(watched, folder, world):
    """A writer looks when it begins, and once a minute."""
    writer = of(world, "writer")
    missing = "sluice_triggers_missing"
    with watched.fires(folder, "SluiceTriggersMissing"):
        world.sql("DROP TRIGGER sluice_delete ON records")
        world.sql("ALTER TABLE posts DISABLE TRIGGER sluice_insert")
        writer.restart()
        wait_until(lambda: writer.metrics()[missing] == 2, 20, "two are missing")
    (line,) = writer.events("triggers.missing")
    assert 'missing=2 collection="posts" trigger="sluice_insert"' in line
    world.sql("ALTER TABLE posts ENABLE TRIGGER sluice_insert")
    world.migrate("--triggers")
    writer.restart()
    wait_until(lambda: writer.metrics()["sluice_outbox_notes"] == 0, 20, "it has looked")
    assert writer.metrics()[missing] == 0


def test_connections(watched, folder, world):
    api = of(world, "api")
    with (
        contextlib.ExitStack() as stack,
        watched.fires(folder, "SluiceManyConnections"),
    ):

        def more():
            if api.metrics()["sluice_http_connections"] > 0.9 * LIMIT:
                return True
            s = stack.enter_context(
                socket.create_connection(("127.0.0.1", api.http.port))
            )
            s.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return False

        wait_until(more, 20, "nearly all connections")
    wait_until(
        lambda: api.metrics()["sluice_http_connections"] < LIMIT / 2, 20, "few of them"
    )
    api.http.forget()  # it may be one of those that made room


def test_a_reload_that_fails(watched, folder, world):
    api = of(world, "api")
    declared = folder / "collections" / "records.json"
    before = declared.read_text()
    with watched.fires(folder, "SluiceReloadFailed"):
        declared.write_text("{")
        api.signal(signal.SIGHUP)
        wait_until(lambda: api.metrics()["sluice_reload_stale"] == 1, 10, "it failed")
    declared.write_text(before)
    api.signal(signal.SIGHUP)
    wait_until(lambda: api.metrics()["sluice_reload_stale"] == 0, 10, "it is mended")


def test_a_table_is_locked(watched, folder, world):
    """Its batches fail, and the partition stands still."""
    api, writer = of(world, "api"), of(world, "writer")
    wanted = ("SluiceWriterRetries", "SluicePartitionStalled", "SluiceWritesWait")
    ages = ("sluice_stalled_seconds", "sluice_writer_lag_seconds")
    with (
        world.servers.postgres(world.name) as other,
        watched.fires(folder, *wanted, ages=ages),
    ):
        other.execute("BEGIN; LOCK TABLE records IN EXCLUSIVE MODE")
        assert api.http.put("locked", "1").status == 202

        def retries():
            m = writer.metrics()
            return m["sluice_writer_partitions"] > m["sluice_writer_partitions_running"]

        wait_until(retries, 20, "the batch has failed")
        wait_until(lambda: api.metrics()["sluice_stalled_seconds"] > 0, 20, "it is told")
        wait_until(lambda: writer.metrics()["sluice_writer_lag_seconds"] > 0, 20, "its age")
    wait_until(lambda: world.progress() == world.ends(), 20, "it is applied")
    wait_until(lambda: api.metrics()["sluice_stalled_seconds"] == 0, 20, "it is told")
    writer.wait_ready()


def test_a_key_that_a_trigger_changes(watched, folder, world):
    writer = of(world, "writer")
    with watched.fires(folder, "SluiceRowsChangedBehind"):
        world.sql(
            "CREATE FUNCTION public.rename() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN IF NEW.key = 'renamed' THEN NEW.key := 'another'; END IF;"
            " RETURN NEW; END $$;"
            " CREATE TRIGGER rename BEFORE INSERT ON records"
            " FOR EACH ROW EXECUTE FUNCTION public.rename()"
        )
        assert of(world, "api").http.put("renamed", "1").status == 202
        wait_until(
            lambda: writer.metrics()["sluice_writer_superseded_total"] == 1, 20, "it"
        )
    world.sql("DROP FUNCTION public.rename CASCADE")


def test_an_entry_that_somebody_changed(watched, folder, world):
    """Redis has an older version than it says; the auditor looks at it."""
    api, projector = of(world, "api"), of(world, "projector")
    redis = world.servers.redis()
    violations = "sluice_projector_audit_violations_total"
    with watched.fires(folder, "SluiceAuditViolation"):
        for value in "12":
            assert api.http.put("poisoned", value, prefer="wait=20").status < 300
        world.wait_projected()
        api.http.get("poisoned", Cache_Control="no-cache")
        world.wait_in_redis("poisoned")
        (name,) = redis.scan_iter("sluice:*:records/poisoned", count=10000)
        entry = redis.get(name)
        redis.set(name, entry[:17] + b"0" * 16 + entry[33:], px=60_000)
        wait_until(lambda: projector.metrics()[violations] > 0, 30, "it is found")
    redis.delete(name)


def test_a_replica_that_does_not_replay(watched, folder, world):
    api = of(world, "api")
    lag = ("sluice_lag_seconds", 'tier="replica"')
    with replay_paused(world):
        with watched.fires(folder, "SluiceTierBehind", ages=lag[:1]):
            assert api.http.put("unseen", "1", prefer="wait=20").status == 201
            wait_until(lambda: api.metrics()[lag] > 0, 20, "it is behind")
    wait_until(lambda: api.metrics()[lag] == 0, 20, "it has caught up")


def test_more_writes_than_are_applied(watched, folder, world):
    """More than 10,000 wait, and then as many as may."""
    api, writer = of(world, "api"), of(world, "writer")
    wanted = (
        "SluiceBacklogGrows",
        "SluiceWriterPaused",
        "SluiceRequestsShed",
        "SluiceWritesFail",
    )
    begun = sum(world.ends())

    def load(n):
        lines = "".join(f'{{"key":"b{i % 50}","value":"v"}}\n' for i in range(n))
        headers = {"Content-Type": "application/x-ndjson"}
        answer = api.http.request("POST", "/v1/records", lines.encode(), headers)
        assert answer.status < 300, answer
        least = sum(world.ends()) - begun
        wait_until(
            lambda: writer.metrics()["sluice_writer_backlog"] >= least, 30, "they wait"
        )

    try:
        with watched.fires(folder, *wanted) as moment:
            assert writer.admin.request("POST", "/pause", None, ADMIN).status == 200
            load(BACKLOG - 500)
            moment()
            load(1000)
            wait_until(lambda: api.http.put("shed", "1").status == 503, 20, "too many wait")
    finally:
        resumed = writer.admin.request("POST", "/resume", None, ADMIN)
    assert resumed.status == 200
    wait_until(lambda: world.progress() == world.ends(), 60, "all are applied")
    wait_until(lambda: writer.metrics()["sluice_writer_backlog"] == 0, 20, "it is told")
    # Or it would refuse writes for that, also when it has no other answer of Kafka.
    wait_until(lambda: api.metrics()["sluice_backlog_writes"] == 0, 20, "the api knows")


def test_kafka_is_away(watched, folder, world):
    api = of(world, "api")
    with world.servers.away("kafka", "kill"):
        with watched.fires(folder, "SluiceTailDown", "SluiceWritesFail"):
            wait_until(lambda: api.metrics()["sluice_tail_up"] == 0, 30, "it hears nothing")
            answer = api.http.put("lost", "1")
            assert answer.status == 503, answer
    for daemon in world.daemons:
        daemon.wait_ready(60)
    wait_until(lambda: world.progress() == world.ends(), 30, "what was queued is applied")


def test_a_process_that_stood_still(watched, folder, world):
    """The longest time of the last minute is told; a new process has none."""
    projector = of(world, "projector")

    def ask():
        projector.admin.request("GET", "/metrics")

    def stood_still():
        """It is stopped for a moment, while it works or while it waits."""
        projector.sigstop()
        began = time.monotonic()
        wait_until(lambda: time.monotonic() - began > 0.7, 5, "longer than the alert's")
        projector.sigcont()
        return projector.metrics()["sluice_loop_stall_seconds"] > 0.5

    with watched.fires(folder, "SluiceLoopStoodStill"), Background(ask, ask, ask):
        wait_until(stood_still, 60, "it was stopped while it worked")
    projector.restart()


def test_no_store_answers(watched, folder, world, proxies):
    api, projector = of(world, "api"), of(world, "projector")
    wanted = ("SluiceTierDown", "SluiceProjectorWithoutRedis", "SluiceReadsFail")
    with watched.fires(folder, *wanted):
        for proxy in proxies.values():
            proxy.set("refuse")

        def down():
            api.http.request("GET", key_path("unknown"))
            m = api.metrics()
            return (
                m["sluice_tier_down", 'tier="redis"'] and m["sluice_reads_failed_total"]
            )

        wait_until(down, 20, "the api has none")
        wait_until(
            lambda: not projector.metrics()["sluice_projector_redis_ready"],
            20,
            "nor it",
        )
    for proxy in proxies.values():
        proxy.set("pass")
    for daemon in (api, projector):
        daemon.wait_ready()
    wait_until(lambda: not api.metrics()["sluice_tier_down"], 20, "every tier is asked")


def test_nobody_is_there(watched, folder, world):
    wanted = (
        "SluiceNoApi",
        "SluiceNoWriter",
        "SluiceNoProjector",
        "SluiceInstanceDown",
    )
    with watched.fires(folder, *wanted):
        for daemon in world.daemons:
            daemon.sigkill()


def test_none_is_left_out():
    """Each alert has a test here that makes its cause."""
    declared = (ROOT / "compose/observe/alerts.yml").read_text()
    here = pathlib.Path(__file__).read_text()
    names = re.findall(r"- alert: (\w+)", declared)
    assert names and [name for name in names if f'"{name}"' not in here] == []
