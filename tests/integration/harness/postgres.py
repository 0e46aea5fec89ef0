"""PostgreSQL servers of a test's own: to be killed, promoted, filled up."""

import os
import pathlib
import shutil
import signal
import subprocess
from urllib.parse import urlsplit

import psycopg

from .wait import wait_until

CONF = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 60
shared_buffers = 32MB
dynamic_shared_memory_type = mmap
fsync = off
full_page_writes = off
jit = off
wal_keep_size = 64MB
max_wal_senders = 4
hot_standby = on
wal_retrieve_retry_interval = 200ms
wal_receiver_status_interval = 200ms
password_encryption = scram-sha-256
timezone = UTC
log_timezone = UTC
log_line_prefix = '%m [%p] %q%u@%d '
"""


class Postgres:
    """One server, in a folder of the stack; `close` leaves nothing behind."""

    def __init__(self, servers, name):
        (servers.stack / "logs").mkdir(exist_ok=True)
        stack = (servers.stack / "data").resolve()
        self.servers = servers
        self.name = name
        self.folder = stack / f"{name}-{os.getpid()}"
        self.log = servers.stack / "logs" / f"{name}.log"
        self.port = servers.ports.take()
        self.password = urlsplit(servers.primary_admin_url).password
        version = (stack / "primary" / "PG_VERSION").read_text().strip()
        self.bin = pathlib.Path("/usr/lib/postgresql") / version / "bin"
        # Not root, who may not run it: whoever runs the stack's servers.
        self.owner = (stack / "primary").stat()
        self.process = None

    # --- life -----------------------------------------------------------------

    def _as_owner(self):
        if os.geteuid() != 0:
            return {}
        return {"user": self.owner.st_uid, "group": self.owner.st_gid, "extra_groups": []}

    def _run(self, program, *args, **env):
        done = subprocess.run(
            [self.bin / program, *args],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            cwd="/",
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **env},
            **self._as_owner(),
        )
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"

    def _make_folder(self):
        self.folder.mkdir(mode=0o700)
        os.chown(self.folder, self.owner.st_uid, self.owner.st_gid)

    def create(self):
        """A new cluster with the users of the stack's own primary."""
        self._make_folder()
        secret = self.folder.with_suffix(".password")
        secret.touch(0o600)
        secret.write_text(self.password)
        os.chown(secret, self.owner.st_uid, self.owner.st_gid)
        try:
            self._run(
                "initdb", "-D", self.folder, "-U", "postgres", "--auth=scram-sha-256",
                f"--pwfile={secret}", "--locale=C.UTF-8", "--encoding=UTF8", "--no-sync",
            )  # fmt: skip
        finally:
            secret.unlink()
        with (self.folder / "postgresql.conf").open("a") as conf:
            conf.write(CONF)
        self.start()
        with self.connect("postgres") as admin:
            for role, password in self.servers.passwords.items():
                admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{password}'")
        return self

    def create_standby(self, primary, port=None):
        """A streaming replica, asynchronous; by `port` it reaches the primary."""
        self._make_folder()
        source = f"host=127.0.0.1 port={port or primary.port} user=postgres"
        self._run(
            "pg_basebackup", "-D", self.folder, "-d", source, "-R", "-X", "stream",
            "--checkpoint=fast", "--no-sync", PGPASSWORD=self.password,
        )  # fmt: skip
        return self.start()

    def start(self):
        assert not self.running
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self.bin / "postgres", "-D", self.folder, "-p", str(self.port)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
                start_new_session=True,
                **self._as_owner(),
            )
        wait_until(self._answers, 30, f"{self.name} answers")
        return self

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def _answers(self):
        assert self.running, f"{self.name} ended: see {self.log}"
        try:
            self.sql("SELECT 1")
        except psycopg.OperationalError as e:
            raise AssertionError(str(e)) from e
        return True

    def stop(self, how=signal.SIGINT):
        """Fast (SIGINT), or without any farewell (SIGQUIT)."""
        if self.running:
            self.process.send_signal(how)
            self.process.wait(40)

    def promote(self):
        with self.connect("postgres") as admin:
            (done,) = admin.execute("SELECT pg_promote()").fetchone()
        assert done, f"{self.name} was not promoted"

    def close(self):
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- use ------------------------------------------------------------------

    def connect(self, database):
        url = f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/{database}"
        return psycopg.connect(url, autocommit=True)

    def sql(self, query, database="postgres"):
        with self.connect(database) as connection:
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []


def url_of(user, password, *servers, read_write=False):
    """A URL that names all of them, without a database."""
    hosts = ",".join(f"127.0.0.1:{s.port}" for s in servers)
    tail = "?target_session_attrs=read-write" if read_write else ""
    return f"postgresql://{user}:{password}@{hosts}/postgres{tail}"
