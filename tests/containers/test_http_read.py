"""tests/integration/read/test_read.py, against the stack in containers."""

from test_read import *  # noqa: F403
