"""Another program, which changes rows of its own by SQL: no client of Sluice writes
them. A row has a number that only grows."""

import random
import threading

import psycopg


class Foreign:
    def __init__(self, deployment, number, seed):
        self.deployment = deployment
        self.rng = random.Random(seed)
        self.names = [f"foreign {i}" for i in range(number)]
        self.keys = [f"records/{name}" for name in self.names]
        self.n = 0
        self.tried = {key: [] for key in self.keys}
        self.committed = {key: -1 for key in self.keys}
        self.connection = None
        self.pace = threading.Event()  # never set

    def begin(self):
        self.deployment.migrate("--triggers")
        for name in self.names:
            self._change(name, "INSERT INTO records VALUES (%(k)s, %(v)s, now(), now(), 0)")

    def step(self):
        name = self.rng.choice(self.names)
        self._change(name, "UPDATE records SET value = %(v)s WHERE key = %(k)s")
        self.pace.wait(0.01)

    def _change(self, name, statement):
        key = f"records/{name}"
        self.n += 1
        self.tried[key].append(self.n)
        try:
            if self.connection is None:
                self.connection = self.deployment.servers.postgres(self.deployment.name)
            self.connection.execute(statement, {"k": name, "v": str(self.n)})
        except psycopg.Error:  # the primary was killed: perhaps it is changed
            self.close()
            self.pace.wait(0.1)
        else:
            self.committed[key] = self.n

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None
