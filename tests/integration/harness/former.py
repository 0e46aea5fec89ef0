"""The daemons of the version before (tests/former.sh builds them)."""

import functools
import os
import pathlib
import subprocess


class Former:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def program(self, kind):
        return self.folder / f"sluice-{kind}"

    @functools.cache
    def _help(self, kind):
        return subprocess.run(
            [self.program(kind), "--help"], check=True, capture_output=True, text=True
        ).stdout

    def known(self, kind, settings):
        """Without the settings that came later."""
        return {
            name: value
            for name, value in settings.items()
            if name in self._help(kind) or name.startswith("kafka.")
        }


def former():
    """None: they are not there."""
    folder = os.environ.get("SLUICE_TEST_FORMER", "")
    return Former(folder) if folder and pathlib.Path(folder).exists() else None
