"""The attacks of a page in a real browser: forms and requests to another origin, and a
name of its own that leads to the listener (DNS rebinding)."""

import http.client
import http.server
import json
import shutil
import signal
import subprocess
import threading

import pytest
from harness.client import Client
from harness.wait import wait_until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")


class Evil:
    """A server whose page attacks. It passes everything but the page on to
    `target`, with the Host that the browser sent: to the target, that looks like a
    name that leads there."""

    def __init__(self, script, target):
        evil = self
        self.said = None

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def answer(self, status, body, kind="text/html"):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                if self.path == "/attack":
                    page = f"<!doctype html><body><script>{script}</script>"
                    self.answer(200, page.encode())
                else:
                    self.pass_on()

            def do_POST(self):
                if self.path == "/said":
                    evil.said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                    self.answer(200, b"")
                else:
                    self.pass_on()

            do_PUT = do_DELETE = pass_on = lambda self: self.forward()

            def forward(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                c = http.client.HTTPConnection("127.0.0.1", target, timeout=20)
                c.request(self.command, self.path, body, dict(self.headers))
                r = c.getresponse()
                self.answer(r.status, r.read(), r.headers["Content-Type"] or "text/plain")
                c.close()

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def browse(tmp_path):
    """Runs the page of a script in the browser; returns what it said."""
    made = []

    def run(script, target, host):
        evil = Evil(script, target)
        browser = subprocess.Popen(
            [
                CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                "--disable-background-networking", "--disable-dev-shm-usage",
                f"--user-data-dir={tmp_path}/profile-{len(made)}",
                "--host-resolver-rules=MAP evil.example 127.0.0.1",
                f"http://{host}:{evil.port}/attack",
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        made.append((evil, browser))
        wait_until(lambda: evil.said is not None, 60, "the page has attacked")
        return evil.said

    yield run
    for evil, browser in made:
        browser.send_signal(signal.SIGTERM)
        browser.wait(30)
        evil.server.shutdown()


SAY = """
async function say(said) {
  await fetch("/said", {method: "POST", body: JSON.stringify(said)});
}
"""

FOREIGN = (
    SAY
    + """
const base = "http://127.0.0.1:%d";
function form(path, kind, name, value) {
  return new Promise((done) => {
    const frame = document.createElement("iframe");
    frame.name = "f" + Math.random();
    const f = document.createElement("form");
    f.method = "POST"; f.action = base + path; f.enctype = kind; f.target = frame.name;
    const i = document.createElement("input");
    i.name = name; i.value = value;
    f.append(i);
    let loads = 0;
    frame.onload = () => { if (loads++) done("sent"); };
    document.body.append(frame, f);
    setTimeout(() => { loads = 1; f.submit(); }, 100);
  });
}
async function call(path, options) {
  try { return (await fetch(base + path, options)).type; }
  catch (e) { return "failed"; }
}
(async () => {
  const said = [];
  for (const [path, name, value] of %s)
    said.push(await form(path, "text/plain", name, value));
  for (const [path, options] of %s)
    said.push(await call(path, options));
  await say(said);
})();
"""
)


def foreign(port, forms, calls):
    return FOREIGN % (port, json.dumps(forms), json.dumps(calls))


def refused_lines(daemon):
    return daemon.text().count("ev=audit.refused")


def test_a_foreign_page_and_the_public_listener(special_api, browse):
    api = special_api({})
    api.http.put("browsed", "mine", prefer="wait=10")
    forms = [
        ["/cache/clear", "a", "b"],
        ["/v1/records", '{"value":"', '"}'],
        ["/write", '{"key":"browsed","value":"', '"}'],
    ]
    text = {"Content-Type": "text/plain"}
    calls = [
        ["/cache/clear", {"method": "POST", "mode": "no-cors"}],
        ["/write", {"method": "POST", "mode": "no-cors", "headers": text, "body": "{}"}],
        ["/v1/records/browsed", {"method": "DELETE"}],
        ["/v1/records/browsed", {"method": "PUT", "body": "{}", "headers": {"Content-Type": "application/json"}}],
        ["/v1/records/browsed", {}],
    ]
    before = api.metrics()["sluice_refused_pages_total"]
    said = browse(foreign(api.http.port, forms, calls), api.http.port, "localhost")
    # The page never sees an answer; of the last two changes not even the preflight is granted.
    assert said == ["sent"] * 3 + ["opaque"] * 2 + ["failed"] * 3
    assert api.metrics()["sluice_refused_pages_total"] == before + 5
    assert "ev=audit.acted" not in api.text()
    assert api.http.get("browsed").json()["value"] == "mine"


def test_a_foreign_page_and_the_admin_listener(special_api, browse):
    api = special_api({})
    forms = [["/cache", "a", "b"]]
    calls = [
        ["/cache", {"method": "DELETE"}],
        ["/cache", {"method": "POST", "mode": "no-cors", "body": "{}"}],
        ["/config", {}],
    ]
    said = browse(foreign(api.admin.port, forms, calls), api.admin.port, "localhost")
    assert said == ["sent", "failed", "opaque", "failed"]
    assert "ev=audit.acted" not in api.text()
    assert refused_lines(api) >= 1


REBOUND = (
    SAY
    + """
(async () => {
  const said = [];
  for (const [path, options] of %s)
    said.push((await fetch(path, options)).status);
  await say(said);
})();
"""
)


@pytest.mark.parametrize("listener", ["http", "admin"])
def test_a_name_that_leads_to_the_listener(special_api, browse, listener):
    """The page is of the same origin, for the browser."""
    api = special_api({})
    api.http.put("browsed", "mine", prefer="wait=10")
    body = {"Content-Type": "application/json", "Sluice-Admin": "1"}
    calls = {
        "http": [
            ["/v1/records/browsed", {}],
            ["/cache/clear", {"method": "POST"}],
            ["/v1/records/browsed", {"method": "PUT", "headers": body, "body": '{"value":"evil"}'}],
            ["/v1/records/browsed", {"method": "DELETE"}],
        ],
        "admin": [
            ["/config", {}],
            ["/metrics", {}],
            ["/cache", {"method": "DELETE", "headers": body}],
        ],
    }[listener]
    port = getattr(api, listener).port
    said = browse(REBOUND % json.dumps(calls), port, "evil.example")
    assert said == [403] * len(calls)
    assert "why=host" in api.text() and "ev=audit.acted" not in api.text()
    assert api.http.get("browsed").json()["value"] == "mine"
    # Without the check of the name, the same way would lead there.
    plain = Client(port)
    assert plain.request("GET", "/v1" if listener == "http" else "/config").status == 200
