"""Daemons that nobody asks anything leave no error in the servers' logs."""

import json
import signal

import pytest
from harness.serverlog import ServerLogs
from harness.wait import wait_until

TYPES = ("integer", "string", "uuidv7")
KEYS = {
    "integer": "1",
    "string": "a",
    "uuidv7": "01890a5d-ac96-774b-bcce-b302099a8057",
}
THREADS = 2


@pytest.fixture
def idle(deployment, tmp_path):
    """A deployment with a collection for each type of a key, migrated."""
    deployment.collections = tmp_path
    for kind in TYPES:
        text = {
            "name": f"by_{kind}",
            "key": {"type": kind},
            "fields": {"a": {"type": "string", "maxLength": 9, "nullable": True}},
            "list": {"filter": ["a"]},
        }
        (tmp_path / f"by_{kind}.json").write_text(json.dumps(text))
    deployment.migrate()
    return deployment


def probes(deployment, replica):
    """When each probe began that is the last statement of an api's connection."""
    return deployment.sql(
        "SELECT pid, query_start FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'sluice'"
        " AND (query = 'SELECT 1' OR query LIKE '%%WITH ORDINALITY AS k(%%')",
        replica=replica,
    )


def wait_for_probes(deployment, n):
    """So many more of every thread, on both servers."""
    for replica in (False, True):
        seen = set(probes(deployment, replica))
        least = len(seen) + n * THREADS

        def enough(replica=replica, seen=seen, least=least):
            seen.update(probes(deployment, replica))
            return len(seen) >= least

        wait_until(enough, 30, f"{n} probes of each thread")


def test_probes_leave_no_error(idle, servers):
    """Of a key of each type: before the first read, and after a read of each."""
    logs = ServerLogs(servers)
    api = idle.start_all()
    wait_for_probes(idle, 1)
    for kind in TYPES:
        path = f"/v1/by_{kind}/{KEYS[kind]}"
        assert api.http.request("GET", path).status == 404
        # Lists have connections of their own, which may not be there yet.
        page = f"/v1/by_{kind}?a=eq.x"
        wait_until(lambda p=page: is_200(api.http.request("GET", p)), 10, "a list")
        wait_for_probes(idle, 1)
    assert logs.errors(idle.name) == []


def test_a_table_that_is_gone_is_not_probed(idle, servers):
    api = idle.start_all()
    assert api.http.request("GET", "/v1/by_string/a").status == 404
    idle.sql("DROP TABLE by_string")
    wait_for_probes(idle, 1)
    logs = ServerLogs(servers)
    wait_for_probes(idle, 2)
    assert logs.errors(idle.name) == []
    path = f"/v1/by_integer/{KEYS['integer']}"
    assert api.http.request("GET", path).status == 404


def test_a_database_that_is_not_migrated(idle, servers):
    """The daemons wait for --migrate, and ask for it without an error."""
    idle.sql("DROP SCHEMA sluice CASCADE")
    logs = ServerLogs(servers)
    daemons = [idle.daemon(kind) for kind in ("api", "writer", "projector")]
    for daemon in daemons:
        daemon.start(ready=False)
        daemon.wait_alive()
    wait_for_probes(idle, 2)
    (api, writer, _) = daemons
    assert writer.readiness()[0] == 503 and api.readiness()[0] == 503
    assert logs.errors(idle.name) == []
    servers.set_up_roles(idle.name)  # its schema went with its rights
    idle.migrate()
    for daemon in daemons:
        daemon.wait_ready()


def test_signals_that_end_no_daemon(idle):
    """SIGHUP, which a closed terminal sends, too, reloads; logrotate sends others."""
    idle.start_all()
    for daemon in idle.daemons:
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE):
            daemon.signal(number)
        wait_until(lambda d=daemon: len(d.events("signal.ignored")) == 2, 10, "logged")
        assert "reloaded=none failed=0" in daemon.events("reload")[0]
        daemon.wait_ready()


def is_200(answer):
    assert answer.status == 200, answer
    return True
