"""compose/lib/keep, as compose/up runs the daemons by it: whoever dies is started
again."""

import contextlib
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from harness.daemon import environment
from harness.deployment import QUICK_GROUP
from harness.servers import ROOT
from harness.wait import Stopwatch, wait_until

KEEP = ROOT / "compose" / "lib" / "keep"
KINDS = ("api", "writer", "projector")


class Kept:
    """A command under the keeper; `name.main` and `name.deaths` are in the folder."""

    def __init__(self, folder, name, *command):
        self.main = folder / f"{name}.main"
        self.file = folder / f"{name}.deaths"
        self.log = (folder / f"{name}.log").open("wb")
        self.process = subprocess.Popen(
            [KEEP, folder, name, *command],
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            env=environment(),
        )

    @property
    def pid(self):
        """Of the program; None while it does not run."""
        with contextlib.suppress(OSError, ValueError):
            return int(self.main.read_text())
        return None

    @property
    def deaths(self):
        return self.file.read_text().splitlines() if self.file.exists() else []

    def other_than(self, pid, deadline=5):
        return wait_until(
            lambda: self.pid if self.pid not in (None, pid) else None, deadline, "another"
        )

    def end(self):
        """The code of the program after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def close(self):
        if self.process.poll() is None:
            self.end()
        self.log.close()


@pytest.fixture
def keep(tmp_path):
    made = []

    def start(name, *command):
        made.append(Kept(tmp_path, name, *map(str, command)))
        return made[-1]

    yield start
    for each in made:
        each.close()


def test_a_daemon_that_is_killed_is_ready_again(deployment, keep):
    """The partitions of a dead writer or projector are its successor's when its
    session in the group is over."""
    group = {"api": {}, "writer": QUICK_GROUP, "projector": QUICK_GROUP}
    daemons = {kind: deployment.daemon(kind, group[kind]) for kind in KINDS}
    for kind, daemon in daemons.items():
        flags = [f"--{name}={value}" for name, value in daemon.settings.items()]
        daemon.kept = keep(kind, daemon.program, *flags)
    for daemon in daemons.values():
        wait_until(lambda d=daemon: d.readiness()[0] == 200, 30, "ready")
    for daemon in daemons.values():
        before = daemon.kept.pid
        os.kill(before, signal.SIGKILL)
        with Stopwatch() as t:
            daemon.kept.other_than(before)
        assert t.seconds < 1
        (line,) = daemon.kept.deaths
        assert line.endswith("Z signal KILL"), line
    for daemon in daemons.values():
        daemon.admin.forget()
        wait_until(lambda d=daemon: d.readiness()[0] == 200, 30, "ready again")
    for daemon in daemons.values():
        pid = daemon.kept.pid
        assert daemon.kept.end() == 0
        assert not os.path.exists(f"/proc/{pid}") and daemon.kept.pid is None


def test_it_waits_longer_for_what_dies_again_and_again(keep):
    kept = keep("short", "sh", "-c", "exit 7")
    wait_until(lambda: len(kept.deaths) >= 3, 10, "three times")
    with Stopwatch() as t:
        wait_until(lambda: len(kept.deaths) >= 4, 10, "once more")
    assert t.seconds > 0.9  # 0, 500, 1000, 2000 ms
    assert all(line.endswith(" exit code 7") for line in kept.deaths)
    with Stopwatch() as t:
        kept.end()
    assert t.seconds < 1.5  # in the middle of a pause
    n = len(kept.deaths)
    assert n <= 5 and kept.pid is None


def test_signals(keep):
    """What it starts heeds the signals that a shell ignores for its children; the
    keeper itself is not ended by a closed terminal, and by SIGTERM once."""
    kept = keep("sleeps", "sleep", "1000")
    pid = wait_until(lambda: kept.pid, 10, "it runs")
    status = Path(f"/proc/{pid}/status")
    wait_until(lambda: "Name:\tsleep\n" in status.read_text(), 10, "it is the program")
    assert re.search(r"^SigIgn:\t0+$", status.read_text(), re.MULTILINE)
    kept.process.send_signal(signal.SIGHUP)
    kept.process.send_signal(signal.SIGTERM)
    assert kept.end() == 128 + signal.SIGTERM
    assert kept.deaths == []
