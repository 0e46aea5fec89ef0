"""Callers of every kind: their tokens and API keys, and what makes these valid."""

import base64
import hashlib
import json
import secrets
import time

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm

from .client import Client
from .servers import ROOT

COLLECTIONS = ROOT / "tests/integration/access/collections"
ISSUER = "https://issuer.example/"
AUDIENCE = "sluice"
TENANTS = {
    "ann": "11111111-1111-4111-8111-111111111111",
    "ben": "22222222-2222-4222-8222-222222222222",
}


class Signer:
    """One key of the issuer."""

    def __init__(self, kid, algorithm="EdDSA"):
        self.kid, self.algorithm = kid, algorithm
        if algorithm == "EdDSA":
            self.key, form = Ed25519PrivateKey.generate(), OKPAlgorithm
        else:
            self.key, form = generate_private_key(SECP256R1()), ECAlgorithm
        public = form.to_jwk(self.key.public_key(), as_dict=True)
        self.public = {**public, "kid": kid, "alg": algorithm, "use": "sig"}

    def token(self, subject, roles, **claims):
        now = int(time.time())
        all_claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "scope": " ".join(roles),
            "iat": now,
            "exp": now + 3600,
            **claims,
        }
        head = {"kid": self.kid, "typ": "at+jwt"}
        return jwt.encode(all_claims, self.key, self.algorithm, head)


def key_set(*signers):
    return {"keys": [s.public for s in signers]}


def bearer(credential):
    return {"Authorization": f"Bearer {credential}"}


def new_key(name, roles, **more):
    """An API key, and its entry for the key file."""
    random = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    key = f"slk_{name}_{random}"
    digest = hashlib.sha256(key.encode()).hexdigest()
    return key, {"id": name, "sha256": digest, "roles": roles, **more}


class Callers:
    """The headers of each caller, by name; the files that the API reads."""

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.jwks, self.keys = folder / "jwks.json", folder / "keys.json"
        self.signer, self.other = Signer("one"), Signer("two", "ES256")
        self.jwks.write_text(json.dumps(key_set(self.signer, self.other)))
        editor, editors_entry = new_key("editor", ["editor"], subject="ed")
        operator, operators_entry = new_key("operator", ["operator"])
        entries = {"keys": [editors_entry, operators_entry]}
        self.keys.write_text(json.dumps(entries))
        late = int(time.time()) - 3600
        self.headers = {
            "none": {},
            "bad": bearer(Signer("one").token("ann", ["editor"])),
            "unknown_key": {"X-API-Key": new_key("editor", ["editor"])[0]},
            "expired": bearer(self.signer.token("ann", ["editor"], exp=late)),
            "audience": bearer(self.signer.token("ann", ["editor"], aud="other")),
            "reader": bearer(self.other.token("rita", ["reader", "unheard-of"])),
            "editor": {"X-API-Key": editor},
            "ann": self.customer("ann"),
            "ben": self.customer("ben"),
            "operator": bearer(operator),
        }

    def customer(self, name):
        token = self.signer.token(name, ["customer"], tenant=TENANTS[name])
        return bearer(token)

    def settings(self):
        return {
            "auth.mode": "required",
            "auth.keys": self.keys,
            "auth.jwt.jwks": self.jwks,
            "auth.jwt.issuer": ISSUER,
            "auth.jwt.audience": AUDIENCE,
        }

    def client(self, name, api):
        return Client(api.http.port, always=self.headers[name])


class Guarded:
    """A deployment whose API demands credentials, and its callers."""

    def __init__(self, deployment, apis=1, **settings):
        self.world = deployment
        self.callers = Callers(deployment.logs / "callers")
        every = {**self.callers.settings(), **settings}
        made = [deployment.daemon("api", every) for _ in range(apis)]
        made += [deployment.daemon(kind) for kind in ("writer", "projector")]
        for daemon in made:
            daemon.start(ready=False)
        for daemon in made:
            daemon.wait_ready()
        self.api = made[0]

    def as_(self, name, api=None):
        return self.callers.client(name, api or self.api)
