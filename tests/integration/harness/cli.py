"""The daemons as commands: runs that end by themselves."""

import re
import subprocess
from typing import NamedTuple

from .daemon import environment

KINDS = ("api", "writer", "projector")


def run(servers, kind, *args, **env):
    return subprocess.run(
        [servers.program(kind), *args],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
        env=environment(**env),
    )


class Setting(NamedTuple):
    name: str
    default: str
    allowed: str
    aliases: list
    help: str

    @property
    def range(self):
        low, dots, high = self.allowed.partition("..")
        return (low, high) if dots else None

    @property
    def choices(self):
        return self.allowed.split("|") if "|" in self.allowed else []


def settings(servers, kind):
    """The rows of the daemon's own table of settings."""
    done = run(servers, kind, "--print-docs=config")
    assert done.returncode == 0, done.stderr
    rows = []
    for line in done.stdout.splitlines()[2:]:
        cells = [c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]]
        assert len(cells) == 5, line
        name, default, allowed, aliases, text = cells
        allowed = allowed.replace(r"\|", "|")
        rows.append(
            Setting(name.strip("`"), default.strip("`"), allowed, aliases.split(), text)
        )
    return rows


UNITS = {
    "us": 1, "ms": 10**3, "s": 10**6, "m": 60 * 10**6, "h": 3600 * 10**6,
    "d": 86400 * 10**6, "k": 1024, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30,
}  # fmt: skip


def base_units(text):
    """`5s` is (5000000, "us"); `4MiB` is (4194304, ""); `7` is (7, "")."""
    digits, unit = re.fullmatch(r"(\d+)([a-zA-Z]*)", text).groups()
    if not unit:
        return int(digits), ""
    return int(digits) * UNITS[unit], "" if unit[0] in "kKMG" else "us"
