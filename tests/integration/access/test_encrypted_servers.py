"""TLS to PostgreSQL, Redis and Kafka, and what is said if a certificate is wrong."""

import ctypes

import pytest
from conftest import log_folder
from harness import cli
from harness.certificates import Authority
from harness.encrypted import Encrypted, EncryptedDeployment, token
from harness.wait import wait_until


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("encrypted")


@pytest.fixture(scope="module")
def authority(folder):
    return Authority(folder)


@pytest.fixture(scope="module")
def stranger(folder):
    return Authority(folder, "stranger")


@pytest.fixture(scope="module")
def encrypted(servers, folder, authority):
    made = Encrypted(servers, folder, authority)
    yield made
    made.close()


@pytest.fixture(scope="module")
def world(encrypted, servers):
    made = EncryptedDeployment(encrypted, log_folder(servers, "test_encrypted_servers"))
    try:
        made.create()
        made.start_all()
        yield made
    finally:
        made.close()


@pytest.fixture
def another(world):
    """An API with other settings, that ends with the test; not waited for."""
    made = []

    def make(settings, without=()):
        daemon = world.daemon("api", settings)
        for name in without:
            del daemon.settings[name]
        made.append(daemon)
        return daemon

    yield make
    for daemon in made:
        daemon.finish()
        world.daemons.remove(daemon)


def works(daemon, key):
    assert daemon.http.put(key, "1", prefer="wait=20").status in (200, 201)
    assert daemon.http.value(key) == "1"


def says(daemon, event, *parts):
    """A line of this event has all of these."""
    found = lambda: [s for s in daemon.events(event) if all(p in s for p in parts)]
    return wait_until(found, 30, f"{event}: {parts}")


def test_everything_is_encrypted(world, api):
    works(api, "a")
    wait_until(
        lambda: world.redis_entries("records"), 20, "the projector has applied it"
    )
    kinds = world.sql(
        "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
        " WHERE usename LIKE 'sluice%%'"
    )
    assert kinds == [(True,)]
    assert "pa55word" not in api.text()


def test_postgres_by_a_client_certificate(encrypted, world, another):
    url = "postgresql://certified@" + world.settings("api")["primary.url"].split("@")[1]
    pair = encrypted.client
    encrypted.client.key.chmod(0o600)  # libpq demands it
    daemon = another(
        {
            "primary.url": f"{url}&sslcert={pair.cert}&sslkey={pair.key}",
            "replica.urls": "",
        }
    ).start()
    works(daemon, "certified")
    refused = another({"primary.url": url, "replica.urls": ""}).start(ready=False)
    says(refused, "postgres.down", "certificate")


@pytest.mark.parametrize("how", ["authority", "host"])
def test_postgres_that_is_not_trusted(world, another, authority, stranger, how):
    url = world.settings("api")["primary.url"]
    if how == "authority":
        url = url.replace(str(authority.cert), str(stranger.cert))
    else:
        url = url.replace("@localhost", "@127.0.0.1")
    daemon = another({"primary.url": url, "replica.urls": ""}).start(ready=False)
    if how == "authority":
        says(daemon, "postgres.down", "server=primary", "certificate verify failed")
    else:
        says(daemon, "postgres.down", "server=primary", "does not match host name")


def test_redis_that_is_not_trusted(world, another, stranger):
    daemon = another({"redis.tls.ca": stranger.cert}).start()
    says(daemon, "redis.down", "the certificate of localhost", "issuer is unknown")
    works(daemon, "without redis")  # it does without
    url = world.settings("api")["redis.url"].replace("@localhost", "@127.0.0.1")
    daemon = another({"redis.url": url}).start()
    says(daemon, "redis.down", "the certificate of 127.0.0.1", "does not match")


def test_redis_refuses_us(world, another):
    daemon = another({}, without=("redis.tls.cert", "redis.tls.key")).start()
    says(daemon, "redis.down", "the server refuses")
    url = world.settings("api")["redis.url"].replace("pa55word", "wrong")
    daemon = another({"redis.url": url}).start()
    says(daemon, "redis.down", "WRONGPASS")


def test_files_of_redis(world, servers):
    given = world.settings("api")
    for change, said in (
        ({"redis.tls.ca": "/nonexistent"}, "redis.tls.ca"),
        ({"redis.tls.key": ""}, "redis.tls.key"),
        ({"redis.tls.key": given["redis.tls.cert"]}, "redis.tls.key"),
        ({"redis.url": "redis://localhost"}, "rediss://"),
    ):
        flags = [f"--{k}={v}" for k, v in {**given, **change}.items()]
        done = cli.run(servers, "api", *flags, "--check-config")
        assert done.returncode == 2 and said in done.stderr, done.stderr


@pytest.mark.parametrize("how", ["authority", "password"])
def test_kafka_that_does_not_agree(another, stranger, how):
    change = (
        {"kafka.ssl.ca.location": stranger.cert}
        if how == "authority"
        else {"kafka.sasl.password": "wrong"}
    )
    daemon = another(change).start(ready=False)
    text = (
        "certificate verify failed"
        if how == "authority"
        else "SASL authentication error"
    )
    says(daemon, "kafka.log", text)
    daemon.wait_alive()
    assert daemon.readiness()[0] == 503
    assert "wrong" not in daemon.text()


def librdkafka():
    """The version of the daemons' librdkafka; that of Python has its own."""
    return ctypes.CDLL("librdkafka.so.1").rd_kafka_version() >> 8


def test_kafka_by_scram(encrypted, another):
    """A librdkafka before 2.6.1 adds its nonce twice, which Kafka 4 refuses."""
    daemon = another(encrypted.by_scram()).start(ready=False)
    if librdkafka() >= 0x020601:
        daemon.wait_ready()
        works(daemon, "by scram")
        assert daemon.events("kafka.scram") == []
    else:
        says(daemon, "kafka.scram", "2.6.1")
        says(daemon, "kafka.log", "invalid credentials")


def test_kafka_by_a_token(encrypted, another, tmp_path):
    """It is read again: when the first one did not do, and when its time is over."""
    file = tmp_path / "token"
    file.write_text(token("api", 60, now=1000))
    settings = encrypted.by_token(file)
    daemon = another(settings, without=("kafka.sasl.username", "kafka.sasl.password"))
    daemon.start(ready=False)
    says(daemon, "kafka.token", str(file), "the token has expired")
    daemon.wait_alive()
    assert daemon.readiness()[0] == 503
    file.write_text(token("api", 20) + "\n")
    daemon.wait_ready(60)
    works(daemon, "by a token")
    before = len(daemon.events("kafka.token"))
    file.unlink()
    wait_until(
        lambda: len(daemon.events("kafka.token")) > before, 30, "it is read again"
    )
    assert "No such file" in daemon.events("kafka.token")[-1]
    file.write_text(token("api", 300))
