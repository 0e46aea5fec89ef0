"""A daemon under test: its process, its settings, its log, its metrics.

What every test demands of every daemon, without saying so: no sanitizer
report, no failed CHECK, no death that the test did not cause, and exit code 0
in time after SIGTERM.
"""

import os
import re
import signal
import subprocess

from . import leaks
from .client import ADMIN, Client
from .wait import wait_until

BAD_LINES = (
    "AddressSanitizer",
    "LeakSanitizer",
    "ThreadSanitizer",
    "UndefinedBehaviorSanitizer",
    "runtime error:",
    "CHECK failed",
    "drain.late",
)

# Unless a test forges commits, none may be taken for forged.
FALSE_ALARMS = ("ev=tail.ahead", "ev=redis.ahead", "ev=takeover.mark_beyond")
SEED_VARIABLES = (
    "DATABASE_URL",
    "PRIMARY_DATABASE_URL",
    "REPLICA_DATABASE_URL",
    "REDIS_URL",
    "DB_POOL_MIN_SIZE",
    "DB_POOL_MAX_SIZE",
    "CACHE_TTL",
    "L1_CACHE_SIZE",
    "L1_CACHE_TTL",
    "L2_CACHE_TTL",
)


MORE_ASAN_OPTIONS = ""


def environment(**more):
    """The environment of a daemon: nobody else's settings, loud sanitizers."""
    env = {
        name: value
        for name, value in os.environ.items()
        if name == "SLUICE_TEST_RUN"
        or not (name.startswith("SLUICE_") or name in SEED_VARIABLES)
    }
    env["ASAN_OPTIONS"] = (
        f"detect_leaks=1:strict_string_checks=1:exitcode={leaks.CODE}:{MORE_ASAN_OPTIONS}"
    )
    env["UBSAN_OPTIONS"] = f"print_stacktrace=1:halt_on_error=1:exitcode={leaks.CODE}"
    env.update(more)
    return env


class Metrics:
    """A scrape. m["name"] sums over the labels; m["name", 'tier="l1"'] does not."""

    LINE = re.compile(r"^([a-z_0-9]+)(?:\{(.*)\})? (\S+)$")

    def __init__(self, text):
        self.text = text
        self.samples = {}
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            match = self.LINE.match(line)
            assert match, f"not a sample: {line!r}"
            key = (match[1], match[2] or "")
            assert key not in self.samples, f"twice: {line!r}"
            self.samples[key] = float(match[3])

    def __getitem__(self, key):
        if isinstance(key, tuple):
            return self.samples[key]
        found = [v for (name, _), v in self.samples.items() if name == key]
        assert found, f"there is no metric {key}"
        return sum(found)


class Daemon:
    """One of sluice-api, sluice-writer, sluice-projector."""

    forged = False  # others have written to its commits

    def __init__(self, kind, program, settings, admin_port, log, http_port=None):
        self.kind = kind
        self.program = program
        self.settings = settings
        self.log = log
        self.process = None
        self.killed = False
        self.admin = Client(admin_port, timeout=10, always=ADMIN)
        self.http = Client(http_port) if http_port else None

    @property
    def name(self):
        return self.log.stem

    # --- process --------------------------------------------------------------

    def start(self, ready=True, deadline=30, env=None, flags=()):
        assert not self.running
        flags = [*flags, *(f"--{name}={value}" for name, value in self.settings.items())]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self.program, *flags],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment(**(env or {})),
            )
        self.killed = False
        self.admin.forget()
        if self.http:
            self.http.forget()
        if ready:
            self.wait_ready(deadline)
        return self

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self):
        return self.process.pid

    def _answers(self, path):
        self.check_alive()
        return self.admin.request("GET", path).status == 200

    def wait_alive(self, deadline=10):
        """It runs, whether its servers do or not."""
        wait_until(lambda: self._answers("/livez"), deadline, f"{self.name} lives")

    def wait_ready(self, deadline=30):
        wait_until(lambda: self._answers("/readyz"), deadline, f"{self.name} is ready")

    def readiness(self):
        answer = self.admin.request("GET", "/readyz")
        return answer.status, answer.body.decode()

    def signal(self, number):
        self.process.send_signal(number)

    def sigkill(self):
        self.killed = True
        self.signal(signal.SIGKILL)
        self.process.wait(10)

    def sigstop(self):
        self.signal(signal.SIGSTOP)

    def sigcont(self):
        self.signal(signal.SIGCONT)

    def sigterm(self):
        self.signal(signal.SIGTERM)

    def wait_exit(self, deadline=25):
        try:
            return self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"{self.name} did not end in {deadline} s\n{self.tail()}"
            ) from None

    def ends_by_itself(self, code, deadline=25):
        """As the test wants it to."""
        found = self.wait_exit(deadline)
        assert found == code, f"{self.name} ended with {found}\n{self.tail()}"
        self.killed = True
        self.check_log()

    def stop(self, deadline=25):
        """SIGTERM; the exit code must be 0."""
        self.sigcont()
        self.sigterm()
        code = self.wait_exit(deadline)
        assert self._went_well(code), f"{self.name} ended with {code}\n{self.tail()}"
        self.check_log()

    def _went_well(self, code):
        return code == 0 or (code == leaks.CODE and leaks.is_known(self.text()))

    def restart(self):
        self.stop()
        return self.start()

    # --- checks ---------------------------------------------------------------

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def tail(self, lines=15, width=220):
        return "\n".join(line[:width] for line in self.text().splitlines()[-lines:])

    def events(self, tag):
        return [line for line in self.text().splitlines() if f"ev={tag} " in line + " "]

    def check_log(self):
        for line in leaks.without_known(self.text()).splitlines():
            for bad in BAD_LINES + (() if self.forged else FALSE_ALARMS):
                assert bad not in line, f"{self.name}: {line}\n{self.tail(120, 400)}"

    def check_alive(self):
        """It has not died by itself."""
        if self.process and not self.running and not self.killed:
            code = self.process.returncode
            assert self._went_well(code), (
                f"{self.name} ended by itself: {code}\n{self.tail()}"
            )

    def finish(self):
        """The end of its test."""
        if self.running:
            try:
                self.stop()
            finally:
                if self.running:
                    self.sigkill()
        self.check_alive()
        self.check_log()

    # --- numbers --------------------------------------------------------------

    def metrics(self):
        answer = self.admin.request("GET", "/metrics")
        assert answer.status == 200, answer
        return Metrics(answer.body.decode())

    def page(self, path):
        return self.admin.page(path)
