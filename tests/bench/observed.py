"""Hits in L1 with the access log and with traces: the subjects of `observe` in
tests/bench/read. (Metrics are always on.)"""

import http.server
import threading

from common import HOST, Failure, get
from subject import HOT

# Whom a subject is compared with.
AGAINST = {
    "sluice-logged": ("sluice-plain",),
    "sluice-traced": ("sluice-plain",),
    "sluice-observed": ("sluice-plain",),
}


class Handler(http.server.BaseHTTPRequestHandler):
    """A collector that takes every span."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


def collector(bench):
    """Its URL. What it costs is not counted: it is a thread of this program."""
    server = http.server.ThreadingHTTPServer((HOST, bench.take_port()), Handler)
    server.daemon_threads = True
    bench.stack.callback(server.server_close)
    bench.stack.callback(server.shutdown)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://{HOST}:{server.server_port}/v1/traces"


def observed_subjects(bench):
    log = ["--log.access=on"]
    traces = [f"--trace.url={collector(bench)}", "--trace.sample=0.01"]
    subjects = [
        bench.api(name, what, "l1", "--l1.ttl=1h", *flags)
        for name, what, flags in (
            ("sluice-plain", "L1 hit, neither access log nor traces", []),
            ("sluice-logged", "L1 hit with the access log", log),
            ("sluice-traced", "L1 hit with traces of 1 %", traces),
            ("sluice-observed", "L1 hit with both", [*log, *traces]),
        )
    ]
    for subject in subjects:
        answer = get(subject.port, HOT)
        if answer[0] != 200:
            raise Failure(f"{subject.name} does not answer: {answer}")
    return subjects
