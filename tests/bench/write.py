"""The measurement behind tests/bench/write, which starts the stack and calls this.

Every subject writes the same rows (content.h) to a table of its own, all of which
have one definition. A round measures, for each mix, each subject once, one after
the other; a ratio is taken within each round. Before each measurement the table is
vacuumed and a checkpoint is made.
"""

import argparse
import contextlib
import http.client
import json
import os
import subprocess
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from common import (
    HOST, Failure, cell, circumstances, cpu_seconds, main, print_rows, running, say,
    spread, wait_for)

MIXES = ("insert", "update", "hot")
BATCH = 5000  # rows of a raw upsert, and of the connector
OFFSET = (1 << 48) - 1  # of a version
WINDOW = 20000  # writes sent and not committed, at the maximum rate
SHARES = (0.1, 0.5, 0.9)  # of the maximum rate
PATIENCE = 180
POISON = (0, 1, 10, 500)  # of a thousand writes
BUDGET = 200  # seconds for the rounds; the first is made in any case


# --- Postgres -----------------------------------------------------------------


class Psql:
    """One session of psql that is asked one line at a time."""

    def __init__(self, options, url):
        environment = os.environ | {"PGPASSFILE": "/dev/null"}
        self.process = subprocess.Popen(
            [options.psql, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", url],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None,
            text=True, bufsize=1, env=environment)

    def ask(self, sql):
        """The rows of the answer, as text."""
        self.process.stdin.write(f"{sql};\n\\echo <end>\n")
        rows = []
        for line in self.process.stdout:
            if line == "<end>\n":
                return rows
            rows.append(line.rstrip("\n"))
        raise Failure(f"psql ended at: {sql}")

    def number(self, sql):
        return int(self.ask(sql)[0] or 0)

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)


def run(command, what, log):
    """Its output; fails if it does."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    Path(log).write_text(done.stderr)
    if done.returncode != 0:
        raise Failure(f"{what}: {done.stderr[-2000:]}")
    return done.stdout


def wait_until(what, ask, step=0.005, seconds=PATIENCE):
    """Polls until it answers with something; that, and when."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = ask()
        if answer:
            return answer, time.monotonic()
        time.sleep(step)
    raise Failure(f"{what} within {seconds} s")


# --- what is written ----------------------------------------------------------


class Content:
    """The prepared files and topics, one per mix."""

    def __init__(self, options):
        self.options = options
        self.dir = Path(options.dir)

    def fill(self, *words):
        return run([Path(self.options.tools) / "fill", *words], "fill", self.dir / "fill.log")

    def file(self, mix):
        file = self.dir / f"{mix}.rows"
        if not file.exists():
            file.write_text(self.fill("file", mix, self.options.rows))
            file.chmod(0o644)
        return file

    def topic(self, mix):
        """For the connector: one partition, of the same order."""
        self.fill("connect", mix, self.options.rows, self.options.servers, f"bench.{mix}")

    def writes(self, mix, rows, bad=0):
        """`bad` of each thousand are ones that a constraint refuses."""
        self.fill("writes", mix, rows, self.options.servers, "sluice.writes", bad)


def row_at(file, index):
    """Key and version of a line of a prepared file."""
    with open(file, encoding="ascii") as lines:
        for number, line in enumerate(lines):
            if number == index:
                fields = line.split("\t")
                return fields[0], int(fields[4])
    raise Failure(f"{file} has no line {index}")


# --- subjects -----------------------------------------------------------------


class Subject:
    def __init__(self, name, what, table):
        self.name, self.what, self.table = name, what, table
        self.rounds = {mix: [] for mix in MIXES}

    def start(self):
        """What it needs beforehand."""

    def report(self):
        out = {"what": self.what}
        for mix, rounds in self.rounds.items():
            if rounds:
                out[mix] = {key: spread([r[key] for r in rounds]) for key in rounds[0]}
                out[mix]["rounds"] = rounds
        return out


class Upsert(Subject):
    def __init__(self, bench, name, what, form, connections):
        super().__init__(name, what, f"bench.{name.replace('-', '_')}")
        self.bench, self.form, self.connections = bench, form, connections

    def measure(self, mix):
        o = self.bench.options
        out = json.loads(run(
            [Path(o.tools) / "upsert", o.url, self.table, self.bench.content.file(mix),
             self.form, self.connections, BATCH], self.name, self.bench.dir / "upsert.log"))
        return {"rps": out["rows"] / out["seconds"]}


class Copy(Subject):
    """psql's \\copy; what is there already needs a table between and one upsert."""

    def __init__(self, bench):
        super().__init__("copy", "psql \\copy; update, hot: into a temporary table, then "
                         "one upsert of its newest rows", "bench.copy")
        self.bench = bench

    def measure(self, mix):
        o, file = self.bench.options, self.bench.content.file(mix)
        if mix == "insert":
            script = [f"\\copy {self.table} FROM '{file}'"]
        else:
            script = [
                "BEGIN", f"CREATE TEMP TABLE new (LIKE {self.table}) ON COMMIT DROP",
                f"\\copy new FROM '{file}'",
                f"""INSERT INTO {self.table} AS t
                    SELECT DISTINCT ON ("key") * FROM new ORDER BY "key", version DESC
                    ON CONFLICT ("key") DO UPDATE SET value = excluded.value,
                    updated_at = excluded.updated_at, version = excluded.version
                    WHERE t.version < excluded.version""", "COMMIT"]
        words = [word for line in script for word in ("-c", line)]
        begin = time.monotonic()
        run([o.psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", *words, o.url], "copy",
            self.bench.dir / "copy.log")
        return {"rps": o.rows / (time.monotonic() - begin)}


class Debezium(Subject):
    """A worker of Kafka Connect, to which a connector is added for each run."""

    def __init__(self, bench):
        super().__init__("debezium", "Debezium's JDBC sink connector 3.3.1, one task",
                         "public.bench_debezium")
        self.bench, self.number = bench, 0
        self.log = bench.dir / "connect.log"

    def start(self):
        o, home = self.bench.options, self.bench.dir / "connect"
        home.mkdir()
        settings = home / "worker.properties"
        settings.write_text("\n".join([
            f"bootstrap.servers={o.servers}", f"listeners=http://{HOST}:{o.connect_port}",
            "plugin.discovery=ONLY_SCAN", f"plugin.path={home}",
            "key.converter=org.apache.kafka.connect.json.JsonConverter",
            "value.converter=org.apache.kafka.connect.json.JsonConverter",
            f"offset.storage.file.filename={home}/offsets",
            f"consumer.max.poll.records={BATCH}",
            # More than 5,000 records with their schemas.
            "consumer.max.partition.fetch.bytes=16777216", "consumer.fetch.max.bytes=33554432",
            "consumer.auto.offset.reset=earliest", ""]))
        self.bench.stack.enter_context(running(
            ["java", "-Xms512m", "-Xmx1g", "-XX:+UseSerialGC", "-XX:ActiveProcessorCount=2",
             f"-Dlog4j2.configurationFile={o.log4j}", "-cp", o.classpath,
             "org.apache.kafka.connect.cli.ConnectStandalone", settings], self.log, cwd=home))

    def request(self, method, path, body=None):
        connection = http.client.HTTPConnection(HOST, self.bench.options.connect_port, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path, body and json.dumps(body),
                               {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode()
        if answer.status >= 300:
            raise Failure(f"Kafka Connect: {answer.status} {text}")
        return json.loads(text) if text else None

    def settings(self, mix):
        o = self.bench.options
        at = urlsplit(o.url)
        return {
            "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
            "tasks.max": "1", "topics": f"bench.{mix}",
            "connection.url": f"jdbc:postgresql://{o.url.rpartition('@')[2]}?reWriteBatchedInserts=true",
            "connection.username": at.username, "connection.password": at.password,
            "insert.mode": "upsert", "primary.key.mode": "record_key",
            "primary.key.fields": "key", "schema.evolution": "none", "quote.identifiers": "true",
            "collection.name.format": self.table, "batch.size": str(BATCH),
            # Without it, two rows of one key in a batch are an error.
            "use.reduction.buffer": str(mix == "hot").lower(),
        }

    def seen(self, key, version):
        """Has it written that row, or a newer one of its key?"""
        return self.bench.sql.ask(
            f"SELECT 1 FROM {self.table} WHERE \"key\" = '{key}' AND version >= {version}")

    def must_run(self, name):
        status = self.request("GET", f"/connectors/{name}/status")
        for task in status["tasks"]:
            if task["state"] == "FAILED":
                raise Failure(f"debezium: {task['trace'][:3000]}")

    def measure(self, mix):
        """Between a tenth and the end: what Java compiles at first is left out."""
        wait_for(self.bench.options.connect_port, "/connectors", self.log, 60)
        self.number += 1
        name, rows = f"bench-{self.number}", self.bench.options.rows
        first, last = rows // 10, rows - 1
        file = self.bench.content.file(mix)
        first_row, last_row = row_at(file, first), row_at(file, last)
        checked = [0]

        def come(row):
            if time.monotonic() - checked[0] > 1:
                self.must_run(name)
                checked[0] = time.monotonic()
            return self.seen(*row)

        self.request("POST", "/connectors", {"name": name, "config": self.settings(mix)})
        _, begin = wait_until("debezium came to a tenth", lambda: come(first_row))
        _, end = wait_until("debezium came to the end", lambda: come(last_row))
        self.request("DELETE", f"/connectors/{name}")
        return {"rps": (last - first) / (end - begin)}


class Writer(Subject):
    def __init__(self, bench):
        super().__init__("writer", "sluice-writer, one process with its defaults",
                         "public.records")
        self.bench = bench

    @contextlib.contextmanager
    def started(self):
        o, log = self.bench.options, self.bench.dir / "writer.log"
        with running([o.writer, f"--config={o.config}", *o.writer_flags.split()], log) as process:
            yield process

    def done(self):
        return self.bench.sql.number(f"SELECT sum(next_offset & {OFFSET}) FROM sluice.progress")

    def drain(self, rows, seconds=PATIENCE):
        """Starts it on `rows` waiting writes; from its first commit to its last."""
        base = self.done()
        samples = []
        with self.started() as process:
            at, begin = wait_until("the writer began", lambda: self.over(base), 0.002, 60)
            cpu = cpu_seconds(process.pid)
            sampler = threading.Thread(target=sample_memory, args=(process.pid, samples), daemon=True)
            sampler.start()
            _, end = wait_until("the writer came to the end",
                                lambda: self.done() >= base + rows, 0.005, seconds)
            cpu = cpu_seconds(process.pid) - cpu
            counted = rows - (at - base)
        sampler.join()
        return {"rps": counted / (end - begin), "cpu_us": cpu * 1e6 / counted}, samples

    def over(self, base):
        now = self.done()
        return now if now > base else None

    def measure(self, mix):
        self.bench.content.writes(mix, self.bench.options.rows)
        return self.drain(self.bench.options.rows)[0]

    def latencies(self, seconds):
        o = self.bench.options

        def live(rate):
            out = json.loads(run(
                [Path(o.tools) / "live", o.servers, "sluice.writes", "sluice.commits", o.rows,
                 rate, seconds, WINDOW if rate == 0 else 1 << 40], "live", self.bench.dir / "live.log"))
            say(f"at {rate or 'most'}: {out}")
            return out

        with self.started():
            wait_for(o.admin_port, "/readyz", self.bench.dir / "writer.log")
            most = live(0)
            return {"max": most} | {f"{share:g}": live(int(most["rate"] * share))
                                    for share in SHARES}

    def poison(self, rows):
        """With some writes of each thousand that the database refuses."""
        sql, out = self.bench.sql, {}
        sql.ask("ALTER TABLE public.records ADD CONSTRAINT bench_poison "
                "CHECK (left(value, 1) <> '!') NOT VALID")
        for bad in POISON:
            sql.ask("TRUNCATE public.records, sluice.rejections")
            self.bench.content.writes("insert", rows, bad)
            out[bad] = self.drain(rows, 3 * PATIENCE)[0]
            refused = sql.number("SELECT count(*) FROM sluice.rejections"
                                 " WHERE detail = 'bench_poison'")
            if refused != rows * bad // 1000:
                raise Failure(f"{refused} writes were refused, not {bad} of each thousand")
            say(f"{bad} of a thousand refused: {out[bad]['rps']:.0f} writes/s")
        sql.ask("ALTER TABLE public.records DROP CONSTRAINT bench_poison")
        return out

    def memory(self, backlog):
        """Resident size while a backlog is drained: it must not depend on it."""
        out = {}
        for rows in (backlog // 10, backlog):
            self.bench.content.writes("update", rows)
            rate, samples = self.drain(rows, 3 * PATIENCE)
            # The first fifth: buffers fill, connections are made.
            steady = samples[len(samples) // 5:]
            out[rows] = {"rps": rate["rps"], "samples": len(samples), "first_kib": samples[0],
                         "min_kib": min(steady), "max_kib": max(steady),
                         "max/min": max(steady) / min(steady), "kib": samples[::10]}
        return out


def sample_memory(pid, samples):
    """KiB, ten times a second, as long as the process is there."""
    with contextlib.suppress(OSError, StopIteration):
        while True:
            status = Path(f"/proc/{pid}/status").read_text()
            line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
            samples.append(int(line.split()[1]))
            time.sleep(0.1)


# --- the bench ----------------------------------------------------------------


class Bench:
    def __init__(self, options, stack):
        self.options, self.stack = options, stack
        self.dir = Path(options.dir)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.content = Content(options)
        self.sql = Psql(options, options.url)
        self.admin = Psql(options, options.admin_url)
        self.wanted = options.only.split()
        self.mixes = [mix for mix in MIXES if mix in self.wanted]
        if self.mixes and "insert" not in self.mixes:
            self.mixes.insert(0, "insert")  # the others change its rows
        connections = self.writer_connections()
        self.writer = Writer(self)
        subjects = [
            Upsert(self, "sql", "raw SQL, every row written: unnest of binary arrays, "
                   f"{BATCH} rows a transaction, 1 connection", "unnest", 1),
            Upsert(self, f"sql-{connections}", f"the same by {connections} connections",
                   "unnest", connections),
            Upsert(self, f"sql-newest-{connections}", "the same, but of the rows of a batch that have "
                   "one key only the newest is sent", "newest", connections),
            Upsert(self, f"sql-json-{connections}", "json_to_recordset, every row written, "
                   f"{connections} connections", "json", connections),
            Copy(self),
            Debezium(self),
        ]
        asked = options.subjects.split()
        self.subjects = [s for s in subjects if not asked or s.name in asked] + [self.writer]
        for subject in self.subjects if self.mixes else []:
            subject.start()

    def writer_connections(self):
        out = run([self.options.writer, "--help"], "the writer", self.dir / "help.log")
        return int(out.partition("--connections=")[2].split()[0])

    def prepare(self):
        """Tables like the one that --migrate made; it keeps nothing."""
        self.sql.ask("CREATE SCHEMA bench")
        options = self.sql.ask("SELECT array_to_string(reloptions, ', ') FROM pg_class "
                               "WHERE oid = 'public.records'::regclass")[0]
        for subject in self.subjects:
            if subject.table != "public.records":
                self.sql.ask(f"CREATE TABLE {subject.table} (LIKE public.records INCLUDING ALL)"
                             f" WITH ({options})")
        for mix in self.mixes:
            self.content.file(mix)
            self.content.topic(mix)

    def measure(self, subject, mix):
        if mix == "insert":
            self.sql.ask(f"TRUNCATE {subject.table}")
        self.admin.ask(f"VACUUM (ANALYZE) {subject.table}")
        self.admin.ask("CHECKPOINT")
        measured = subject.measure(mix)
        keys = self.sql.number(f"SELECT count(*) FROM {subject.table}")
        if keys != self.options.rows:
            raise Failure(f"{subject.name}: {keys} rows, not {self.options.rows}, after {mix}")
        subject.rounds[mix].append(measured)
        say(f"{mix:7} {subject.name:14} {measured['rps']:9.0f} rows/s")

    def round(self):
        for mix in self.mixes:
            for subject in self.subjects:
                self.measure(subject, mix)

    def close(self):
        self.sql.close()
        self.admin.close()


# --- the report ---------------------------------------------------------------


def ratios(subjects, mixes):
    """Of the writer to each of the others, in each round."""
    ours = next(s for s in subjects if s.name == "writer").rounds
    return {
        mix: {other.name: spread([a["rps"] / b["rps"]
                                  for a, b in zip(ours[mix], other.rounds[mix])])
              for other in subjects if other.name != "writer"}
        for mix in mixes}


def print_rates(report, mixes):
    rows = [["rows/s, median (min..max)", *mixes]]
    for name, subject in report["subjects"].items():
        rows.append([name, *(cell(subject[mix]["rps"], "{:.0f}") for mix in mixes)])
    rows.append(["writer, CPU us/row",
                 *(cell(report["subjects"]["writer"][mix]["cpu_us"], "{:.1f}") for mix in mixes)])
    rows += [[], ["the writer against"]]
    for name in report["subjects"]:
        if name != "writer":
            rows.append([name, *(cell(report["ratios"][mix][name], "{:.2f}") for mix in mixes)])
    print_rows(rows)
    for name, subject in report["subjects"].items():
        print(f"{name}: {subject['what']}")


def print_latencies(latencies):
    rows = [["acceptance to commit", "writes/s", "p50 ms", "p99 ms", "most ms", "left behind"]]
    for share, figures in latencies.items():
        name = "window of {:,}".format(WINDOW) if share == "max" else f"{share} of that rate"
        rows.append([name, f"{figures['rate']:.0f}", f"{figures['p50_ms']:.1f}",
                     f"{figures['p99_ms']:.1f}", f"{figures['max_ms']:.1f}", str(figures["left"])])
    print_rows(rows)


def print_poison(poison):
    rows = [["refused, of 1,000", "writes/s", "CPU us/write"]]
    for bad, figures in poison.items():
        rows.append([f"{bad}", f"{figures['rps']:.0f}", f"{figures['cpu_us']:.1f}"])
    print_rows(rows)


def print_memory(memory):
    rows = [["backlog", "rows/s", "least MiB", "most MiB", "most/least"]]
    for backlog, figures in memory.items():
        rows.append([f"{backlog}", f"{figures['rps']:.0f}", f"{figures['min_kib'] / 1024:.1f}",
                     f"{figures['max_kib'] / 1024:.1f}", f"{figures['max/min']:.2f}"])
    print_rows(rows)


def measure(options):
    with contextlib.ExitStack() as stack:
        bench = Bench(options, stack)
        stack.callback(bench.close)
        report = circumstances() | {"rows": options.rows, "writer_flags": options.writer_flags}
        say("preparing")
        bench.prepare()
        begin, done = time.monotonic(), 0
        while bench.mixes and done < options.rounds:
            if done and (time.monotonic() - begin) * (done + 1) / done > BUDGET:
                say(f"no time for more than {done} rounds")
                break
            done += 1
            say(f"round {done} of {options.rounds}")
            bench.round()
        report["rounds"] = done
        if bench.mixes:
            report["subjects"] = {s.name: s.report() for s in bench.subjects}
            report["ratios"] = ratios(bench.subjects, bench.mixes)
            print_rates(report, bench.mixes)
        if "latency" in bench.wanted:
            report["latencies"] = bench.writer.latencies(options.seconds)
            print_latencies(report["latencies"])
        if "poison" in bench.wanted:
            report["poison"] = bench.writer.poison(min(options.rows, 20000))
            print_poison(report["poison"])
        if "memory" in bench.wanted:
            report["memory"] = bench.writer.memory(options.backlog)
            print_memory(report["memory"])
    return report


def arguments():
    parser = argparse.ArgumentParser(prog="write.py", description=__doc__)
    for name in ("rows", "rounds", "backlog", "seconds", "connect-port", "admin-port"):
        parser.add_argument(f"--{name}", type=int, required=True)
    for name in ("only", "json", "writer", "config", "tools", "psql", "url", "admin-url",
                 "servers", "classpath", "log4j", "dir", "subjects", "writer-flags"):
        parser.add_argument(f"--{name}", required=True)
    return parser.parse_args()


main(measure, arguments())
