"""docs/backup.md, drilled: a dump that is older than the log is brought up to date by it."""

import json
import os
import pathlib
import subprocess

from harness import history
from harness.client import key_path
from harness.crowd import in_threads
from harness.daemon import environment
from harness.servers import at_database
from harness.wait import wait_until

INCREMENT = "application/vnd.sluice.increment+json"


class Backup:
    """By pg_dump and pg_restore, as the page says."""

    def __init__(self, deployment, folder):
        version = (deployment.servers.stack / "data/primary/PG_VERSION").read_text().strip()
        self.programs = pathlib.Path("/usr/lib/postgresql") / version / "bin"
        self.deployment = deployment
        self.file = folder / "sluice.dump"
        self.url = at_database(deployment.servers.primary_admin_url, deployment.name)

    def run(self, program, *arguments):
        done = subprocess.run(
            [self.programs / program, *arguments, self.url],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
        assert done.returncode == 0, f"{program}: {done.stderr}"

    def dump(self):
        self.run("pg_dump", "--format=custom", f"--file={self.file}", "--dbname")

    def restore(self):
        """Into a database that is new."""
        name = self.deployment.name
        with self.deployment.servers.postgres("postgres") as admin:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
            admin.execute(f'CREATE DATABASE "{name}"')
        self.run("pg_restore", "--exit-on-error", str(self.file), "--dbname")


def add(http, n):
    """So often one more; each time it is committed."""
    headers = {"Content-Type": INCREMENT, "Prefer": "wait=20"}
    for _ in range(n):
        body = json.dumps({"count": 1})
        answer = http.request("PATCH", key_path("c", "counters"), body, headers)
        assert answer.status == 200, answer


def stop_all(deployment):
    for daemon in deployment.daemons:
        daemon.finish()
    deployment.daemons.clear()


def ask_outcomes(http, positions):
    """What each write came to: what its client was told."""
    answers = in_threads(4, positions, lambda p: http.request("GET", f"/v1/_writes/{p}"))
    return [(a.status, json.loads(a.body).get("state")) for a in answers]


def outcomes(http, positions):
    """Once the writer has come as far."""
    states = []

    def all_known():
        states[:] = ask_outcomes(http, positions)
        return all(state in ("committed", "rejected") for _, state in states)

    wait_until(all_known, 30, "each outcome is known")
    return states


def test_the_log_applies_what_the_dump_lacks(deployment, tmp_path):
    """Writes go on while the dump is made, and after it. Then all is lost but Kafka."""
    deployment.start_all(apis=2)
    history.audited(deployment)
    backup = Backup(deployment, tmp_path)
    first, other = deployment.of("api")
    headers = {"Content-Type": "application/json", "Prefer": "wait=20"}
    made = first.http.request("PUT", key_path("c", "counters"), b'{"count":0}', headers)
    assert made.status == 201, made
    add(first.http, 20)
    load = history.Load([first.http, other.http], total=1500, keys=150, seed=1).start()
    wait_until(lambda: load.acked > 500, 30, "a third is written")
    backup.dump()
    dumped_at = load.acked
    load.join(60)
    assert dumped_at < load.acked, "the dump was made while writes went on"
    add(first.http, 20)
    history.settle(deployment)
    positions = [a.position for a in load.attempts if a.position]
    told = outcomes(first.http, positions)
    stop_all(deployment)
    backup.restore()
    deployment.servers.redis().flushall()
    behind = sum(deployment.ends()) - sum(deployment.progress())
    assert behind >= load.acked - dumped_at, "the dump lacks what came after it"
    deployment.start_all(apis=2)
    apis = deployment.of("api")
    history.check_everything(deployment, load, apis)
    for api in apis:
        answer = api.http.request("GET", key_path("c", "counters"))
        assert json.loads(answer.body)["count"] == 40
    assert outcomes(apis[0].http, positions) == told
    assert apis[1].http.request("GET", "/health").status == 200


def test_an_earlier_moment_on_purpose(deployment, tmp_path):
    """The log is given up, too. No cache has what came after the dump."""
    api = deployment.start_all()
    backup = Backup(deployment, tmp_path)
    headers = {"Content-Type": "application/json", "Prefer": "wait=20"}

    def put(http, key, value):
        body = json.dumps({"value": value}).encode()
        answer = http.request("PUT", key_path(key), body, headers)
        assert answer.status in (200, 201), answer

    put(api.http, "kept", "old")
    backup.dump()
    put(api.http, "kept", "new")
    put(api.http, "later", "new")
    assert api.http.get("kept").json()["value"] == "new"
    deployment.wait_in_redis("kept")
    stop_all(deployment)
    backup.restore()
    deployment.servers.delete_topics(deployment.writes)
    deployment.migrate()
    settings = [f"--{name}={value}" for name, value in deployment.settings("migrate").items()]
    moved = subprocess.run(
        [deployment.servers.program("writer"), "--advance-epoch", *settings],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(),
    )
    assert moved.returncode == 0, moved
    api = deployment.start_all()
    assert api.http.get("kept").json()["value"] == "old"
    assert api.http.get("later").status == 404
    put(api.http, "kept", "newer")
    assert api.http.get("kept").json()["value"] == "newer"
