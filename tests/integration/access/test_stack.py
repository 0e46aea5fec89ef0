"""The servers of a stack (compose/up): their passwords are random, and each user has
only what is needed. The stack of the tests is such a stack."""

import os
import stat
import subprocess

import psycopg
import pytest
import redis
from harness.servers import ROLES, ROOT, at_database, by_user

NAMES = {"postgres", "replicator", *ROLES, "redis", "redis_sluice", "admin_token"}


def test_where_the_passwords_are(servers):
    folder = servers.stack / "secrets"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    passwords = set()
    for name in NAMES:
        file = folder / name
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, name
        passwords.add(file.read_text().strip())
    assert len(passwords) == len(NAMES) and min(map(len, passwords)) >= 32
    assert stat.S_IMODE((folder / "env").stat().st_mode) == 0o600


def test_no_other_file_has_them(servers):
    """None of those that others may read."""
    secrets = [
        (servers.stack / "secrets" / name).read_bytes().strip() for name in NAMES
    ]
    data = (servers.stack / "data").resolve()
    readable = [
        file
        for folder in (servers.stack, data)
        for file in [*folder.glob("*"), *folder.glob("*/*.conf"), *folder.glob("log/*")]
        if file.is_file() and file.stat().st_mode & 0o077
    ]
    assert readable
    for file in readable:
        text = file.read_bytes()
        assert not any(secret in text for secret in secrets), file


@pytest.mark.parametrize("user", ["sluice", "postgres", *ROLES])
@pytest.mark.parametrize("password", ["sluice", "postgres", ""])
def test_postgres_has_no_known_password(servers, user, password):
    for url in (servers.primary_url, servers.replica_url):
        wrong = at_database(by_user(url, user, password), "sluice")
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(wrong, connect_timeout=10).close()


def test_redis_asks_for_a_password(servers):
    for user, password in (
        ("default", ""),
        ("default", "sluice"),
        ("sluice", "sluice"),
    ):
        client = redis.Redis.from_url(by_user(servers.redis_url, user, password))
        with pytest.raises(redis.exceptions.RedisError):
            client.ping()
        client.close()


ALLOWED = [
    ("PING",),
    ("DBSIZE",),
    ("MGET", "sluice:{0}:watermark", "sluice:{0}:records/a"),
    ("SET", "sluice:{0}:test", "v", "EX", "1"),
    ("SCRIPT", "LOAD", "return 1"),
]
REFUSED = [
    ("FLUSHALL",),
    ("KEYS", "*"),
    ("CONFIG", "GET", "*"),
    ("CONFIG", "SET", "maxmemory", "1"),
    ("ACL", "LIST"),
    ("SHUTDOWN",),
    ("EVAL", "return 1", "0"),
    ("SCRIPT", "FLUSH"),
    ("FUNCTION", "FLUSH"),
    ("REPLICAOF", "127.0.0.1", "1"),
    ("GET", "elsewhere"),
    ("SET", "elsewhere", "v"),
    ("PUBLISH", "sluice", "v"),
]


def test_what_the_daemons_may_do_in_redis(servers):
    client = redis.Redis.from_url(servers.redis_url)
    for command in ALLOWED:
        client.execute_command(*command)
    for command in REFUSED:
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.execute_command(*command)
    client.close()


def tool(name, *args):
    """A command of compose/, on this stack, whose settings are in the environment."""
    done = subprocess.run(
        [ROOT / "compose" / name, *args],
        capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_clients_of_the_servers():
    ask = "SELECT current_user, current_database(), pg_is_in_recovery()"
    assert tool("psql", "-Atc", ask) == "postgres|sluice|f\n"
    assert tool("psql", "--replica", "-Atc", ask) == "postgres|sluice|t\n"
    assert tool("redis-cli", "PING") == "PONG\n"
    for name in ("psql", "redis-cli"):
        assert f"usage: compose/{name} " in tool(name, "--help")


def test_ports_of_a_stack_beside_another_one():
    """One number for all of them; a port that is given counts before it."""
    script = (
        '. compose/lib/stack.sh; for name in ${!SLUICE_STACK_@}; do echo "$name=${!name}"; done'
    )
    given = {"SLUICE_STACK_DIR": "/nonexistent/stack", "SLUICE_STACK_PORT_BASE": "17000",
             "SLUICE_STACK_REDIS_PORT": "6379"}  # fmt: skip
    done = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **given}, check=True,
    )  # fmt: skip
    ports = dict(line.split("=", 1) for line in done.stdout.splitlines())
    ports = {name: int(value) for name, value in ports.items() if name.endswith("_PORT")}
    assert ports.pop("SLUICE_STACK_REDIS_PORT") == 6379
    assert ports["SLUICE_STACK_API_PORT"] == 17080
    assert ports["SLUICE_STACK_PRIMARY_PORT"] == 17432
    assert ports["SLUICE_STACK_KAFKA_PORT"] == 17092
    assert all(17000 <= port < 18000 for port in ports.values())
    assert len(set(ports.values())) == len(ports)
