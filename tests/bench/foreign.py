"""The measurement behind tests/bench/foreign, which starts the stack and calls this.

The other program is psql or pgbench. The tables have the columns and indexes of posts;
posts itself has the triggers.
"""

import argparse
import contextlib
import json
import re
import signal
import statistics
import subprocess
import threading
import time
from pathlib import Path

from common import (
    Failure, cell, circumstances, cpu_by_part, main, named_pids, print_rows, say, spread)
from daemon import Client, Daemon

TABLES = {"with": "public.posts", "without": "public.posts_bare"}
SINGLE_SECONDS = 4  # of pgbench
STATEMENTS = 10  # that change many rows
LOOKED_AT = 50  # posts whose changes are looked for
PATIENCE = 600


class Psql:
    """A session of psql that stays open."""

    def __init__(self, options):
        self.command = [f"{options.postgres}/psql", "-X", "-q", "-A", "-t", "-v",
                        "ON_ERROR_STOP=1", options.url]
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def run(self, sql):
        """The lines of its answer, when it is committed."""
        self.process.stdin.write(f"{sql};\n\\echo .\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line == ".\n":
                return lines
            lines.append(line.rstrip("\n"))
        raise Failure(f"psql ended at: {sql[:200]}")

    def seconds(self, sql):
        began = time.monotonic()
        self.run(sql)
        return time.monotonic() - began

    def cpu_us(self, sql):
        """What the backend of this session works."""
        began = self._worked()
        self.run(sql)
        return self._worked() - began

    def _worked(self):
        pid = int(self.run("SELECT pg_backend_pid()")[0])
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1000

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)


def make_tables(psql, rows):
    """The triggers are there; what fills the tables is not noted."""
    # LIKE does not copy the fillfactor, on which it depends whether an update is HOT.
    (options,) = psql.run(
        f"SELECT array_to_string(reloptions, ', ') FROM pg_class"
        f" WHERE oid = '{TABLES['with']}'::regclass")
    psql.run(f"CREATE TABLE {TABLES['without']} (LIKE {TABLES['with']} INCLUDING ALL)"
             f" WITH ({options})")
    fill(psql, 1, rows, *TABLES.values())


def fill(psql, first, last, *tables):
    for table in tables:
        psql.run(f"""
            BEGIN;
            SET LOCAL sluice.writer = 'on';
            INSERT INTO {table} (id, title, content, author, created_at, updated_at, version)
            SELECT i, 'Post ' || i, repeat(md5(i::text), 6), 'author ' || i % 1000, now(), now(), 0
              FROM generate_series({first}, {last}) i;
            COMMIT""")
        psql.run(f"VACUUM ANALYZE {table}")


# --- what the triggers cost ----------------------------------------------------


def pgbench(options, script, *words):
    file = options.dir / "pgbench.sql"
    file.write_text(script)
    done = subprocess.run(
        [f"{options.postgres}/pgbench", "-n", "-f", str(file), *words, options.url],
        capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failure(f"pgbench: {done.stderr}")
    return done.stdout


def single(options, table):
    """Seconds of an update of one row by its key."""
    said = pgbench(
        options,
        f"\\set id random(1, {options.cost_rows})\n"
        f"UPDATE {table} SET content = 'changed ' || random() WHERE id = :id;\n",
        "-c", "1", "-T", str(SINGLE_SECONDS), "-M", "prepared")
    return float(re.search(r"latency average = ([\d.]+) ms", said)[1]) / 1000


def statements(psql, options):
    """CPU us of Postgres per row, of statements that change a tenth of the rows each. Both
    tables have had the same changes, so they have the same free space."""
    us = dict.fromkeys(TABLES, 0)
    part = options.cost_rows // STATEMENTS
    for table in TABLES.values():
        psql.run(f"VACUUM {table}")
    for n in range(STATEMENTS):
        # Whoever comes first finds other caches.
        for which in sorted(TABLES, reverse=n % 2 == 1):
            us[which] += psql.cpu_us(
                f"UPDATE {TABLES[which]} SET content = 'changed ' || random()"
                f" WHERE id BETWEEN {n * part + 1} AND {(n + 1) * part}")
    check_notes(psql, STATEMENTS * part)
    return {which: each / (STATEMENTS * part) for which, each in us.items()}


def rows_alone(psql, options):
    """us per row as pgbench sees it, one row at a time."""
    us = {which: single(options, TABLES[which]) * 1e6 for which in TABLES}
    check_notes(psql, 1)
    return us


def check_notes(psql, wanted):
    noted = int(psql.run("SELECT count(*) FROM sluice.outbox")[0])
    if noted < wanted:
        raise Failure(f"{noted} notes of {wanted} rows")
    psql.run("TRUNCATE sluice.outbox")


def cost(psql, options):
    """No writer runs: what is measured is the other program's own time."""
    found = {}
    for name, measure in (("many rows, CPU", statements), ("single rows", rows_alone)):
        rounds = []
        for i in range(options.rounds):
            say(f"cost, {name}: round {i + 1} of {options.rounds}")
            rounds.append(measure(psql, options))
        found[name] = {
            **{which: spread([r[which] for r in rounds]) for which in TABLES},
            "more": spread([r["with"] - r["without"] for r in rounds]),
            "ratio": spread([r["with"] / r["without"] for r in rounds])}
    return found


def report_cost(found):
    rows = [["update, us/row", "without", "with", "more", "ratio"]]
    for name, r in found.items():
        rows.append([name, *(cell(r[k], "{:.1f}") for k in ("without", "with", "more")),
                     cell(r["ratio"], "{:.2f}")])
    print_rows(rows)


# --- how soon each tier shows a change -------------------------------------------


class Stack:
    """Two APIs with the settings of a user, one that asks Redis, a writer, a projector."""

    def __init__(self, options, stack):
        options.dir.mkdir(parents=True, exist_ok=True)
        self.apis = [Daemon("api-1", options.bin, options, 0), Daemon("api-2", options.bin, options, 1)]
        self.redis = Daemon("api-redis", options.bin, options, 2, "--l1.ttl=1ms")
        self.writer = Daemon("writer", options.bin, options, 3)
        self.projector = Daemon("projector", options.bin, options, 4)
        self.all = [*self.apis, self.redis, self.writer, self.projector]
        for daemon in self.all:
            daemon.start()
            stack.callback(daemon.end, signal.SIGTERM)
        for daemon in self.all:
            daemon.ready()
        self.write_first()

    def write_first(self):
        """To each partition: the first write of a log has the version of the rows that
        psql made, and no cache could tell its row from the former one (docs/adopt.md)."""
        client = Client(self.apis[0].port)
        for n in range(200):
            answer = client.put(f"first-{n}", "x", Prefer="wait=30")
            if answer is None or answer[0] not in (200, 201):
                raise Failure(f"a write: {answer}")
        client.close()

    def pids(self):
        return {daemon.name: daemon.process.pid for daemon in self.all}


def metric(daemon, name):
    client = Client(daemon.admin)
    answer = client.ask("GET", "/metrics")
    client.close()
    if answer is None:
        raise Failure(f"{daemon.name} does not answer")
    found = re.findall(rf"^{name}(?:{{.*}})? (\S+)$", answer[2].decode(), re.MULTILINE)
    return sum(float(each) for each in found)


class Tier:
    def __init__(self, name, daemon, wanted, **headers):
        self.name, self.wanted, self.headers = name, wanted, headers
        self.client = Client(daemon.port)
        self.took = []

    def content(self, key):
        answer = self.client.ask("GET", f"/v1/posts/{key}", **self.headers)
        if answer is None or answer[0] != 200:
            raise Failure(f"{self.name}: {answer}")
        return json.loads(answer[2])["content"], answer[1]["Cache-Status"]

    def warm(self, key):
        """Until the tier in question answers; an entry may be on its way."""
        deadline = time.monotonic() + 5
        while f"detail={self.wanted}" not in self.content(key)[1]:
            if time.monotonic() > deadline:
                raise Failure(f"{self.name}: {self.wanted} does not answer")


def look(psql, tiers, key, value):
    """Changes the row, and asks all of these tiers in turn until they show it."""
    for tier in tiers:
        tier.warm(key)
    psql.run(f"UPDATE public.posts SET content = '{value}' WHERE id = {key}")
    began, left = time.monotonic(), list(tiers)
    while left:
        for tier in list(left):
            if tier.content(key)[0] == value:
                tier.took.append((time.monotonic() - began) * 1000)
                left.remove(tier)
        if time.monotonic() > began + 60:
            raise Failure(f"{left[0].name} does not show a change for a minute")


def soon(psql, options, stack):
    """What is read past the caches fills them. So the replica has changes of its own."""
    caches = [
        Tier("L1 of an instance", stack.apis[0], "l1"),
        Tier("L1 of another", stack.apis[1], "l1"),
        Tier("Redis", stack.redis, "redis"),
    ]
    replica = [Tier("replica", stack.redis, "replica", Cache_Control="no-cache")]
    tiers = caches + replica
    say(f"{options.changes} changes, looked for in every tier")
    with others(options):
        for n in range(options.changes):
            look(psql, caches, 2 * n % LOOKED_AT + 1, f"change {n}")
            look(psql, replica, 2 * n % LOOKED_AT + 2, f"change {n}")
    return {"changes": options.changes, "rate": options.rate, "tiers": {
        tier.name: {"p50": statistics.median(tier.took),
                    "p99": statistics.quantiles(tier.took, n=100)[98], "max": max(tier.took)}
        for tier in tiers}}


@contextlib.contextmanager
def others(options):
    """pgbench changes other rows meanwhile."""
    file = options.dir / "others.sql"
    file.write_text(f"\\set id random({LOOKED_AT + 1}, {options.cost_rows})\n"
                    "UPDATE public.posts SET content = 'changed ' || random() WHERE id = :id;\n")
    child = subprocess.Popen(
        [f"{options.postgres}/pgbench", "-n", "-f", str(file), "-c", "2", "-R", str(options.rate),
         "-T", "3600", options.url], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
        if child.poll() is not None:
            raise Failure("pgbench ended")
    finally:
        child.terminate()
        child.wait()


def report_soon(found):
    print_rows([
        ["visible after, ms", "p50", "p99", "max"],
        *([name, *(f"{r[k]:.1f}" for k in ("p50", "p99", "max"))]
          for name, r in found["tiers"].items())])


# --- all rows in one statement ----------------------------------------------------


class OtherClient:
    """Another client of the API: it writes a document of another collection, and waits
    for its commit, ten times a second."""

    def __init__(self, daemon):
        self.client = Client(daemon.port)
        self.took, self.n = [], 0
        self.ended = threading.Event()
        self.failure = None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ended.wait(0.1):
            began = time.monotonic()
            self.n += 1
            answer = self.client.put(f"other-{self.n}", "x", Prefer="wait=60", timeout=90)
            if answer is None or answer[0] not in (200, 201):
                self.failure = Failure(f"the other client: {answer}")
                return
            self.took.append((began, time.monotonic() - began))

    def end(self):
        self.ended.set()
        self.thread.join(90)
        if self.failure:
            raise self.failure


def resident(daemon):
    return metric(daemon, "process_resident_memory_bytes")


def wait_applied(stack, watch=lambda: None):
    deadline = time.monotonic() + PATIENCE
    while metric(stack.writer, "sluice_writer_backlog") > 0:
        watch()
        if time.monotonic() > deadline:
            raise Failure("the touches are not applied")
        time.sleep(0.1)


def everything(psql, options, stack):
    say(f"filling up to {options.rows} rows")
    fill(psql, options.cost_rows + 1, options.rows, "public.posts")
    wait_applied(stack)
    other = OtherClient(stack.apis[0])
    time.sleep(5)
    before = {daemon.name: resident(daemon) for daemon in stack.all}
    most, notes = dict(before), []
    cpu = cpu_by_part(stack.pids() | options.pids)

    def watch():
        for daemon in stack.all:
            most[daemon.name] = max(most[daemon.name], resident(daemon))
        notes.append((time.monotonic(), metric(stack.writer, "sluice_outbox_notes"),
                      metric(stack.writer, "sluice_touches_total"),
                      metric(stack.writer, "sluice_outbox_age_seconds")))

    say(f"one statement changes {options.rows} rows")
    began = time.monotonic()
    psql.run("UPDATE public.posts SET content = 'new'")
    changed = time.monotonic()
    while not notes or notes[-1][1] > 0 or notes[-1][2] - notes[0][2] < options.rows / 2:
        watch()
        if time.monotonic() > changed + PATIENCE:
            raise Failure("the notes do not become fewer")
        time.sleep(0.2)
    told = time.monotonic()
    wait_applied(stack, watch)
    applied = time.monotonic()
    other.end()
    (untouched,) = psql.run("SELECT count(*) FROM public.posts WHERE version = 0")
    if untouched != "0":
        raise Failure(f"{untouched} rows have no version")
    took = {"before": [s for at, s in other.took if at + s < began],
            "the statement": [s for at, s in other.took if at + s >= began and at < changed],
            "the touches": [s for at, s in other.took if changed <= at < applied]}
    return {
        "rows": options.rows, "statement": changed - began, "told": told - changed,
        "applied": applied - changed,
        "cpu_us": {name: (after - cpu[name]) / options.rows * 1e6
                   for name, after in cpu_by_part(stack.pids() | options.pids).items()},
        "resident": {name: (before[name], most[name]) for name in before},
        "others": {name: {"n": len(each), "p50": statistics.median(each), "max": max(each)}
                   for name, each in took.items() if each},
        "notes": [(at - changed, *rest) for at, *rest in notes],
    }


def report_everything(r):
    print_rows([
        ["rows", "statement s", "all told s", "all applied s", "touches/s"],
        [str(r["rows"]), *(f"{r[k]:.1f}" for k in ("statement", "told", "applied")),
         f"{r['rows'] / r['applied']:.0f}"]])
    some = [r["notes"][len(r["notes"]) * i // 6] for i in range(6)] + [r["notes"][-1]]
    print_rows([
        ["seconds after the statement", *(f"{each[0]:.1f}" for each in some)],
        ["sluice_outbox_notes", *(f"{each[1]:.0f}" for each in some)],
        ["sluice_touches_total", *(f"{each[2]:.0f}" for each in some)],
        ["sluice_outbox_age_seconds", *(f"{each[3]:.1f}" for each in some)]])
    print_rows([
        ["resident MiB", "before", "at most"],
        *([name, *(f"{n / 1048576:.1f}" for n in each)] for name, each in r["resident"].items())])
    print_rows([
        ["another client's writes during", "writes", "p50 ms", "max ms"],
        *([name, str(each["n"]), f"{each['p50'] * 1000:.0f}", f"{each['max'] * 1000:.0f}"]
          for name, each in r["others"].items())])
    print_rows([
        ["CPU us/row", *r["cpu_us"], "all"],
        ["", *(f"{us:.1f}" for us in r["cpu_us"].values()), f"{sum(r['cpu_us'].values()):.0f}"]])


def parse_arguments():
    parser = argparse.ArgumentParser()
    for name in ("rows", "cost-rows", "rounds", "changes", "rate", "port-base"):
        parser.add_argument(f"--{name}", type=int, required=True)
    for name in ("only", "json", "bin", "config-of", "postgres", "url", "pids"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--dir", type=Path, required=True)
    options = parser.parse_args()
    options.pids = named_pids(options.pids)
    options.only = options.only.split()
    return options


def measure(options):
    if options.cost_rows <= LOOKED_AT or options.rows <= options.cost_rows:
        raise Failure(f"--rows must be above --cost-rows, and that above {LOOKED_AT}")
    options.dir.mkdir(parents=True, exist_ok=True)
    r = circumstances()
    with contextlib.ExitStack() as stack:
        psql = Psql(options)
        stack.callback(psql.close)
        say(f"two tables of {options.cost_rows} rows")
        make_tables(psql, options.cost_rows)
        if "cost" in options.only:
            r["cost"] = cost(psql, options)
            report_cost(r["cost"])
        if {"soon", "all"} & set(options.only):
            daemons = Stack(options, stack)
            if "soon" in options.only:
                r["soon"] = soon(psql, options, daemons)
                report_soon(r["soon"])
            if "all" in options.only:
                r["all"] = everything(psql, options, daemons)
                report_everything(r["all"])
    return r


main(measure, parse_arguments())
