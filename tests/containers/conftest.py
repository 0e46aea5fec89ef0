"""The fixtures of tests/integration for the stack that runs in containers: the
tests over HTTP of that folder run here as they are."""

import pathlib
import sys

import pytest

INTEGRATION = pathlib.Path(__file__).resolve().parents[1] / "integration"
sys.path.insert(0, str(INTEGRATION))
for folder, name in (
    ("compat", "test_seed_routes"),
    ("read", "test_read"),
    ("recovery", "test_consistency"),
    ("write", "test_decide"),
    ("write", "test_write"),
):
    sys.path.append(str(INTEGRATION / folder))
    pytest.register_assert_rewrite(name)
pytest.register_assert_rewrite("stack", "harness")

from harness.servers import Servers, needed  # noqa: E402
from stack import Stack  # noqa: E402


@pytest.fixture(scope="session")
def servers():
    return Servers()


@pytest.fixture(scope="session")
def stack(servers):
    return Stack(servers, needed("SLUICE_STACK_PROJECT"))


@pytest.fixture(scope="module")
def world(stack):
    """What tests/integration calls so: two APIs, a writer, a projector."""
    stack.empty()
    second = [d for d in stack.daemons if d.name in ("writer-2", "projector-2")]
    for daemon in second:
        stack.daemons.remove(daemon)
        daemon.stop()
    yield stack
    for daemon in second:
        daemon.start()
        stack.daemons.append(daemon)


@pytest.fixture
def special_api():
    """The one of test_read.py makes APIs with settings of their own."""
    pytest.skip("starts a daemon with other settings")


@pytest.fixture
def deployment(stack):
    return stack


@pytest.fixture
def api(world):
    return world.of("api")[0]


@pytest.fixture
def other_api(world):
    return world.of("api")[1]


@pytest.fixture
def http(api):
    return api.http


@pytest.fixture(autouse=True)
def all_is_well(stack):
    """After each test: what should run runs."""
    yield
    for daemon in stack.daemons:
        daemon.check_alive()


@pytest.fixture(scope="module", autouse=True)
def no_bad_line(stack):
    """After each file: no log has a bad line."""
    yield
    for daemon in stack.daemons:
        daemon.check_log()
