"""tests/integration/write/test_decide.py, against the stack in containers."""

from test_decide import *  # noqa: F403
