"""tests/integration/write/test_write.py, against the stack in containers."""

from test_write import *  # noqa: F403
