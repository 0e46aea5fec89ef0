"""A Sluice of its own on the shared servers: a database, topics, a group.

One at a time, since Redis has no room for two: it is emptied when one begins.
"""

import itertools
import os
import re
import subprocess

from .daemon import Daemon, environment
from .servers import ROOT, ROLE_OF, at_database, by_user
from .wait import wait_until

NUMBERS = itertools.count(1)

# The shipped declarations, and those of the tests.
COLLECTIONS = f"{ROOT}/common/collections:{ROOT}/tests/collections"

# A killed member of a consumer group is missed after this time.
QUICK_GROUP = {"group.session": "1500ms"}


OPEN = set()  # URLs of Redis


class Deployment:
    def __init__(
        self, servers, logs, partitions=8, collections=COLLECTIONS, programs=None
    ):
        self.servers = servers
        self.programs = programs  # of another version (harness/former.py)
        self.logs = logs
        self.partitions = partitions
        self.name = f"t{os.getpid()}_{next(NUMBERS)}"
        self.writes = f"{self.name}.writes"
        self.commits = f"{self.name}.commits"
        self.ids = f"{self.name}.ids"
        self.collections = collections
        self.daemons = []
        self.connections = []
        logs.mkdir(parents=True, exist_ok=True)

    # --- life -----------------------------------------------------------------

    def create(self):
        url = self.servers.redis_url
        assert url not in OPEN, "another deployment is on this Redis"
        OPEN.add(url)
        with self.servers.postgres("postgres") as admin:
            admin.execute(f'CREATE DATABASE "{self.name}"')
            if self.programs:  # it needs one role for everything
                admin.execute(f'GRANT CREATE ON DATABASE "{self.name}" TO sluice_migrate')
        self.servers.set_up_roles(self.name)
        self.servers.redis().flushall()
        self.migrate()
        return self

    def migrate(self, *flags, code=0):
        settings = [f"--{k}={v}" for k, v in self.settings("migrate").items()]
        done = subprocess.run(
            [self.program("writer"), "--migrate", *settings, *flags],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            env=environment(),
        )
        (self.logs / "migrate.log").write_text(done.stdout + done.stderr)
        assert done.returncode == code, f"--migrate: {done.stdout}{done.stderr}"
        return done

    def close(self):
        """Ends the daemons, whose checks may fail, and leaves nothing behind."""
        OPEN.discard(self.servers.redis_url)
        failures = []
        # In the order of a drain: who answers, who decides, who follows.
        for daemon in sorted(self.daemons, key=lambda d: d.kind):
            try:
                daemon.finish()
            except AssertionError as e:
                failures.append(str(e))
        for connection in self.connections:
            connection.close()
        with self.servers.postgres("postgres") as admin:
            admin.execute(f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)')
        self.servers.delete_topics(self.writes, self.commits, self.ids)
        assert not failures, "\n\n".join(failures)

    # --- daemons --------------------------------------------------------------

    def program(self, kind):
        return (self.programs or self.servers).program(kind)

    def primary_of(self, kind):
        """The URL of its database for a kind of daemon, or for --migrate."""
        kind = "migrate" if self.programs else kind
        return at_database(self.servers.primary_of(kind), self.name)

    def settings(self, kind):
        """Of a kind of daemon; `migrate`: of sluice-writer with the right to make
        tables, for --migrate and --advance-epoch."""
        s = self.servers
        settings = {
            "primary.url": self.primary_of(kind),
            "redis.url": s.redis_url,
            "kafka.bootstrap.servers": s.kafka_servers,
            "log.writes": self.writes,
            "log.commits": self.commits,
            "log.ids": self.ids,
            "log.partitions": self.partitions,
            "collections.dir": self.collections,
        }
        if kind == "api":
            url = s.replica_url
            if self.programs:
                role = ROLE_OF["migrate"]
                url = by_user(url, role, s.passwords[role])
            settings["replica.urls"] = at_database(url, self.name)
            settings["writer.group"] = f"{self.name}-writer"
            settings["projector.group"] = f"{self.name}-projector"
            # A busy machine is not a slow Redis (test_faults.py has that).
            settings["redis.timeout"] = "1s"
        else:
            group = "writer" if kind == "migrate" else kind
            settings["group"] = f"{self.name}-{group}"
        return settings

    def daemon(self, kind, settings=None):
        """Made, not started."""
        admin_port = self.servers.ports.take()
        http_port = self.servers.ports.take() if kind == "api" else None
        number = 1 + sum(1 for d in self.daemons if d.kind == kind)
        every = self.settings(kind)
        every["admin.listen"] = f"127.0.0.1:{admin_port}"
        if http_port:
            every["http.listen"] = f"127.0.0.1:{http_port}"
            every["http.threads"] = 2
            # Clients of tests keep their connections (test_drain.py has others).
            every["drain.linger"] = "50ms"
            # All clients of a test have one address (test_budgets.py has others).
            every["http.client_share"] = 100
        every.update(settings or {})
        if self.programs:
            every = self.programs.known(kind, every)
        daemon = Daemon(
            kind,
            self.program(kind),
            every,
            admin_port,
            self.logs / f"{kind}-{number}.log",
            http_port,
        )
        self.daemons.append(daemon)
        return daemon

    def api(self, settings=None):
        return self.daemon("api", settings).start()

    def writer(self, settings=None):
        return self.daemon("writer", settings).start()

    def projector(self, settings=None):
        return self.daemon("projector", settings).start()

    def start_all(self, apis=1, settings=None):
        """A writer, a projector, and as many APIs; returns the first API.

        All of them start at once."""
        daemons = [self.daemon("api") for _ in range(apis)]
        daemons += [self.daemon(kind, settings) for kind in ("writer", "projector")]
        for daemon in daemons:
            daemon.start(ready=False)
        for daemon in daemons:
            daemon.wait_ready()
        return daemons[0]

    def of(self, kind):
        return [d for d in self.daemons if d.kind == kind]

    # --- what is in the stores ------------------------------------------------

    def sql(self, query, *args, replica=False):
        """The rows of a query, by the superuser."""
        with self.servers.postgres(self.name, replica) as connection:
            cursor = connection.execute(query, args or None)
            return cursor.fetchall() if cursor.description else []

    def rows(self):
        """Every row of records: key -> (value, version, canonical document)."""
        found = self.sql(
            "SELECT t.key, t.value, t.version, (SELECT row_to_json(d) FROM"
            " (SELECT t.key, t.value, t.created_at, t.updated_at) d)::text"
            " FROM records t"
        )
        return {key: (value, version, doc) for key, value, version, doc in found}

    def progress(self):
        """Postgres's watermark per partition."""
        return [
            n
            for (n,) in self.sql(
                "SELECT next_offset FROM sluice.progress ORDER BY partition"
            )
        ]

    def ends(self):
        """The end of every partition of the log of writes."""
        return self.servers.log_ends(self.writes, self.partitions)

    def redis_entries(self, collection):
        """Every entry of Redis that counts: key -> (version, document); None: absent."""
        r = self.servers.redis()
        entries = {}
        for p in range(self.partitions):
            mark = r.get(f"sluice:{{{p}}}:watermark")
            own = re.search(rb";%s=(.{16})" % collection.encode(), mark)
            generation = own[1] if own else mark[16:32]
            prefix = f"sluice:{{{p}}}:{collection}/"
            names = list(r.scan_iter(prefix + "*", count=5000))
            for name, entry in zip(names, r.mget(names) if names else []):
                if entry is None or entry[:16] != generation:
                    continue
                version, document = int(entry[17:33], 16), entry[33:].decode()
                present = entry[16:17] == b"P"
                key = name.decode()[len(prefix) :]
                entries[key] = (version, document) if present else None
        return entries

    def redis_watermarks(self):
        """Redis's watermark per partition; None where there is none."""
        r = self.servers.redis()
        found = r.mget([f"sluice:{{{p}}}:watermark" for p in range(self.partitions)])
        return [int(v[:16], 16) if v else None for v in found]

    def wait_in_redis(self, *keys, collection="records"):
        """What a read puts into Redis is there: the read itself waits for none of it."""
        wait_until(
            lambda: {*keys} <= self.redis_entries(collection).keys(), 20, "Redis has it"
        )

    def wait_projected(self, deadline=20):
        """Redis has what Postgres has. A partition that nobody has written to has no
        mark, and no watermark."""
        ((epoch,),) = self.sql("SELECT epoch FROM sluice.log")
        wait_until(
            lambda: [w or epoch << 48 for w in self.redis_watermarks()] == self.progress(),
            deadline,
            "Redis has followed",
        )
