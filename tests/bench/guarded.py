"""Hits in L1 by callers who say who they are, with a limit, and by TLS: the subjects
of `access` in tests/bench/read."""

import base64
import hashlib
import hmac
import json
import subprocess
import time
from pathlib import Path

from common import HOST, Failure, get
from subject import HOT

ISSUER, AUDIENCE = "https://issuer.example/", "sluice"
# Whom a subject is compared with.
AGAINST = {
    "sluice-jwt": ("sluice-none",),
    "sluice-key": ("sluice-none",),
    "sluice-limit": ("sluice-jwt",),
    "sluice-tls": ("nginx-tls",),
}


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def make_token(secret):
    """An hour of the role `reader`. Which algorithm signed it is of no matter: a token
    is verified once by each thread."""
    now = int(time.time())
    head = {"alg": "HS256", "typ": "at+jwt", "kid": "bench"}
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "somebody", "scope": "reader",
              "iat": now, "exp": now + 3600}
    signed = ".".join(base64url(json.dumps(part).encode()) for part in (head, claims))
    digest = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64url(digest)}"


class Access:
    """The files of an API that demands credentials, and credentials for it."""

    def __init__(self, options):
        self.dir = Path(options.dir)
        secret = hashlib.sha256(b"of the benchmark").digest()
        key = {"kty": "oct", "kid": "bench", "alg": "HS256", "k": base64url(secret)}
        self.jwks = self.write("jwks.json", {"keys": [key]})
        self.token = make_token(secret)
        made = subprocess.run(
            [options.api, "--new-key", "bench", "--role", "reader"],
            capture_output=True, text=True, check=True).stdout.splitlines()
        self.key = made[0]
        self.keys = self.write("keys.json", {"keys": [json.loads(made[1])]})
        declared = json.loads(Path(options.collections, "records.json").read_text())
        declared["access"] = {"anonymous": ["read"], "reader": ["read"]}
        (self.dir / "collections").mkdir(exist_ok=True)
        self.write("collections/records.json", declared)
        self.cert, self.private = self.dir / "cert.pem", self.dir / "key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.private, "-out",
             self.cert, "-days", "2", "-subj", "/CN=localhost"],
            capture_output=True, check=True)

    def write(self, name, document):
        file = self.dir / name
        file.write_text(json.dumps(document))
        return file

    def flags(self, **more):
        settings = {
            "auth.mode": "required", "auth.jwt.jwks": self.jwks, "auth.keys": self.keys,
            "auth.jwt.issuer": ISSUER, "auth.jwt.audience": AUDIENCE,
            "collections.dir": self.dir / "collections", "l1.ttl": "1h",
            **{name.replace("_", "."): value for name, value in more.items()},
        }
        return [f"--{name}={value}" for name, value in settings.items()]


def cipher_of(port):
    """What a client such as wrk agrees on with the server."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"{HOST}:{port}"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        if line.startswith("New, "):
            return line.split("New, ")[1].replace(", Cipher is ", " ")
    raise Failure(f"no TLS on port {port}: {done.stderr}")


def guarded_subjects(bench):
    access = Access(bench.options)
    one = bench.api("sluice-none", "L1 hit without a credential, for `anonymous`", "l1",
                    *access.flags())
    bearer = {"Authorization": f"Bearer {access.token}"}
    limited = bench.api(
        "sluice-limit", "the same with a limit that is never reached", "l1",
        *access.flags(limit_reader="100000000/s", limit_anonymous="100000000/s"),
        headers=bearer)
    encrypted = bench.api("sluice-tls", "L1 hit without a credential, by TLS", "l1",
                          *access.flags(tls_cert=access.cert, tls_key=access.private),
                          scheme="https")
    answer = get(one.port, HOT)
    if answer[0] != 200 or get(one.port, HOT, headers=bearer)[0] != 200:
        raise Failure(f"the guarded API does not answer: {answer}")
    same = {name: answer[1][name] for name in
            ("Content-Type", "ETag", "Cache-Status", "Server-Timing", "Cache-Control", "Vary")
            if name in answer[1]}
    nginx = bench.nginx(same, answer[2], name="nginx-tls",
                        pair=(access.cert, access.private))
    ciphers = [cipher_of(subject.port) for subject in (encrypted, nginx)]
    if ciphers[0] != ciphers[1]:
        raise Failure(f"not the same cipher: {ciphers}")
    encrypted.what += f" ({ciphers[0]})"
    return [
        one,
        one.asked_with("sluice-jwt", "L1 hit with a verified token, the same process", bearer),
        one.asked_with("sluice-key", "L1 hit with an API key, the same process",
                       {"X-API-Key": access.key}),
        limited, encrypted, nginx,
    ]
