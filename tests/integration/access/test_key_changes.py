"""The issuer's keys, from its server: they change under load, the server hangs."""

import http.server
import json
import threading
import time

import pytest
from harness.callers import AUDIENCE, COLLECTIONS, ISSUER, Signer, bearer, key_set
from harness.client import Client
from harness.wait import wait_until


class KeyServer(http.server.ThreadingHTTPServer):
    """Has the key set of an issuer; hangs if it is told to."""

    def __init__(self, port):
        self.body = b""
        self.asked = 0
        self.go_on = threading.Event()
        self.go_on.set()
        super().__init__(("127.0.0.1", port), Answers)
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{port}/keys"

    def publish(self, *signers):
        self.body = json.dumps(key_set(*signers)).encode()


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked += 1
        self.server.go_on.wait(60)
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_):
        pass


class Load(threading.Thread):
    """Asks without a pause, as whoever has the token."""

    def __init__(self, port, token):
        super().__init__(daemon=True)
        self.client = Client(port, always=bearer(token))
        self.ending = threading.Event()
        self.statuses = {}

    def run(self):
        while not self.ending.is_set():
            status = self.client.request("GET", "/v1/notes/none").status
            self.statuses[status] = self.statuses.get(status, 0) + 1

    def end(self):
        self.ending.set()
        self.join()
        return self.statuses


@pytest.fixture
def key_server(servers):
    made = KeyServer(servers.ports.take())
    yield made
    made.go_on.set()
    made.shutdown()
    made.server_close()


def test_keys_change_under_load_and_the_server_hangs(servers, deploy, key_server):
    old, new = Signer("2026-11", "EdDSA"), Signer("2026-12", "ES256")
    key_server.publish(old)
    deployment = deploy(servers, collections=COLLECTIONS)
    settings = {
        "auth.jwt.jwks": key_server.url,
        "auth.jwt.issuer": ISSUER,
        "auth.jwt.audience": AUDIENCE,
    }
    key_server.go_on.clear()
    api = deployment.daemon("api", settings).start(ready=False)
    deployment.writer()
    token, next_token = (s.token("ann", ["customer"]) for s in (old, new))

    # The server hangs: whoever needs no credential is served, and tokens wait.
    wait_until(lambda: key_server.asked, 30, "the keys are asked for")
    wait_until(lambda: status_of(api, {}) == 401, 30, "the api answers")
    waiting = api.http.request("GET", "/v1/notes/none", headers=bearer(token))
    assert (waiting.status, waiting.header("Retry-After")) == (503, "1")
    assert status_of(api, {}, "/docs") == 200
    key_server.go_on.set()
    wait_until(lambda: status_of(api, bearer(token)) == 404, 60, "the keys are there")

    load = Load(api.http.port, token)
    load.start()
    # The issuer adds a key and signs with it at once: within the pause between two
    # fetches it is taken. Nobody who has the old one notices.
    key_server.publish(old, new)
    began = time.monotonic()
    wait_until(
        lambda: status_of(api, bearer(next_token)) == 404, 60, "the new key is known"
    )
    assert time.monotonic() - began < 45
    # It hangs again. Keys that are known stay so; a token of an unknown key is
    # not one of ours, or not yet.
    key_server.go_on.clear()
    stranger = Signer("2027-01").token("ann", ["customer"])
    assert status_of(api, bearer(stranger)) in (401, 503)
    assert status_of(api, bearer(next_token)) == 404
    assert set(load.end()) == {404}
    key_server.go_on.set()


def status_of(api, headers, path="/v1/notes/none"):
    try:
        return api.http.request("GET", path, headers=headers).status
    except OSError:
        return None
