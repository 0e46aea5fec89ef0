"""TLS on the listeners: versions, reload, client certificates, clients that leave."""

import contextlib
import json
import os
import signal
import socket
import ssl
import struct
import subprocess

import pytest
from harness import cli
from harness.certificates import Authority
from harness.client import Client, key_path
from harness.crowd import Background
from harness.wait import Stopwatch, wait_until

NO_LINGER = struct.pack("ii", 1, 0)
GET = b"GET /v1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
PUT = (
    "PUT {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    'Prefer: wait=60\r\nContent-Length: 13\r\n\r\n{{"value":"1"}}'
)
BOTH = ("", "admin.")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def authority(folder):
    return Authority(folder)


@pytest.fixture(scope="module")
def pairs(authority):
    """Two certificates for the same names."""
    return authority.issue("first"), authority.issue("second")


@pytest.fixture(scope="module")
def pair(folder, authority, pairs):
    """What the daemons have; tests replace its content."""
    made = authority.issue("present")
    made.replace(pairs[0])
    return made


def settings(pair, **more):
    given = {
        f"{which}tls.{end}": getattr(pair, end)
        for which in BOTH
        for end in ("cert", "key")
    }
    return {**given, **more}


def encrypted(daemon, context):
    for client in filter(None, (daemon.http, daemon.admin)):
        client.tls = context
    return daemon


@pytest.fixture(scope="module")
def sluice(module_deployment, authority, pair):
    """All three daemons, with TLS on all listeners."""
    for kind in cli.KINDS:
        mine = settings(pair)
        if kind == "api":
            mine["http.first_request_timeout"] = "2s"
        else:
            mine = {k: v for k, v in mine.items() if k.startswith("admin.")}
        daemon = module_deployment.daemon(kind, mine)
        encrypted(daemon, authority.trusting()).start(ready=False)
    for daemon in module_deployment.daemons:
        daemon.wait_ready()
    return module_deployment


@pytest.fixture
def another(sluice, authority, pair):
    """Makes APIs with settings of their own, that end with the test."""
    made = []

    def make(**more):
        given = {name.replace("__", "."): value for name, value in more.items()}
        made.append(sluice.daemon("api", settings(pair, **given)))
        return encrypted(made[-1], authority.trusting()).start()

    yield make
    for daemon in made:
        sluice.daemons.remove(daemon)
        daemon.finish()


@pytest.fixture
def api(sluice, pair, pairs):
    api = sluice.of("api")[0]
    yield api
    if pair.cert.read_bytes() != pairs[0].cert.read_bytes():
        pair.replace(pairs[0])
        reload(api)
    for daemon in sluice.daemons:
        daemon.check_alive()
        daemon.check_log()


def reload(daemon):
    """Returns the line of this reload."""
    before = len(daemon.events("reload"))
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: len(daemon.events("reload")) > before, 20, "reloaded")
    return daemon.events("reload")[-1]


def connect(port, context, timeout=30):
    """Closed without a word from the other side, it raises."""
    return context.wrap_socket(
        socket.create_connection(("127.0.0.1", port), timeout),
        server_hostname="localhost",
        suppress_ragged_eofs=False,
    )


def read_all(s):
    """To the end, which must be an orderly one."""
    pieces = []
    while piece := s.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


def name_of(s):
    return dict(field for (field,) in s.getpeercert()["subject"])["commonName"]


def s_client(port, authority, *args):
    """Sends a request; returns what openssl says and got."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"localhost:{port}", "-CAfile", authority.cert,
         "-verify_return_error", "-ign_eof", *args],
        input=GET, capture_output=True, timeout=60,
    )  # fmt: skip
    return (done.stdout + done.stderr).decode(errors="replace")


def curl(port, *args):
    done = subprocess.run(
        ["curl", "-sS", "-m", "30", "-w", "%{http_code}", "-o", "/dev/null", *map(str, args),
         f"https://localhost:{port}/v1"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


# --- versions and ciphers -----------------------------------------------------


@pytest.mark.parametrize(
    "option, cipher", [("-tls1_2", "ECDHE-ECDSA-"), ("-tls1_3", "TLS_AES_")]
)
def test_versions(api, authority, option, cipher):
    said = s_client(api.http.port, authority, option)
    assert "HTTP/1.1 200" in said and f"Cipher is {cipher}" in said, said
    assert curl(api.http.port, "--cacert", authority.cert)[1] == "200"


# The client must be willing itself.
WEAK = ("-cipher", "ALL:@SECLEVEL=0")


@pytest.mark.parametrize("option", ["-tls1_1", "-tls1"])
def test_old_versions(api, authority, option):
    said = s_client(api.http.port, authority, option, *WEAK)
    assert "HTTP/1.1" not in said and "Cipher is (NONE)" in said, said


@pytest.mark.parametrize("cipher", ["AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256"])
def test_weak_ciphers(api, authority, cipher):
    said = s_client(api.http.port, authority, "-tls1_2", "-cipher", cipher)
    assert "HTTP/1.1" not in said and "Cipher is (NONE)" in said, said


def test_only_tls_1_3(another, authority):
    strict = another(tls__min_version="1.3")
    said = s_client(strict.http.port, authority, "-tls1_2")
    assert "HTTP/1.1" not in said and "Cipher is (NONE)" in said, said
    assert "HTTP/1.1 200" in s_client(strict.http.port, authority, "-tls1_3")


def test_http_without_tls(api):
    for port in (api.http.port, api.admin.port):
        with socket.create_connection(("127.0.0.1", port), 30) as s:
            s.sendall(GET)
            with contextlib.suppress(ConnectionResetError):
                assert b"HTTP" not in s.recv(1000)


# --- every kind of answer -----------------------------------------------------


def test_answers(api):
    """Small and large, waited for and streamed."""
    value = "x" * 900_000
    assert api.http.put("large", value, prefer="wait=20").status in (200, 201)
    assert api.http.value("large") == value
    lines = "".join(
        json.dumps({"key": f"k{i}", "value": value[:5000]}) + "\n" for i in range(300)
    )
    answer = api.http.request(
        "POST", "/v1/records", lines.encode(),
        {"Content-Type": "application/x-ndjson", "Prefer": "wait=30"},
    )  # fmt: skip
    assert answer.status in (200, 207), answer
    answer = api.http.request(
        "GET", "/v1/records", headers={"Accept": "application/x-ndjson"}
    )
    assert len(answer.body.splitlines()) == 301
    assert api.http.request("GET", "/nothing").status == 404


def test_a_change_feed(api, authority):
    with connect(api.http.port, authority.trusting()) as s:
        s.sendall(
            b"GET /v1/records/_changes HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
        )
        got = s.recv(65536)
        assert b"200 OK" in got
        api.http.put("fed", "1", prefer="wait=20")
        while b"fed" not in got:
            got += s.recv(65536)


def test_refused_requests(api, authority):
    """Also those that libmicrohttpd does not see."""
    many = "&".join(f"a{i}=1" for i in range(1000))
    for request, status in (
        (f"GET /v1?{many} HTTP/1.1\r\nHost: localhost\r\n\r\n", 431),
        ("GET /v1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", 400),
        ("PUT /v1/records/a HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
         "Content-Length: 99999999\r\n\r\nabc", 413),
    ):  # fmt: skip
        with connect(api.http.port, authority.trusting()) as s:
            s.sendall(request.encode())
            answer = read_all(s)
        assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer


# --- certificates and their reload --------------------------------------------


def test_reload_under_load(api, authority, pair, pairs):
    context = authority.trusting()
    seen = set()
    kept = Client(api.http.port)
    kept.tls = context
    assert kept.put("kept", "1", prefer="wait=20").status in (200, 201)

    def anew():
        with connect(api.http.port, context) as s:
            s.sendall(GET)
            assert read_all(s).startswith(b"HTTP/1.1 200 ")
            seen.add(name_of(s))

    def keep():
        assert kept.value("kept") == "1"
        assert kept.generation == 0

    with connect(api.http.port, context) as old, Background(anew, anew, keep, keep):
        for present in (pairs[1], pairs[0]) * 3:
            pair.replace(present)
            line = reload(api)
            assert "tls" in line and "failed=0" in line, line
            with connect(api.http.port, context) as s:
                assert name_of(s) == present.cert.stem
            seen.clear()
            wait_until(lambda: seen, 30, "others connect, too")
        old.sendall(GET)
        assert read_all(old).startswith(b"HTTP/1.1 200 ")
        assert name_of(old) == "first"


def test_a_broken_certificate_on_reload(api, authority, pair, pairs, folder):
    """The former one stays in use, and everybody is told."""
    garbage = folder / "garbage"
    garbage.write_text("-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n")
    for breaks, why in (
        (
            lambda: pair.cert.write_bytes(pairs[1].cert.read_bytes()),
            "key of the certificate",
        ),
        (lambda: pair.cert.write_bytes(garbage.read_bytes()), "tls.cert"),
        (lambda: pair.key.unlink(), "No such file"),
        (lambda: pair.key.write_bytes(b""), "empty"),
    ):
        pair.replace(pairs[0])
        breaks()
        assert "reloaded=none failed=2" in reload(api)
        for line in api.events("reload.failed")[-2:]:
            assert why in line and str(pair.cert.parent) in line, line
        status, text = api.readiness()
        assert status == 200 and text.count("note: ") == 2
        with connect(api.http.port, authority.trusting()) as s:
            assert name_of(s) == "first"
    pair.replace(pairs[1])
    assert "reloaded=admin.tls,tls failed=0" in reload(api)
    assert api.readiness() == (200, "ready\n")


@pytest.mark.parametrize("kind", cli.KINDS)
def test_files_that_cannot_be_used(servers, kind, pairs, folder, authority):
    first, second = pairs
    name = "admin.tls" if kind != "api" else "tls"
    for cert, key, ca, said in (
        (first.cert, None, None, f"{name}.key"),
        (None, first.key, None, f"{name}.cert"),
        (None, None, authority.cert, f"{name}.cert"),
        (first.cert, second.key, None, "it is not the key of the certificate"),
        (folder / "gone", first.key, None, "No such file"),
        (first.key, first.key, None, f"{name}.cert"),
        (first.cert, first.key, first.key, f"{name}.client_ca"),
        (folder, first.key, None, "not a regular file"),
    ):
        given = {"cert": cert, "key": key, "client_ca": ca}
        args = [f"--{name}.{end}={path}" for end, path in given.items() if path]
        for more in (["--check-config"], []):
            done = cli.run(servers, kind, *args, *more)
            assert done.returncode == 2 and said in done.stderr, done.stderr
            assert name in done.stderr


# --- the admin listeners ------------------------------------------------------


@pytest.mark.parametrize("kind", cli.KINDS)
def test_admin_listeners(servers, sluice, api, kind, pair):
    (daemon,) = sluice.of(kind)
    assert daemon.page("/config")["admin.tls.cert"] == str(pair.cert)
    with pytest.raises(OSError):
        Client(daemon.admin.port, timeout=10).request("GET", "/livez")
    args = [f"--admin.listen=127.0.0.1:{daemon.admin.port}"]
    tls = [f"--admin.tls.{end}={getattr(pair, end)}" for end in ("cert", "key")]
    done = cli.run(servers, kind, *args, *tls, "--probe")
    assert (done.returncode, done.stdout) == (0, "ready\n"), done.stderr
    assert cli.run(servers, kind, *args, "--probe").returncode == 1
    # The daemon works, whatever became of the files that it has read.
    tls[1] = tls[1].replace("present", "gone")
    done = cli.run(
        servers, kind, *args, *tls, "--redis.url.file=/nonexistent", "--probe"
    )
    assert (done.returncode, done.stdout) == (0, "ready\n"), done.stderr


@pytest.fixture
def auditing(sluice, authority):
    """Restarts the projector with a file of certificates that it trusts."""
    (projector,) = sluice.of("projector")
    asked = {
        "audit.rate": 1000,
        "audit.instances": f"https://127.0.0.1:{sluice.of('api')[0].admin.port}",
    }

    def start(**settings):
        projector.stop()
        projector.settings.update(asked, **settings)
        projector.start()

    yield start
    for name in (*asked, "audit.tls.ca"):
        projector.settings.pop(name, None)
    projector.stop()
    projector.start()


def test_the_auditor_asks_by_tls(sluice, api, authority, folder, auditing):
    (projector,) = sluice.of("projector")

    def counted(name, *labels):
        return projector.metrics()[f"sluice_projector_audit_{name}_total", *labels]

    def sampled(key, name, *labels):
        """A document that L1 has is written, and the auditor looks for it."""
        before = counted(name, ",".join(labels))
        answer = api.http.put(key, "1", prefer="wait=10")
        assert answer.status == 201, answer
        assert api.http.get(key).status == 200
        wait_until(
            lambda: counted(name, ",".join(labels)) > before, 20, "it has looked"
        )

    auditing(**{"audit.tls.ca": str(authority.cert)})
    sampled("audited", "checks", 'tier="l1"', 'result="current"')
    assert counted("violations", 'tier="l1"') == 0
    other = Authority(folder, "ca-of-others")
    auditing(**{"audit.tls.ca": str(other.cert)})
    sampled("not-audited", "skipped", 'tier="l1"')
    assert counted("checks", 'tier="l1",result="current"') == 0


# --- client certificates ------------------------------------------------------


def test_client_certificates(another, authority, folder):
    other = Authority(folder, "other")
    asking = another(tls__client_ca=authority.cert, auth__mode="open")
    port = asking.http.port
    alice = authority.issue("alice", "DNS:alice.example", use="clientAuth")
    server = authority.issue("server-only", use="serverAuth")
    eve = other.issue("eve", "DNS:eve.example", use="clientAuth")
    trusts = ("--cacert", authority.cert)
    assert curl(port, *trusts, "--cert", alice.cert, "--key", alice.key)[1] == "200"
    assert curl(port, *trusts)[1] == "200"  # who shows none may have something else
    for bad, alert in ((eve, "unknown ca"), (server, "bad certificate")):
        for version in ("1.2", "1.3"):
            code, said = curl(
                port,
                *trusts,
                "--cert",
                bad.cert,
                "--key",
                bad.key,
                "--tls-max",
                version,
            )
            # The server may have closed the connection before curl reads why.
            closed = "errno 107" in said or "reset by peer" in said
            assert code != 0 and (alert in said or closed), said
    # Nobody else's handshake is disturbed.
    assert asking.http.request("GET", "/v1").status == 200


def test_a_client_certificate_is_a_credential(another, authority, folder):
    """The key file says who has which certificate, by its subject or another name."""
    alice = authority.issue("alice-key", "DNS:alice.example", use="clientAuth")
    carol = authority.issue("carol-key", "DNS:carol.example", use="clientAuth")
    keys = folder / "certificates.json"
    roles = {"roles": ["operator"]}
    entries = [{"id": "alice", "certificate": "DNS:alice.example", **roles}]
    keys.write_text(json.dumps({"keys": entries}))
    asking = another(tls__client_ca=authority.cert, auth__keys=keys)
    trusts = ("--cacert", authority.cert)

    def status(*args):
        return curl(asking.http.port, *trusts, *args)[1]

    def of(pair):
        return "--cert", pair.cert, "--key", pair.key

    assert status() == "401"
    assert status(*of(alice)) == "200"
    assert status(*of(carol)) == "401"
    # A header field counts more than the certificate.
    assert status(*of(alice), "-H", "Authorization: Bearer slk_no_key") == "401"
    entries.append({"id": "carol", "certificate": "CN=carol-key", **roles})
    keys.write_text(json.dumps({"keys": entries}))
    asking.signal(signal.SIGHUP)
    wait_until(lambda: status(*of(carol)) == "200", 10, "the file is read again")


# --- clients that leave, or are slow ------------------------------------------


def with_notice(s):
    with contextlib.suppress(OSError, ssl.SSLError):
        s.settimeout(0.2)
        s.unwrap()
    s.close()


def without_notice(s):
    os.close(s.detach())


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    s.close()


@pytest.mark.parametrize("ending", [with_notice, without_notice, reset])
def test_a_client_that_leaves_while_parked(sluice, api, authority, ending):
    (writer,) = sluice.of("writer")
    gone = api.metrics()["sluice_parked_abandoned_total"]
    writer.sigstop()
    try:
        with connect(api.http.port, authority.trusting()) as s:
            s.sendall(PUT.format(key_path("parked")).encode())
            parked = lambda: api.metrics()["sluice_parked_requests"]
            wait_until(lambda: parked() == 1, 20, "it is parked")
            ending(s)
            # Long before the 60 s that it would wait for.
            wait_until(lambda: parked() == 0, 20, "it is gone")
        assert api.metrics()["sluice_parked_abandoned_total"] == gone + 1
    finally:
        writer.sigcont()
    wait_until(lambda: api.readiness()[0] == 200, 30, "ready")


def test_clients_that_leave_at_any_moment(api, authority):
    """In a handshake, in a stream, in an answer."""
    context = authority.trusting()
    feed = b"GET /v1/records/_changes HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
    export = b"GET /v1/records HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson\r\n\r\n"
    for request in (b"", GET, feed, export, PUT.format(key_path("left")).encode()):
        for ending in (with_notice, without_notice, reset):
            for _ in range(5):
                s = connect(api.http.port, context)
                s.sendall(request)
                ending(s)
    for size in (1, 5, 50):
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", api.http.port)) as s:
                s.sendall(
                    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".ljust(size, b"x")[
                        :size
                    ]
                )
    for gauge in (
        "sluice_parked_requests",
        "sluice_exports_running",
        "sluice_change_feeds",
    ):
        wait_until(lambda g=gauge: api.metrics()[g] == 0, 30, gauge)
    assert api.http.request("GET", "/v1").status == 200


def test_a_slow_handshake(api):
    """http.first_request_timeout bounds it, however often a byte comes."""
    with (
        Stopwatch() as t,
        socket.create_connection(("127.0.0.1", api.http.port), 30) as s,
    ):
        hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)
        s.settimeout(0.1)
        for byte in hello:
            with contextlib.suppress(OSError):
                s.send(bytes([byte]))
            try:
                if s.recv(100) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        else:
            pytest.fail("it was never cut off")
    assert t.seconds > 1.9


# --- the drain ----------------------------------------------------------------


def test_a_drain(sluice, another, authority):
    """Nobody is reset: each connection ends with an answer or an orderly end."""
    context = authority.trusting()
    leaving = another(drain__linger="500ms")
    (writer,) = sluice.of("writer")
    writer.sigstop()
    try:
        with contextlib.ExitStack() as stack:
            fresh, used, parked = (
                stack.enter_context(connect(leaving.http.port, context))
                for _ in range(3)
            )
            used.sendall(GET.replace(b"Connection: close\r\n", b""))
            got = used.recv(65536)
            while not got.endswith(b"}\n") and not got.endswith(b"}"):
                got += used.recv(65536)
            assert got.startswith(b"HTTP/1.1 200 ")
            parked.sendall(PUT.format(key_path("drained")).encode())
            wait_until(
                lambda: leaving.metrics()["sluice_parked_requests"] == 1, 20, "parked"
            )
            leaving.sigterm()
            answer = read_all(parked)
            assert (
                answer.startswith(b"HTTP/1.1 202 ") and b"Connection: close" in answer
            )
            assert read_all(fresh) == b""
            assert read_all(used) == b""
    finally:
        writer.sigcont()
    assert leaving.wait_exit() == 0
