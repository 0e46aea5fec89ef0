"""PostgreSQL, Redis and Kafka of the test stack, and what can happen to them."""

import contextlib
import copy
import itertools
import os
import pathlib
import socket
import struct
import subprocess
from urllib.parse import urlsplit

import psycopg
import redis
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from .daemon import environment
from .wait import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[3]

# The database roles, and whose they are.
ROLES = ("sluice_migrate", "sluice_writer", "sluice_reader")
ROLE_OF = {
    "migrate": "sluice_migrate",
    "writer": "sluice_writer",
    "projector": "sluice_reader",
    "api": "sluice_reader",
}


def needed(name):
    value = os.environ.get(name)
    assert value, f"{name} is not set: these tests are started by tests/run"
    return value


class Ports:
    """Free ports near the servers', below those that the kernel hands out; what
    was given out and is free again comes round."""

    def __init__(self, base):
        self.ports = itertools.cycle(range(base, base + 400))

    def take(self):
        for port in itertools.islice(self.ports, 400):
            with socket.socket() as s:
                try:
                    s.bind(("127.0.0.1", port))
                    return port
                except OSError:
                    continue
        raise AssertionError("no free port")


class Servers:
    def __init__(self):
        # Of the role that only reads.
        self.primary_url = needed("SLUICE_TEST_PRIMARY_URL")
        self.replica_url = needed("SLUICE_TEST_REPLICA_URL")
        self.primary_admin_url = needed("SLUICE_TEST_PRIMARY_ADMIN_URL")
        self.replica_admin_url = needed("SLUICE_TEST_REPLICA_ADMIN_URL")
        self.redis_url = needed("SLUICE_TEST_REDIS_URL")
        self.kafka_servers = needed("SLUICE_TEST_KAFKA")
        self.stack = pathlib.Path(needed("SLUICE_TEST_STACK"))
        self.bin = pathlib.Path(needed("SLUICE_TEST_BIN"))
        secrets = self.stack / "secrets"
        self.passwords = {role: (secrets / role).read_text().strip() for role in ROLES}
        self.roles_script = None
        kafka_port = int(self.kafka_servers.rsplit(":", 1)[1])
        self.ports = Ports(kafka_port + 500)
        self.kafka_admin = AdminClient({"bootstrap.servers": self.kafka_servers})

    def program(self, kind):
        return self.bin / f"sluice-{kind}"

    # --- Postgres -------------------------------------------------------------

    def primary_of(self, kind):
        """The primary's URL for --migrate, or for a kind of daemon."""
        role = ROLE_OF[kind]
        return by_user(self.primary_url, role, self.passwords[role])

    def set_up_roles(self, database):
        """What the administrator does once for a database, with what --grants prints."""
        if self.roles_script is None:
            self.roles_script = subprocess.run(
                [self.program("writer"), "--migrate", "--grants"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=60,
                env=environment(),
                check=True,
            ).stdout
        with self.postgres(database) as admin:
            admin.execute(self.roles_script)

    def postgres(self, database, replica=False):
        """A connection of the superuser, in autocommit."""
        url = self.replica_admin_url if replica else self.primary_admin_url
        return psycopg.connect(
            at_database(url, database), autocommit=True, options="-c timezone=UTC"
        )

    def on_postgres(self, **urls):
        """The same servers, but for Postgres: primary, replica, primary_admin,
        replica_admin."""
        other = copy.copy(self)
        for name, url in urls.items():
            assert hasattr(self, f"{name}_url")
            setattr(other, f"{name}_url", url)
        return other

    # --- Redis ----------------------------------------------------------------

    def redis(self):
        """A client that may do all, as the daemons' user may not."""
        password = (self.stack / "secrets" / "redis").read_text().strip()
        url = by_user(self.redis_url, "default", password)
        return redis.Redis.from_url(url, socket_timeout=5)

    # --- Kafka ----------------------------------------------------------------

    def log_ends(self, topic, partitions):
        """The end offset of every partition."""
        consumer = self._consumer()
        try:
            places = [TopicPartition(topic, p) for p in range(partitions)]
            return [self._bounds(consumer, place)[1] for place in places]
        finally:
            consumer.close()

    def _bounds(self, consumer, place):
        """A broker that has just begun leads its partitions a moment later."""

        def ask():
            try:
                return consumer.get_watermark_offsets(place, timeout=10)
            except KafkaException as e:
                if e.args[0].code() != KafkaError.NOT_LEADER_FOR_PARTITION:
                    raise
                return None

        return wait_until(ask, 20, f"{place} is led")

    def read_log(self, topic, partitions):
        """Every message of a topic, in order per partition."""
        consumer = self._consumer()
        try:
            starts = [TopicPartition(topic, p, 0) for p in range(partitions)]
            open_ = {p for p in range(partitions)}
            consumer.assign(starts)
            messages = []
            while open_:
                for m in consumer.consume(1000, timeout=0.1):
                    if m.error() is None:
                        messages.append(m)
                    elif m.error().code() == -191:  # _PARTITION_EOF
                        open_.discard(m.partition())
                    else:
                        raise AssertionError(str(m.error()))
            return messages
        finally:
            consumer.close()

    def _consumer(self):
        return Consumer(
            {
                "bootstrap.servers": self.kafka_servers,
                "group.id": "tests",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
            }
        )

    def remove_member(self, group, name):
        """Takes a named member out of its group: it has lost its session. As the
        admin request that the client library does not have: LeaveGroup, version 3."""
        text = lambda s: struct.pack(">h", len(s)) + s.encode()
        body = struct.pack(">hhi", 13, 3, 0) + text("tests") + text(group)
        body += struct.pack(">i", 1) + text("") + text(name)
        host, port = self.kafka_servers.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=10) as s:
            s.sendall(struct.pack(">i", len(body)) + body)
            with s.makefile("rb") as answer:
                (size,) = struct.unpack(">i", answer.read(4))
                # Number, throttle time, error; the members: how many, id, name, error.
                content = answer.read(size)
        assert content[8:10] == content[-2:] == b"\0\0", content

    def delete_topics(self, *topics):
        for future in self.kafka_admin.delete_topics(list(topics)).values():
            with contextlib.suppress(Exception):  # it may be gone
                future.result(10)

    # --- faults ---------------------------------------------------------------

    def part(self, what, part):
        """compose/part: start, stop, restart, kill, pause, resume, wait, pid."""
        done = subprocess.run(
            [ROOT / "compose" / "part", what, part],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"{what} {part}: {done.stdout}{done.stderr}"
        return done.stdout

    @contextlib.contextmanager
    def away(self, part, how="stop"):
        """A server is stopped, killed or paused in the meantime."""
        self.part(how, part)
        try:
            yield
        finally:
            self.part("resume" if how == "pause" else "start", part)


def at_database(url, database):
    """The same URL for another database."""
    return urlsplit(url)._replace(path=f"/{database}").geturl()


def by_user(url, user, password):
    """The same URL for another user."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{user}:{password}@{rest.rpartition('@')[2]}"


def at_port(url, port):
    """The same URL by another port (a proxy's)."""
    head, tail = url.rsplit(":", 1)
    return f"{head}:{port}" + (f"/{tail.split('/', 1)[1]}" if "/" in tail else "")
