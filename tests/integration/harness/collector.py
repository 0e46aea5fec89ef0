"""A collector of traces: takes OTLP/HTTP in JSON as strictly as its definition in
protobuf has it, and keeps the spans.

With SLUICE_TEST_COLLECTOR (tests/traces) the OpenTelemetry Collector of this path
stands in front of it: the daemons send to that, and it sends what it took here."""

import base64
import collections
import http.server
import json
import os
import pathlib
import ssl
import subprocess
import threading

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from .wait import wait_until

REAL = os.environ.get("SLUICE_TEST_COLLECTOR")
CONFIG = """
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{port}"}}}}}}}}
exporters:
  otlp_http: {{endpoint: "http://127.0.0.1:{to}", encoding: json, compression: none}}
  debug: {{verbosity: detailed}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [otlp_http, debug]}}}}
"""

Span = collections.namedtuple(
    "Span", "service name kind trace id parent start end attributes links status"
)


def decode(body):
    """The spans of a request. In OTLP/JSON ids are hex; in protobuf's JSON, base64."""
    doc = json.loads(body)
    for resource in doc["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for part in (span, *span.get("links", [])):
                    for name in {"traceId", "spanId", "parentSpanId"} & part.keys():
                        raw = bytes.fromhex(part[name])
                        part[name] = base64.b64encode(raw).decode()
    message = trace_service_pb2.ExportTraceServiceRequest()
    json_format.ParseDict(doc, message)
    return [
        to_span(text_of(resource.resource.attributes)["service.name"], span)
        for resource in message.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def text_of(attributes):
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in attributes}


def to_span(service, span):
    assert len(span.trace_id) == 16 and len(span.span_id) == 8
    assert 0 < span.start_time_unix_nano <= span.end_time_unix_nano
    return Span(
        service,
        span.name,
        span.kind,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        text_of(span.attributes),
        [(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
        span.status.code,
    )


class Collector:
    """`answers`: what it answers next, as (status, headers, body); then all is well.
    `silent`: it takes requests and never answers. `pair`: of a certificate and its
    key, for TLS."""

    def __init__(self, ports, logs, real=REAL, pair=None):
        self.spans, self.faults, self.headers = [], [], []
        self.answers = []
        self.silent = threading.Event()
        self.over = threading.Event()
        self.asked = 0
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers, answer = collector.take(self, body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.port = ports.take()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.scheme = "https" if pair else "http"
        if pair:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pair.cert, pair.key)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.process = None
        if real:
            self.start_real(real, ports, pathlib.Path(logs))

    def start_real(self, program, ports, logs):
        port, to = ports.take(), self.port
        config = logs / "collector.yaml"
        config.write_text(CONFIG.format(port=port, to=to))
        with (logs / "collector.log").open("ab") as log:
            self.process = subprocess.Popen(
                [program, f"--config={config}"], stdout=log, stderr=log
            )
        self.port = port

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.port}/v1/traces"

    def take(self, request, body):
        self.asked += 1
        if self.silent.is_set():
            self.over.wait()
        if self.answers:
            return self.answers.pop(0)
        try:
            assert request.path == "/v1/traces", request.path
            assert request.headers["Content-Type"] == "application/json"
            self.headers.append(dict(request.headers))
            self.spans += decode(body)
        except Exception as e:  # shown by the test
            self.faults.append(f"{e!r}: {body[:2000]}")
            return 400, {}, b"{}"
        return 200, {}, b"{}"

    def trace(self, name, names, deadline=20):
        """The spans of this trace, when those of all these names are there."""
        found = []

        def whole():
            assert not self.faults, self.faults
            found[:] = [s for s in self.spans if s.trace == name]
            return {*names} <= {s.name for s in found}

        wait_until(whole, deadline, f"{names} of the trace {name}")
        return found

    def close(self):
        self.over.set()
        if self.process:
            self.process.terminate()
            self.process.wait(20)
        self.server.shutdown()
        self.server.server_close()
