"""The stack in containers, in the place of a deployment that the tests made.

The daemons are asked by their containers' addresses, the servers by their
published ports.
"""

import contextlib
import json
import subprocess
import uuid

import pytest
from harness.client import ADMIN, Client, key_path
from harness.daemon import BAD_LINES, Metrics
from harness.deployment import Deployment
from harness.wait import wait_until

ADMIN_PORT = {"api": 8081, "writer": 8082, "projector": 8083}
# A cut network answers nothing: neither a reset nor an end.
PATIENCE = 15


def traceparent():
    """The name of a write for consistency.Model, which has to know all of them."""
    return f"00-{uuid.uuid4().hex}-{1:016x}-01"


def docker(*args, check=True):
    done = subprocess.run(
        ["docker", *args],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0 or not check, f"docker {args}: {done.stderr}"
    return done.stdout.strip()


class Container:
    """A part of the stack."""

    def __init__(self, project, service):
        self.project = project
        self.service = service
        label = "label=com.docker.compose"
        self.id = docker(
            "ps",
            "-aq",
            f"--filter={label}.project={project}",
            f"--filter={label}.service={service}",
        )
        assert self.id and "\n" not in self.id, f"{service}: {self.id!r}"
        self.aliases = [service]  # of the network, while it is cut

    def state(self):
        return json.loads(docker("inspect", self.id))[0]

    @property
    def network(self):
        return f"{self.project}_default"

    @property
    def address(self):
        return self.state()["NetworkSettings"]["Networks"][self.network]["IPAddress"]

    @property
    def running(self):
        return self.state()["State"]["Running"]

    @property
    def healthy(self):
        return self.state()["State"].get("Health", {}).get("Status") == "healthy"

    def kill(self):
        docker("kill", self.id)

    def start(self):
        docker("start", self.id)

    def cut(self):
        """Off the network of the containers; its ports are not published then."""
        found = self.state()["NetworkSettings"]["Networks"][self.network]["Aliases"]
        self.aliases = [a for a in found if not self.id.startswith(a)]
        docker("network", "disconnect", "-f", self.network, self.id)

    def mend(self):
        names = [f"--alias={a}" for a in self.aliases]
        docker("network", "connect", *names, self.network, self.id)

    def wait_healthy(self, deadline=120):
        wait_until(lambda: self.healthy, deadline, f"{self.service} is healthy")

    def log(self):
        done = subprocess.run(
            ["docker", "logs", self.id],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=120,
        )
        return done.stdout.decode(errors="replace")


class DaemonContainer(Container):
    """What harness.daemon.Daemon is for a process, as far as tests use it."""

    def __init__(self, project, service, kind, token):
        super().__init__(project, service)
        self.kind = kind
        self.name = service
        shown = {"Authorization": f"Bearer {token}"}
        self.admin = Client(ADMIN_PORT[kind], timeout=10, always=ADMIN | shown)
        self.http = Client(8080, timeout=PATIENCE) if kind == "api" else None
        self.meet()

    def meet(self):
        """A container that was started again may have another address."""
        host = wait_until(lambda: self.address, 20, f"{self.name} has an address")
        for client in (self.admin, self.http):
            if client:
                client.host = host
                client.forget()

    def stop(self):
        """In good order: the exit code must be 0."""
        docker("stop", self.id)
        code = self.state()["State"]["ExitCode"]
        assert code == 0, f"{self.name} ended with {code}\n{self.tail(30)}"

    def start(self, ready=True):
        super().start()
        self.meet()
        if ready:
            self.wait_ready()

    def mend(self):
        super().mend()
        self.meet()

    def restart(self):
        docker("restart", self.id)
        self.meet()
        self.wait_ready()

    def wait_ready(self, deadline=90):
        wait_until(
            lambda: self.admin.request("GET", "/readyz").status == 200,
            deadline,
            f"{self.name} is ready",
        )

    def metrics(self):
        answer = self.admin.request("GET", "/metrics")
        assert answer.status == 200, answer
        return Metrics(answer.body.decode())

    def page(self, path):
        return self.admin.page(path)

    def sigstop(self):
        docker("pause", self.id)

    def sigcont(self):
        if self.state()["State"]["Paused"]:
            docker("unpause", self.id)

    def check_alive(self):
        assert self.running, f"{self.name} does not run\n{self.tail(30)}"

    def check_log(self):
        for line in self.log().splitlines():
            assert not any(bad in line for bad in BAD_LINES), f"{self.name}: {line}"

    def tail(self, lines=15, width=220):
        return "\n".join(line[:width] for line in self.log().splitlines()[-lines:])


class Stack(Deployment):
    """All of it; its database, topics and Redis are the only ones there are."""

    def __init__(self, servers, project):
        self.servers = servers
        self.project = project
        self.partitions = 2
        self.name = "sluice"
        self.writes = "sluice.writes"
        self.commits = "sluice.commits"
        self.ids = "sluice.ids"
        self.connections = []
        names = docker(
            "ps",
            "-a",
            f"--filter=label=com.docker.compose.project={project}",
            '--format={{.Label "com.docker.compose.service"}}',
        ).split()
        self.services = sorted(names)
        token = (servers.stack / "secrets" / "admin_token").read_text().strip()
        self.daemons = [
            DaemonContainer(project, name, kind, token)
            for name in self.services
            for kind in ADMIN_PORT
            if name == kind or name.startswith(f"{kind}-")
        ]

    def empty(self):
        """Every file of tests begins with empty tables, as on a stack of its own. The
        rows go by the API: what goes behind its back would be seen late."""
        http = self.of("api")[0].http
        for table in ("records", "counters"):
            for (key,) in self.sql(f"SELECT key FROM public.{table}"):
                headers = {"Prefer": "wait=10", "traceparent": traceparent()}
                answer = http.request("DELETE", key_path(key, table), headers=headers)
                assert answer.status in (204, 404), answer

    def container(self, service):
        for daemon in self.daemons:
            if daemon.name == service:
                return daemon
        return Container(self.project, service)

    def daemon(self, kind, settings=None):
        pytest.skip("starts a daemon with other settings")

    @contextlib.contextmanager
    def without(self, service, how):
        """It is killed, or cut off, in the meantime."""
        part = self.container(service)
        (part.kill if how == "killed" else part.cut)()
        try:
            yield part
        finally:
            (part.start if how == "killed" else part.mend)()
