"""Certificates that tests make, by the openssl command."""

import ssl
import subprocess

CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
LOCAL = "DNS:localhost,IP:127.0.0.1"


def openssl(*args, text=None):
    done = subprocess.run(
        ["openssl", *map(str, args)],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class Pair:
    """A certificate and its key, as files."""

    def __init__(self, folder, name):
        self.cert = folder / f"{name}.pem"
        self.key = folder / f"{name}.key"

    def replace(self, other):
        """As a renewal does: the files get the content of others."""
        for mine, theirs in ((self.key, other.key), (self.cert, other.cert)):
            mine.write_bytes(theirs.read_bytes())


class Authority(Pair):
    def __init__(self, folder, name="ca"):
        super().__init__(folder, name)
        self.folder = folder
        openssl(
            "req", "-x509", *CURVE, "-keyout", self.key, "-out", self.cert,
            "-days", 2, "-subj", f"/CN={name}",
        )  # fmt: skip

    def issue(self, name, names=LOCAL, subject=None, use="serverAuth,clientAuth"):
        pair = Pair(self.folder, name)
        request = self.folder / f"{name}.csr"
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={names}\nextendedKeyUsage={use}\n")
        openssl(
            "req", *CURVE, "-keyout", pair.key, "-out", request,
            "-subj", subject or f"/CN={name}",
        )  # fmt: skip
        openssl(
            "x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key,
            "-CAcreateserial", "-days", 2, "-extfile", extensions, "-out", pair.cert,
        )  # fmt: skip
        return pair

    def trusting(self, shows=None):
        """An SSLContext that trusts this authority, and shows a Pair."""
        context = ssl.create_default_context(cafile=self.cert)
        if shows:
            context.load_cert_chain(shows.cert, shows.key)
        return context
