"""Fixtures. A file of tests uses either `world` (one running Sluice for all of
its tests) or `deployment` (a fresh one per test, whose daemons it starts)."""

import collections
import contextlib
import os
import pathlib
import re
import shutil
import signal
from urllib.parse import urlsplit

import pytest
from harness.deployment import Deployment
from harness.failover import Pair
from harness.proxy import Proxy
from harness.serverlog import ServerLogs
from harness.servers import Servers, at_database, at_port

TEST_SECONDS = 150  # no test may hang longer
HERE = pathlib.Path(__file__).parent


def use_servers():
    """Each part of a run (pytest-xdist) has servers of its own (tests/servers)."""
    files = os.environ.get("SLUICE_TEST_SERVERS", "").split(":")
    part = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    if files[0]:
        for line in pathlib.Path(files[part]).read_text().splitlines():
            name, _, value = line.partition("=")
            os.environ[name] = value


use_servers()


@pytest.fixture(scope="session")
def servers():
    """In the end, no statement that the daemons send by themselves has failed."""
    servers = Servers()
    logs = ServerLogs(servers)
    yield servers
    errors = collections.Counter(logs.own_errors())
    assert not errors, "\n".join(f"{n} times {each}" for each, n in errors.items())


def log_folder(servers, name):
    folder = servers.stack / "logs" / re.sub(r"[^\w.-]+", "_", name)
    shutil.rmtree(folder, ignore_errors=True)
    return folder


@contextlib.contextmanager
def deployed(servers, request, name, **options):
    new = Deployment(servers, log_folder(servers, name), **options)
    request.node.deployment = new
    try:
        yield new.create()
    finally:
        new.close()


@pytest.fixture
def deployment(servers, request):
    with deployed(servers, request, request.node.name) as new:
        yield new


@pytest.fixture
def pair(servers):
    """A primary and a standby of its own, for a failover."""
    made = Pair(servers)
    try:
        yield made.create()
    finally:
        made.close()


@contextlib.contextmanager
def deploying(request, name):
    with contextlib.ExitStack() as stack:
        yield lambda servers, **options: stack.enter_context(
            deployed(servers, request, name, **options)
        )


@pytest.fixture
def deploy(request):
    """Makes a deployment of another kind: on other servers, say."""
    with deploying(request, request.node.name) as deploy:
        yield deploy


@pytest.fixture(scope="module")
def module_deploy(request):
    with deploying(request, request.module.__name__) as deploy:
        yield deploy


@pytest.fixture(scope="module")
def module_deployment(servers, request):
    with deployed(servers, request, request.module.__name__) as new:
        yield new


@pytest.fixture(scope="module")
def proxies(servers):
    """A proxy in front of Redis, the replica and the primary, by name."""
    urls = {
        "redis": servers.redis_url,
        "replica": servers.replica_url,
        "primary": servers.primary_url,
    }
    made = {
        name: Proxy(servers.ports.take(), urlsplit(url).port)
        for name, url in urls.items()
    }
    yield made
    for proxy in made.values():
        proxy.close()


@pytest.fixture(scope="module")
def world(module_deployment):
    """Two APIs, a writer, a projector, for all the tests of a file."""
    module_deployment.start_all(apis=2)
    return module_deployment


@pytest.fixture
def api(world):
    return world.of("api")[0]


@pytest.fixture
def other_api(world):
    return world.of("api")[1]


@pytest.fixture
def http(api):
    return api.http


@pytest.fixture
def special_api(world):
    """Makes APIs with settings of their own, that end with the test."""
    made = []

    def make(settings):
        made.append(world.api(settings))
        return made[-1]

    yield make
    for daemon in made:
        daemon.finish()
        world.daemons.remove(daemon)


@pytest.fixture
def slow_replica(servers, world):
    """A replica whose answers can take a while (`set`), and an URL of it."""
    port = urlsplit(servers.replica_url).port
    proxy = Proxy(servers.ports.take(), port)
    proxy.url = at_port(at_database(servers.replica_url, world.name), proxy.port)
    yield proxy
    proxy.close()


@pytest.fixture(autouse=True)
def all_is_well(request):
    """After each test: what should run runs, and no log has a bad line."""
    yield
    if "world" not in request.fixturenames:
        return
    for daemon in request.getfixturevalue("world").daemons:
        daemon.check_alive()
        daemon.check_log()


# --- a test that hangs fails -------------------------------------------------


def too_long(_number, _frame):
    raise TimeoutError(f"the test took longer than {TEST_SECONDS} s")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    signal.signal(signal.SIGALRM, too_long)
    marker = item.get_closest_marker("seconds")
    signal.alarm(marker.args[0] if marker else TEST_SECONDS)
    try:
        return (yield)
    finally:
        signal.alarm(0)


def pytest_collection_modifyitems(items):
    """The files that take longest begin first, so that all parts of a run end at
    about the same time."""
    names = (HERE / "long").read_text().splitlines()
    rank = {name: n for n, name in enumerate(names) if not name.startswith("#")}
    items.sort(key=lambda item: rank.get(item.path.name, len(names)))


# --- a failure shows the ends of the daemons' logs ----------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    if report.failed:
        for node in item.listchain():
            for daemon in getattr(getattr(node, "deployment", None), "daemons", []):
                report.sections.append((f"end of {daemon.log}", daemon.tail(25)))
    return report
