"""What the benchmarks share: processes, HTTP, figures of rounds, tables."""

import contextlib
import ctypes
import datetime
import http.client
import itertools
import json
import os
import platform
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import time
from pathlib import Path

HOST = "127.0.0.1"
TICKS = os.sysconf("SC_CLK_TCK")


class Failure(Exception):
    """Says what went wrong; the figures are not to be had."""


def say(text):
    print(f"  bench: {text}", file=sys.stderr, flush=True)


def main(measure, options):
    """Its report goes into the file that --json names; SIGTERM ends it in order."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        report = measure(options)
    except Failure as failure:
        sys.exit(f"error: {failure}")
    if options.json:
        Path(options.json).write_text(json.dumps(report, indent=1) + "\n")


# --- processes ----------------------------------------------------------------


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


@contextlib.contextmanager
def running(command, log, **more):
    with open(log, "w") as out:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            preexec_fn=die_with_parent, **more)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def with_children(pid):
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from with_children(int(child))


def cpu_seconds(pid):
    """User and system time so far of a process and its children, also of those that
    it has waited for."""
    total = 0
    for each in with_children(pid):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        total += sum(int(field) for field in fields[11:15])
    return total / TICKS


def compiler_seconds(pid):
    """Of the threads in which a Java machine compiles, which end their work some
    minutes after its start."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        head, _, rest = (task / "stat").read_text().rpartition(")")
        if "CompilerThre" in head:
            total += sum(int(field) for field in rest.split()[11:13])
    return total / TICKS


def named_pids(text):
    """Of "name=pid ...", which stack.sh makes."""
    return {name: int(pid) for name, pid in (word.split("=") for word in text.split())}


def cpu_by_part(pids):
    """Seconds so far by name; the compiler of Kafka's Java machine is a part of its own."""
    cpu = {name: cpu_seconds(pid) for name, pid in pids.items()}
    cpu["compiler"] = compiler_seconds(pids["kafka"])
    cpu["kafka"] -= cpu["compiler"]
    return cpu


def busy_seconds():
    """Time that all cores of the machine have worked so far."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _, _, irq, softirq = (int(field) for field in fields[:7])
    return (user + nice + system + irq + softirq) / TICKS


# --- HTTP ---------------------------------------------------------------------


def get(port, path, timeout=10, headers=None, scheme="http"):
    """By https, whoever answers is believed: it is one of ours."""
    if scheme == "https":
        connection = http.client.HTTPSConnection(
            HOST, port, timeout=timeout, context=ssl._create_unverified_context())
    else:
        connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
    try:
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def wait_for(port, path, log, seconds=30, scheme="http"):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if get(port, path, scheme=scheme)[0] == 200:
                return
        time.sleep(0.05)
    raise Failure(f"no 200 on {path} within {seconds} s:\n{log.read_text()[-2000:]}")


# --- Redis --------------------------------------------------------------------


def resp(words):
    encoded = [str(word).encode() for word in words]
    return b"*%d\r\n" % len(encoded) + b"".join(
        b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)


def pipe_to_redis(port, commands):
    """Commands whose answer is one line, a thousand at a time."""
    with socket.create_connection((HOST, port), timeout=30) as s, s.makefile("rb") as answers:
        batch = itertools.chain([("AUTH", os.environ["REDISCLI_AUTH"])], commands)
        while chunk := [resp(words) for words in itertools.islice(batch, 1000)]:
            s.sendall(b"".join(chunk))
            for _ in chunk:
                line = answers.readline()
                if line[:1] not in b"+:":
                    raise Failure(f"Redis says {line!r}")


# --- figures ------------------------------------------------------------------


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def cell(figure, form):
    median, least, most = (form.format(figure[key]) for key in ("median", "min", "max"))
    return f"{median} ({least}..{most})"


def print_rows(rows):
    """A table whose columns are as wide as they must be: a block of code in Markdown."""
    columns = max(len(row) for row in rows)
    widths = [max(len(row[i]) for row in rows if len(row) > i) for i in range(columns)]
    print()
    for row in rows:
        print("    " + "  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip())
    print()


def circumstances():
    return {
        "made": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count(), "kernel": platform.release(),
                    "load": os.getloadavg()},
    }
