"""A primary that dies, and its standby, which may not have got the last commits."""

import signal

from .postgres import Postgres, url_of
from .proxy import Proxy


class Pair:
    """A primary, and a standby that reaches it by a proxy."""

    def __init__(self, servers):
        self.servers = servers
        self.primary = Postgres(servers, "failover-primary")
        self.standby = Postgres(servers, "failover-standby")
        self.proxy = Proxy(servers.ports.take(), self.primary.port)

    def create(self):
        self.primary.create()
        self.standby.create_standby(self.primary, self.proxy.port)
        return self

    def on(self):
        """The servers, for a deployment whose URLs lead to both."""
        both, password = (self.primary, self.standby), self.primary.password
        reader = ("sluice_reader", self.servers.passwords["sluice_reader"])
        return self.servers.on_postgres(
            primary=url_of(*reader, *both, read_write=True),
            replica=url_of(*reader, self.standby),
            primary_admin=url_of("postgres", password, *both, read_write=True),
            replica_admin=url_of("postgres", password, self.standby),
        )

    def cut(self):
        """From here on the standby gets nothing."""
        self.proxy.set("blackhole")

    def fail_over(self):
        # First, since a dying primary waits for who connects and says nothing.
        self.proxy.set("refuse")
        self.primary.stop(signal.SIGQUIT)
        self.standby.promote()

    def close(self):
        self.standby.close()
        self.primary.close()
        self.proxy.close()
