"""An OpenID provider as others use it (tests/oidc) issues tokens, and changes its keys
under load."""

import base64
import http.client
import json
import os
import pathlib
import signal
import subprocess
import threading
from urllib.parse import urlencode

import pytest
from harness.callers import COLLECTIONS, bearer
from harness.certificates import Authority
from harness.client import Client
from harness.crowd import Background
from harness.servers import ROOT
from harness.wait import wait_until

HOME = os.environ.get("SLUICE_TEST_OIDC")
pytestmark = pytest.mark.skipif(
    not HOME, reason="SLUICE_TEST_OIDC is not set: tests/run"
)
AUDIENCE = "urn:sluice"
FETCHES = "sluice_jwks_fetches_total"


class Provider:
    def __init__(self, folder, port):
        folder.mkdir(parents=True, exist_ok=True)
        self.authority = Authority(folder)
        pair = self.authority.issue("provider")
        self.port, self.url = port, f"https://localhost:{port}"
        self.tls = self.authority.trusting()
        assert pathlib.Path(HOME, "node_modules").is_dir(), (
            f"tests/oidc is not in {HOME}"
        )
        script = ROOT / "tests/oidc/provider.mjs"
        self.log = open(folder / "provider.log", "w")  # noqa: SIM115
        self.process = subprocess.Popen(
            ["node", script, HOME, str(port), pair.cert, pair.key],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
        )  # fmt: skip

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()
        self.log.close()

    def use(self, *keys):
        """The first one signs."""
        line = json.dumps(keys)
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline().strip() == line, "see provider.log"

    def token(self, client, scope):
        connection = http.client.HTTPSConnection(
            "localhost", self.port, timeout=30, context=self.tls
        )
        basic = base64.b64encode(f"{client}:secret-of-{client}".encode()).decode()
        headers = {
            "Authorization": f"Basic {basic}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        form = urlencode({"grant_type": "client_credentials", "scope": scope})
        connection.request("POST", "/token", form, headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        assert answer.status == 200, body
        return json.loads(body)["access_token"]


def key_of(token):
    head = token.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"]


@pytest.fixture
def provider(servers, tmp_path):
    made = Provider(tmp_path, servers.ports.take())
    yield made
    made.close()


def settings(provider, **more):
    return {
        "auth.jwt.jwks": f"{provider.url}/jwks",
        "auth.jwt.ca": provider.authority.cert,
        "auth.jwt.issuer": provider.url,
        "auth.jwt.audience": AUDIENCE,
        **{name.replace("_", "."): value for name, value in more.items()},
    }


def started(servers, deploy, provider):
    """Two APIs: one takes the roles from the scope, the other from another claim."""
    deployment = deploy(servers, collections=COLLECTIONS)
    daemons = [
        deployment.daemon("api", settings(provider)),
        deployment.daemon("api", settings(provider, auth_jwt_roles="/access/roles")),
        deployment.daemon("writer"),
    ]
    for daemon in daemons:
        daemon.start(ready=False)
    for daemon in daemons:
        daemon.wait_ready()
    for api in daemons[:2]:
        wait_until(lambda api=api: api.metrics()["sluice_jwks_keys"], 60, "the keys")
    return daemons[:2]


def fetched_again(apis):
    """Has the APIs fetch the keys, as an operator does."""
    for api in apis:
        before = api.metrics()[FETCHES, 'result="ok"']
        api.signal(signal.SIGHUP)
        wait_until(
            lambda api=api, before=before: (
                api.metrics()[FETCHES, 'result="ok"'] > before
            ),
            60,
            "the keys are fetched",
        )


def note(api, token, key, method="GET", body=None):
    headers = {**bearer(token), "Content-Type": "application/json", "Prefer": "wait=30"}
    text = json.dumps(body).encode() if body else None
    return api.http.request(method, f"/v1/notes/{key}", text, headers)


KEYS = ("ES256-one", "RS256-two", "EdDSA-three", "PS256-four")


@pytest.mark.seconds(300)
def test_what_a_client_of_the_provider_may_do(servers, deploy, provider):
    provider.use(*KEYS)
    apis = started(servers, deploy, provider)
    for api in apis:
        assert api.metrics()["sluice_jwks_keys"] == 4
    for n, signer in enumerate(KEYS):
        provider.use(*KEYS[n:], *KEYS[:n])
        ann, ben, ed = (
            provider.token(*c)
            for c in (("ann", "customer"), ("ben", "customer"), ("ed", "editor"))
        )
        nobody = provider.token("ann", "")
        assert key_of(ann) == signer
        for api in apis:
            key = f"{signer}-{api.http.port}"
            made = note(api, ann, key, "PUT", {"text": "hers"})
            assert made.status == 201, made
            assert note(api, ann, key).json()["owner"] == "ann"
            assert note(api, ben, key).status == 404
            assert note(api, ed, key).json()["text"] == "hers"
            assert note(api, nobody, key).status == 403


class Load:
    """Gets a new token again and again, and shows it at once, and older ones."""

    def __init__(self, provider, api):
        self.provider, self.client = provider, Client(api.http.port)
        self.lock, self.seen, self.old = threading.Lock(), [], []

    def step(self):
        token = self.provider.token("ann", "customer")
        for each in [token, *self.old]:
            answer = self.client.request("GET", "/v1/notes/none", headers=bearer(each))
            with self.lock:
                self.seen.append(
                    (key_of(each), answer.status, answer.header("Retry-After"))
                )
        self.old = [*self.old[-3:], token]

    def taken(self):
        """What was seen since the last time."""
        with self.lock:
            seen, self.seen = self.seen, []
        return seen

    def has_used(self, key):
        """Waits until it has shown a token of this key."""
        wait_until(lambda: self.shown(key), 60, f"a token of {key}")

    def shown(self, key):
        with self.lock:
            return any(k == key for k, _, _ in self.seen)


@pytest.mark.seconds(300)
def test_keys_change_under_load(servers, deploy, provider):
    provider.use("ES256-one")
    apis = started(servers, deploy, provider)
    loads = [Load(provider, api) for api in apis]
    with Background(*(load.step for load in loads)):
        # Published first, used later: nobody notices.
        provider.use("ES256-one", "EdDSA-two")
        fetched_again(apis)
        provider.use("EdDSA-two", "ES256-one")
        for load in loads:
            load.has_used("EdDSA-two")
            assert {seen[1] for seen in load.taken()} == {404}

        # Used at once: for a short time only, a new token is answered with 503.
        last = provider.token("ann", "customer")
        assert key_of(last) == "EdDSA-two"
        provider.use("ES256-three", "EdDSA-two", "ES256-one")
        for load in loads:
            load.has_used("ES256-three")
        fetched_again(apis)
        for load, api in zip(loads, apis):
            wait_until(
                lambda load=load: served(load, "ES256-three"), 60, "it is served"
            )
            for key, status, after in load.taken():
                assert status == 404 or key == "ES256-three", (key, status)
                assert status == 404 or (status, after) == (503, "1"), (key, status)
            assert note(api, last, "none").status == 404
    # Withdrawn: after the next fetch its tokens are refused.
    provider.use("ES256-three")
    fetched_again(apis)
    for api in apis:
        assert note(api, last, "none").status in (401, 503)
    # It was not there when it was asked for again: it is none of the provider's.
    fetched_again(apis)
    for api in apis:
        assert note(api, last, "none").status == 401
        fresh = provider.token("ann", "customer")
        assert note(api, fresh, "none").status == 404


def served(load, key):
    with load.lock:
        return (key, 404, None) in load.seen


def test_another_authority(servers, deploy, provider, tmp_path):
    """A provider whose certificate is not of auth.jwt.ca is not asked for keys: no
    token is taken."""
    provider.use("ES256-one")
    deployment = deploy(servers, collections=COLLECTIONS)
    folder = tmp_path / "other"
    folder.mkdir()
    other = {**settings(provider), "auth.jwt.ca": Authority(folder).cert}
    api = deployment.daemon("api", other).start(ready=False)
    deployment.writer()
    token = provider.token("ann", "customer")
    wait_until(
        lambda: api.metrics()[FETCHES, 'result="failed"'], 60, "a fetch that failed"
    )
    wait_until(lambda: note(api, token, "none").status == 503, 60, "it answers")
    assert api.metrics()[FETCHES, 'result="ok"'] == 0
