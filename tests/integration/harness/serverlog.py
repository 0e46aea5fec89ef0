"""The logs of the two Postgres servers of the stack."""

import re

PARTS = ("primary", "replica")
LINE = re.compile(r"^\S+ \S+ \S+ \[(\d+)\] (?:(\w*)@(\w*) )?(\w+):  (.*)$")

# What the daemons ask for themselves, whether anybody sends a request or not. None
# of it may fail but for what happens to the server.
OWN = (
    "SELECT 1",
    "WITH ORDINALITY AS k(",
    "FROM sluice.log",
    "FROM sluice.collections",
    "FROM sluice.progress",
    "to_regclass",
)
HAPPENS = (
    "canceling statement due to",
    "terminating connection due to",
    "the database system is",
    "connection to client lost",
    "out of memory",  # of a row that has no room in a text (test_large_rows.py)
    "cannot execute",  # another server is the primary now
    'relation "public.',  # tests drop and change the tables of collections
    'relation "sluice.progress" does not exist',  # the replica has no --migrate yet
    "column t.",
)


class ServerLogs:
    """What the servers log from now on."""

    def __init__(self, servers):
        self.files = {part: servers.stack / "log" / f"{part}.log" for part in PARTS}
        self.begin = {part: len(f.read_bytes()) for part, f in self.files.items()}

    def errors(self, database=None):
        """(part, level, message, its statement) of each ERROR, FATAL and PANIC, of one
        database or of all."""
        found = []
        for part, file in self.files.items():
            with file.open("rb") as f:
                f.seek(self.begin[part])
                text = f.read().decode(errors="replace")
            last = {}  # by process: the error that a STATEMENT line belongs to
            for line in text.splitlines():
                match = LINE.match(line)
                if not match or (database and match[3] != database):
                    continue
                pid, _, _, level, message = match.groups()
                if level in ("ERROR", "FATAL", "PANIC"):
                    last[pid] = [part, level, message, ""]
                    found.append(last[pid])
                elif level == "STATEMENT" and pid in last:
                    last[pid][3] = message
        return [tuple(each) for each in found]

    def own_errors(self):
        """Those of statements that the daemons send by themselves."""
        return [
            each
            for each in self.errors()
            if any(own in each[3] for own in OWN)
            and not any(what in each[2] for what in HAPPENS)
        ]
