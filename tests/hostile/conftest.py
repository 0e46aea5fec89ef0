"""Hostile clients against the release build, with ordinary clients beside them.

The fixtures are those of tests/integration; the settings are the defaults.
"""

import importlib.util
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
INTEGRATION = HERE.parent / "integration"
sys.path[:0] = [str(INTEGRATION), str(HERE)]
pytest.register_assert_rewrite("harness", "neighbours", "attacks")

spec = importlib.util.spec_from_file_location(
    "integration_fixtures", INTEGRATION / "conftest.py"
)
integration = importlib.util.module_from_spec(spec)
spec.loader.exec_module(integration)

servers = integration.servers
all_is_well = integration.all_is_well
pytest_runtest_protocol = integration.pytest_runtest_protocol
pytest_runtest_makereport = integration.pytest_runtest_makereport


@pytest.fixture(scope="session")
def world(servers, request):
    """One Sluice for all attacks: what an attack leaves behind, the next one meets."""
    name = "hostile"
    with integration.deployed(servers, request, name) as new:
        yield new
