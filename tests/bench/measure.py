"""The measurement behind tests/bench/read, which starts the stack and calls this.

Every subject is a server that runs from the beginning to the end. A round
measures each of them once, one after the other, so that what else happens on the
machine hits all alike; a ratio is taken within each round.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from common import (
    HOST, Failure, cell, circumstances, cpu_seconds, get, print_rows, running, say,
    spread, wait_for)

HERE = Path(__file__).resolve().parent
# Followed by a number. A pass over the warm keys takes far longer than an entry
# lives in L1 (1 ms there), one over the cold keys than it lives in Redis (100 ms).
WARM, COLD = "/v1/records/warm-", "/v1/records/cold-"
HOT = WARM + "0"
THREADS = 2
CONNECTIONS = 32
SHARE = 0.99  # of the reads that the tier in question must have answered


def reads_by_tier(admin_port):
    """sluice_reads_total: how many reads each tier has answered."""
    text = get(admin_port, "/metrics")[2].decode()
    rows = re.findall(r'^sluice_reads_total\{tier="(\w+)"\} (\d+)$', text, re.M)
    if not rows:
        raise Failure("/metrics has no sluice_reads_total")
    return {tier: int(count) for tier, count in rows}


# --- subjects -----------------------------------------------------------------


class Subject:
    """A server to measure, and what was measured of it, round by round."""

    def __init__(self, name, what, pid, port, path=HOT, keys=0, tier=None, admin=None):
        self.name, self.what, self.pid, self.port = name, what, pid, port
        self.path, self.keys = path, keys
        self.tier, self.admin = tier, admin
        self.next_key = 0
        self.rounds = []

    def wrk(self, seconds):
        url = f"http://{HOST}:{self.port}{self.path}"
        turn = ["--", str(self.next_key), str(self.keys)] if self.keys else []
        done = subprocess.run(
            ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s",
             str(HERE / "wrk.lua"), url, *turn],
            capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failure(f"wrk failed on {self.name}: {done.stderr or done.stdout}")
        result = json.loads(done.stdout.splitlines()[-1])
        if result["errors"] or not result["requests"]:
            raise Failure(f"{self.name}: not every answer was a 200: {result}")
        if self.keys:
            self.next_key = (self.next_key + result["requests"]) % self.keys
        return result

    def measure(self, seconds):
        before = reads_by_tier(self.admin) if self.admin else None
        cpu = cpu_seconds(self.pid)
        result = self.wrk(seconds)
        cpu = cpu_seconds(self.pid) - cpu
        measured = {
            "rps": result["requests"] / (result["us"] / 1e6),
            "cpu_us": cpu * 1e6 / result["requests"],
            "p50_us": result["p50_us"],
            "p99_us": result["p99_us"],
        }
        if self.admin:
            after = reads_by_tier(self.admin)
            measured["reads"] = {tier: after[tier] - before[tier] for tier in after}
            measured["share"] = measured["reads"][self.tier] / sum(measured["reads"].values())
        return measured

    def warm_up(self):
        """Until the tier answers, as it will be measured; at most ten times."""
        for _ in range(10):
            measured = self.measure(1)
            if measured.get("share", 1) >= SHARE:
                return
        self.must_be_answered_by_tier(measured)

    def must_be_answered_by_tier(self, measured):
        if measured.get("share", 1) < SHARE:
            raise Failure(f"{self.name}: the reads were answered by {measured['reads']}")

    def round(self, seconds):
        measured = self.measure(seconds)
        self.must_be_answered_by_tier(measured)
        self.rounds.append(measured)

    def spread(self, figure):
        return spread([measured[figure] for measured in self.rounds])

    def report(self):
        figures = [figure for figure in self.rounds[0] if figure != "reads"]
        return {figure: self.spread(figure) for figure in figures} | {
            "what": self.what, "rounds": self.rounds}


NGINX = """
daemon off;
worker_processes {threads};
pid {dir}/nginx.pid;
error_log stderr;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    server_tokens off;
    keepalive_requests 1000000000;
    client_body_temp_path {dir};
    proxy_temp_path {dir};
    fastcgi_temp_path {dir};
    uwsgi_temp_path {dir};
    scgi_temp_path {dir};
    server {{
        listen {host}:{port} reuseport;
        location / {{
            default_type {type};
            {headers}
            return 200 '{body}';
        }}
    }}
}}
"""


class Bench:
    """Starts the subjects on ports of their own, and ends them."""

    def __init__(self, options, stack):
        self.options = options
        self.port = options.port_base
        self.dir = Path(options.dir)
        self.stack = stack
        self.dir.mkdir(parents=True, exist_ok=True)

    def take_port(self):
        self.port += 1
        return self.port

    def start(self, name, command, port, path):
        log = self.dir / f"{name}.log"
        process = self.stack.enter_context(running(command, log))
        wait_for(port, path, log)
        return process.pid

    def api(self, name, what, tier, *flags, path=HOT, keys=0):
        port, admin = self.take_port(), self.take_port()
        pid = self.start(name, [
            self.options.api, f"--config={self.options.config}",
            f"--http.listen={HOST}:{port}", f"--admin.listen={HOST}:{admin}",
            f"--http.threads={THREADS}", "--log.level=warn", *flags],
            admin, "/readyz")
        return Subject(name, what, pid, port, path, keys, tier, admin)

    def bare(self, name, what, mode, headers, body):
        port = self.take_port()
        file = self.dir / "body"
        file.write_bytes(body)
        flat = [word for header in headers.items() for word in header]
        pid = self.start(name, [self.options.bare, mode, port, file, *flat],
                         port, HOT)
        return self.checked(Subject(name, what, pid, port), headers, body)

    def nginx(self, headers, body):
        port = self.take_port()
        conf = self.dir / "nginx.conf"
        added = [f"add_header {name} '{value}';" for name, value in headers.items()
                 if name != "Content-Type"]
        conf.write_text(NGINX.format(
            dir=self.dir, host=HOST, port=port, threads=THREADS,
            type=headers["Content-Type"], headers="\n            ".join(added),
            body=body.decode().replace("'", "\\'")))
        pid = self.start("nginx", ["nginx", "-e", "stderr", "-p", self.dir, "-c", conf],
                         port, HOT)
        what = f"nginx, `return 200` of the same bytes, {THREADS} workers"
        return self.checked(Subject("nginx", what, pid, port), headers, body)

    @staticmethod
    def checked(subject, headers, body):
        """A reference must answer what Sluice answers."""
        _, got_headers, got_body = get(subject.port, HOT)
        wrong = [name for name in headers if got_headers.get(name) != headers[name]]
        if got_body != body or wrong:
            raise Failure(f"{subject.name} answers something else: {wrong or got_body}")
        return subject

    def subjects(self):
        warm, cold = self.options.warm, self.options.cold
        l1 = self.api("sluice-l1", "Sluice, hit in L1", "l1", "--l1.ttl=1h")
        get(l1.port, HOT)
        status, headers, body = get(l1.port, HOT)
        if status != 200 or headers.get("Cache-Status") != "sluice; hit; detail=l1":
            raise Failure(f"no hit in L1: {status} {headers}")
        same = {name: headers[name] for name in ("Content-Type", "ETag", "Cache-Status", "Server-Timing")}
        return [
            l1,
            self.bare("bare-pool", "libmicrohttpd alone, its own pool of 2 threads",
                      "pool", same, body),
            self.bare("bare-libuv", "libmicrohttpd alone, driven by 2 libuv loops",
                      "libuv", same, body),
            self.nginx(same, body),
            self.api("sluice-redis", f"Sluice, hit in Redis ({warm} keys in turn)", "redis",
                     "--l1.ttl=1ms", "--l2.ttl=1d", path=WARM, keys=warm),
            self.api("sluice-replica", f"Sluice, replica after two misses ({cold} keys in turn)",
                     "replica", "--l1.ttl=1ms", "--l2.ttl=100ms", path=COLD, keys=cold),
        ]


# --- the report ---------------------------------------------------------------


def ratio(subjects, figure, reference):
    """Of Sluice's L1 hit to a reference, in each round."""
    ours, theirs = subjects["sluice-l1"].rounds, subjects[reference].rounds
    return spread([a[figure] / b[figure] for a, b in zip(ours, theirs)])


def ratios(subjects):
    return {
        f"{figure}/{reference}": ratio(subjects, figure, reference)
        for reference in ("bare-pool", "bare-libuv", "nginx")
        for figure in ("rps", "cpu_us")
    }


def print_table(report):
    columns = [("requests/s", "rps", "{:.0f}"), ("CPU us/request", "cpu_us", "{:.2f}"),
               ("p50 us", "p50_us", "{:.0f}"), ("p99 us", "p99_us", "{:.0f}")]
    rows = [["median (min..max)", *(title for title, _, _ in columns)]]
    for name, subject in report["subjects"].items():
        rows.append([name, *(cell(subject[key], form) for _, key, form in columns)])
    rows += [[], ["an L1 hit against", "requests/s", "CPU per request"]]
    for reference in ("bare-pool", "bare-libuv", "nginx"):
        rows.append([reference, *(cell(report["ratios"][f"{figure}/{reference}"], "{:.2f}")
                                  for figure in ("rps", "cpu_us"))])
    print_rows(rows)
    for name, subject in report["subjects"].items():
        share = subject.get("share")
        seen = f"; at least {share['min']:.2%} of the reads, by its counters" if share else ""
        print(f"{name}: {subject['what']}{seen}")


def make_report(options, subjects):
    by_name = {subject.name: subject for subject in subjects}
    return circumstances() | {
        "seconds": options.seconds, "rounds": options.rounds,
        "connections": CONNECTIONS, "value_bytes": 1024,
        "subjects": {name: subject.report() for name, subject in by_name.items()},
        "ratios": ratios(by_name),
    }


def measure(options):
    with contextlib.ExitStack() as stack:
        subjects = Bench(options, stack).subjects()
        say("warming up")
        for subject in subjects:
            subject.warm_up()
        for number in range(options.rounds):
            say(f"round {number + 1} of {options.rounds}")
            for subject in subjects:
                subject.round(options.seconds)
    return make_report(options, subjects)


def arguments():
    parser = argparse.ArgumentParser(prog="measure.py", description=__doc__)
    parser.add_argument("--seconds", type=int, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--json", default="", help="file for the figures")
    parser.add_argument("--api", required=True, help="program")
    parser.add_argument("--bare", required=True, help="program")
    parser.add_argument("--config", required=True, help="of the api")
    parser.add_argument("--warm", type=int, required=True, help="rows warm-0, warm-1, ...")
    parser.add_argument("--cold", type=int, required=True, help="rows cold-0, cold-1, ...")
    parser.add_argument("--dir", required=True, help="for logs")
    parser.add_argument("--port-base", type=int, required=True, help="ports after this one")
    return parser.parse_args()


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if shutil.which("nginx") is None:
        os.environ["PATH"] += ":/usr/sbin"
    try:
        report = measure(options)
    except Failure as failure:
        sys.exit(f"error: {failure}")
    print_table(report)
    if options.json:
        Path(options.json).write_text(json.dumps(report, indent=1) + "\n")


main()
