"""The servers that tests/bench/read measures, and what is measured of them."""

import json
import re
import subprocess
from pathlib import Path

from common import HOST, Failure, cpu_seconds, get, running, spread, wait_for

HERE = Path(__file__).resolve().parent
THREADS = 2
CONNECTIONS = 32
SHARE = 0.99  # of the reads that the tier in question must have answered
# Followed by a number. A pass over the warm keys takes far longer than an entry
# lives in L1 (1 ms there), one over the cold keys than it lives in Redis (100 ms).
WARM, COLD = "/v1/records/warm-", "/v1/records/cold-"
HOT = WARM + "0"


def reads_by_tier(admin_port):
    """sluice_reads_total: how many reads each tier has answered."""
    text = get(admin_port, "/metrics")[2].decode()
    rows = re.findall(r'^sluice_reads_total\{tier="(\w+)"\} (\d+)$', text, re.M)
    if not rows:
        raise Failure("/metrics has no sluice_reads_total")
    return {tier: int(count) for tier, count in rows}


class Subject:
    """A server to measure, and what was measured of it, round by round."""

    def __init__(self, name, what, pid, port, path=HOT, keys=0, tier=None, admin=None,
                 headers=None, scheme="http"):
        self.name, self.what, self.pid, self.port = name, what, pid, port
        self.path, self.keys = path, keys
        self.tier, self.admin = tier, admin
        self.headers, self.scheme = headers or {}, scheme  # of the requests
        self.draw = None  # of keys by chance: (exponent of Zipf's law, share of writes)
        self.next_key = 0
        self.rounds = []

    def asked_with(self, name, what, headers):
        """The same server, asked with these headers."""
        return Subject(name, what, self.pid, self.port, self.path, self.keys, self.tier,
                       self.admin, headers, self.scheme)

    def script(self):
        if self.draw:
            return ["draw.lua", str(self.keys), *map(str, self.draw)]
        return ["turn.lua", str(self.next_key), str(self.keys)]

    def wrk(self, seconds):
        url = f"{self.scheme}://{HOST}:{self.port}{self.path}"
        given = [word for field in self.headers.items() for word in ("-H", ": ".join(field))]
        script, *words = self.script()
        done = subprocess.run(
            ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", *given, "-s",
             str(HERE / script), url, "--", *words],
            capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failure(f"wrk failed on {self.name}: {done.stderr or done.stdout}")
        result = json.loads(done.stdout.splitlines()[-1])
        if result["errors"] or not result["requests"]:
            raise Failure(f"{self.name}: not every answer was a 2xx: {result}")
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
            if self.tier:
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
        listen {host}:{port} {listen} reuseport;
        {pair}
        location / {{
            default_type {type};
            {headers}
            return 200 '{body}';
        }}
    }}
}}
"""
NGINX_TLS = """ssl_protocols TLSv1.2 TLSv1.3;
        ssl_certificate {};
        ssl_certificate_key {};"""


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

    def start(self, name, command, port, path, scheme="http"):
        log = self.dir / f"{name}.log"
        process = self.stack.enter_context(running(command, log))
        wait_for(port, path, log, scheme=scheme)
        return process.pid

    def api(self, name, what, tier, *flags, path=HOT, keys=0, headers=None, scheme="http"):
        """An instance of Sluice with its own flags; `tier` answers, or None: any."""
        port, admin = self.take_port(), self.take_port()
        pid = self.start(name, [
            self.options.api, f"--config={self.options.config}",
            f"--http.listen={HOST}:{port}", f"--admin.listen={HOST}:{admin}",
            f"--http.threads={THREADS}", "--log.level=warn", *flags],
            admin, "/readyz")
        return Subject(name, what, pid, port, path, keys, tier, admin, headers, scheme)

    def reference(self, name, what, backend, where, headers, path, keys):
        """tests/bench/reference.c, with the headers of Sluice's answers."""
        port = self.take_port()
        flat = [word for header in headers.items() for word in header]
        pid = self.start(name, [self.options.reference, backend, port, where, *flat],
                         port, path + "0")
        return Subject(name, what, pid, port, path, keys)

    def bare(self, name, what, mode, headers, body):
        port = self.take_port()
        file = self.dir / "body"
        file.write_bytes(body)
        flat = [word for header in headers.items() for word in header]
        pid = self.start(name, [self.options.bare, mode, port, file, *flat],
                         port, HOT)
        return self.checked(Subject(name, what, pid, port), headers, body)

    def nginx(self, headers, body, name="nginx", pair=None):
        """`pair`: certificate and key, for TLS."""
        port, scheme = self.take_port(), "https" if pair else "http"
        folder = self.dir / name
        folder.mkdir(exist_ok=True)
        conf = folder / "nginx.conf"
        added = [f"add_header {each} '{value}';" for each, value in headers.items()
                 if each != "Content-Type"]
        conf.write_text(NGINX.format(
            dir=folder, host=HOST, port=port, threads=THREADS,
            type=headers["Content-Type"], headers="\n            ".join(added),
            body=body.decode().replace("'", "\\'"), listen="ssl" if pair else "",
            pair=NGINX_TLS.format(*pair) if pair else ""))
        pid = self.start(name, ["nginx", "-e", "stderr", "-p", folder, "-c", conf],
                         port, HOT, scheme)
        what = f"nginx, `return 200` of the same bytes, {THREADS} workers"
        return self.checked(Subject(name, what, pid, port, scheme=scheme), headers, body)

    @staticmethod
    def checked(subject, headers, body):
        """A reference must answer what Sluice answers."""
        _, got_headers, got_body = get(subject.port, HOT, scheme=subject.scheme)
        wrong = [name for name in headers if got_headers.get(name) != headers[name]]
        if got_body != body or wrong:
            raise Failure(f"{subject.name} answers something else: {wrong or got_body}")
        return subject
