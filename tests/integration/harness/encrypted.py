"""PostgreSQL, Redis and Kafka of a test's own that speak TLS only."""

import base64
import contextlib
import copy
import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

import redis
from confluent_kafka.admin import AdminClient

from .deployment import Deployment
from .postgres import Postgres
from .wait import wait_until

PASSWORD = "pa55word"

POSTGRES_HBA = """
hostssl all certified 127.0.0.1/32 cert
hostssl all all       127.0.0.1/32 scram-sha-256
"""

KAFKA = """
process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
inter.broker.listener.name=INTERNAL
listener.security.protocol.map=PLAIN:SASL_SSL,SCRAM:SASL_SSL,TOKEN:SASL_SSL,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT
listeners=PLAIN://127.0.0.1:{plain},SCRAM://127.0.0.1:{scram},TOKEN://127.0.0.1:{token},INTERNAL://127.0.0.1:{internal},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAIN://localhost:{plain},SCRAM://localhost:{scram},TOKEN://localhost:{token},INTERNAL://127.0.0.1:{internal}
controller.quorum.voters=1@127.0.0.1:{controller}
log.dirs={folder}/log
ssl.keystore.type=PEM
ssl.keystore.location={folder}/keystore.pem
ssl.truststore.type=PEM
ssl.truststore.location={folder}/truststore.pem
listener.name.plain.sasl.enabled.mechanisms=PLAIN
listener.name.plain.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_sluice="{password}";
listener.name.scram.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.scram.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.token.sasl.enabled.mechanisms=OAUTHBEARER
listener.name.token.oauthbearer.sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
num.network.threads=1
num.io.threads=2
background.threads=1
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=8388608
"""


def token(subject, lifetime_s, now=None):
    """An unsecured JWS (RFC 7515, A.5): the test's broker takes it."""
    begin = int(now or time.time())
    parts = {"alg": "none"}, {"sub": subject, "iat": begin, "exp": begin + lifetime_s}
    return "".join(
        base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") + "."
        for p in parts
    )


def is_open(port):
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex(("127.0.0.1", port)) == 0


class Server:
    """A process that ends with the test."""

    def __init__(self, name, folder):
        self.name = name
        self.folder = folder
        self.folder.mkdir()
        self.log = folder / f"{name}.log"
        self.process = None

    def run(self, args, port, **more):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                args, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                cwd=self.folder, start_new_session=True, **more,
            )  # fmt: skip
        wait_until(lambda: self._listens(port), 60, f"{self.name} listens")

    def _listens(self, port):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended: {self.log.read_text()[-2000:]}")
        return is_open(port)

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Redis(Server):
    """It wants a client certificate, and a user."""

    def __init__(self, servers, folder, authority, pair):
        super().__init__("redis", folder / "redis")
        self.port = servers.ports.take()
        conf = self.folder / "redis.conf"
        conf.write_text(
            f"bind 127.0.0.1\nport 0\ntls-port {self.port}\nsave ''\n"
            f"tls-cert-file {pair.cert}\ntls-key-file {pair.key}\n"
            f"tls-ca-cert-file {authority.cert}\ntls-auth-clients yes\n"
            "maxmemory-policy volatile-lru\n"
            f"user default off\nuser sluice on >{PASSWORD} ~* &* +@all\n"
        )
        # Debian's redis-tools has the server under the name of its checker.
        program = shutil.which("redis-server") or shutil.which("redis-check-rdb")
        self.run(
            ["redis-server", str(conf)], self.port, executable=os.path.realpath(program)
        )


class Kafka(Server):
    def __init__(self, servers, folder, authority, pair):
        super().__init__("kafka", folder / "kafka")
        self.plain, self.scram, self.token, internal, controller = (
            servers.ports.take() for _ in range(5)
        )
        (self.folder / "keystore.pem").write_bytes(
            pair.key.read_bytes() + pair.cert.read_bytes()
        )
        (self.folder / "truststore.pem").write_bytes(authority.cert.read_bytes())
        conf = self.folder / "server.properties"
        conf.write_text(
            KAFKA.format(
                password=PASSWORD,
                plain=self.plain,
                scram=self.scram,
                token=self.token,
                internal=internal,
                controller=controller,
                folder=self.folder,
            )
        )
        java = [*self._java(servers), "-Xms64m", "-Xmx256m", "-XX:TieredStopAtLevel=1"]
        done = subprocess.run(
            [*java, "kafka.tools.StorageTool", "format", "--cluster-id",
             base64.urlsafe_b64encode(b"A" * 16).decode().rstrip("="), "--config", conf,
             "--add-scram", f"SCRAM-SHA-512=[name=sluice,password={PASSWORD}]"],
            capture_output=True, text=True, timeout=120, cwd=self.folder,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        self.run([*java, "kafka.Kafka", conf], self.plain)

    def _java(self, servers):
        """As the stack's own broker was started."""
        pid = int(servers.part("pid", "kafka"))
        line = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
        (self.folder / "tmp").mkdir()
        java = line[: line.index("-cp") + 2]
        return [a for a in java if not a.startswith("-Djava.io.tmpdir")] + [
            f"-Djava.io.tmpdir={self.folder}/tmp"
        ]


class Encrypted:
    """All three, and the servers of a deployment that uses them."""

    def __init__(self, servers, folder, authority):
        self.authority = authority
        self.pair = authority.issue("server", "DNS:localhost", use="serverAuth")
        self.client = authority.issue(
            "client", "DNS:client", "/CN=certified", "clientAuth"
        )
        self.closing = contextlib.ExitStack()
        try:
            self._start(servers, folder)
        except BaseException:
            self.close()
            raise

    def _start(self, servers, folder):
        self.postgres = Postgres(servers, "encrypted")
        self.closing.callback(self.postgres.close)
        self._encrypt_postgres()
        self.redis = Redis(servers, folder, self.authority, self.pair)
        self.closing.callback(self.redis.close)
        self.kafka = Kafka(servers, folder, self.authority, self.pair)
        self.closing.callback(self.kafka.close)
        self.servers = self._servers(servers)

    def _encrypt_postgres(self):
        pg = self.postgres
        pg.create()
        for name, source in (
            ("server.crt", self.pair.cert),
            ("server.key", self.pair.key),
            ("root.crt", self.authority.cert),
        ):
            file = pg.folder / name
            file.touch(0o600)
            file.write_bytes(source.read_bytes())
            os.chown(file, pg.owner.st_uid, pg.owner.st_gid)
        pg.sql("ALTER SYSTEM SET ssl_ca_file = 'root.crt'")
        pg.sql("ALTER SYSTEM SET ssl = on")
        pg.sql("CREATE ROLE certified LOGIN IN ROLE sluice_reader")
        (pg.folder / "pg_hba.conf").write_text(POSTGRES_HBA)
        pg.sql("SELECT pg_reload_conf()")
        wait_until(
            lambda: (
                pg.sql("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
                == [(True,)]
            ),
            20,
            "Postgres speaks TLS",
        )

    def _servers(self, servers):
        pg, mine = self.postgres, copy.copy(servers)
        password = servers.passwords["sluice_reader"]
        mine.primary_url = mine.replica_url = (
            f"postgresql://sluice_reader:{password}@localhost:{pg.port}/x"
        )
        mine.primary_admin_url = mine.replica_admin_url = (
            f"postgresql://postgres:{pg.password}@127.0.0.1:{pg.port}/postgres"
        )
        mine.redis_url = f"rediss://sluice:{PASSWORD}@localhost:{self.redis.port}"
        mine.kafka_servers = f"localhost:{self.kafka.plain}"
        mine.kafka_admin = AdminClient(
            {
                "bootstrap.servers": mine.kafka_servers,
                **{
                    k.removeprefix("kafka."): str(v)
                    for k, v in self.by_password().items()
                },
            }
        )
        mine.redis = lambda: redis.Redis.from_url(
            mine.redis_url,
            ssl_ca_certs=str(self.authority.cert),
            ssl_certfile=str(self.client.cert),
            ssl_keyfile=str(self.client.key),
            socket_timeout=5,
        )
        return mine

    def by_scram(self):
        return {
            **self.by_password(),
            "kafka.bootstrap.servers": f"localhost:{self.kafka.scram}",
            "kafka.sasl.mechanism": "SCRAM-SHA-512",
        }

    def by_password(self):
        return {
            "kafka.security.protocol": "SASL_SSL",
            "kafka.sasl.mechanism": "PLAIN",
            "kafka.sasl.username": "sluice",
            "kafka.sasl.password": PASSWORD,
            "kafka.ssl.ca.location": self.authority.cert,
        }

    def by_token(self, file):
        return {
            "kafka.bootstrap.servers": f"localhost:{self.kafka.token}",
            "kafka.security.protocol": "SASL_SSL",
            "kafka.sasl.mechanism": "OAUTHBEARER",
            "kafka.sasl.oauthbearer.token.file": file,
            "kafka.ssl.ca.location": self.authority.cert,
        }

    def close(self):
        self.closing.close()


class EncryptedDeployment(Deployment):
    def __init__(self, encrypted, logs):
        super().__init__(encrypted.servers, logs, partitions=2)
        self.encrypted = encrypted

    def settings(self, kind):
        e, found = self.encrypted, super().settings(kind)
        for name in ("primary.url", "replica.urls"):
            if name in found:
                found[name] += f"?sslmode=verify-full&sslrootcert={e.authority.cert}"
        return {
            **found,
            "redis.tls.ca": e.authority.cert,
            "redis.tls.cert": e.client.cert,
            "redis.tls.key": e.client.key,
            **e.by_password(),
        }
