"""tests/integration/compat/test_seed_routes.py, against the stack in containers."""

from test_seed_routes import *  # noqa: F403
