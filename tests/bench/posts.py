"""The measurement behind tests/bench/posts, which starts the stack and calls this.

An export and psql's COPY of the same rows from the same replica take turns, and a
ratio is taken within each round; so do the pages.
"""

import argparse
import contextlib
import http.client
import importlib.machinery
import importlib.util
import json
import os
import re
import socket
import statistics
import subprocess
import time
from pathlib import Path

from common import (
    HOST, Failure, cell, circumstances, cpu_by_part, main, named_pids, print_rows, running, say,
    spread, wait_for)

LIMIT = 100
COUNT = "/v1/posts/_count"
DIRECT = {"Cache-Control": "no-cache"}  # past L1, to the replica
ORDERS = ("id", "title")
WARM = 800_000  # records
COPIES = 3


def psql(options, url, *words):
    done = subprocess.run(
        [options.psql, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", url, *words],
        capture_output=True, text=True, check=False,
        env={**os.environ, "PGPASSFILE": "/dev/null"})
    if done.returncode:
        raise Failure(f"psql: {done.stderr}")
    return done.stdout.strip()


class Api:
    """An instance of its own; its ports are those of --port-base."""

    def __init__(self, stack, options):
        self.port, self.admin = options.port_base, options.port_base + 1
        options.dir.mkdir(parents=True, exist_ok=True)
        log = options.dir / "api.log"
        self.process = stack.enter_context(running(
            [options.api, f"--config={options.config}", f"--http.listen={HOST}:{self.port}",
             f"--admin.listen={HOST}:{self.admin}", "--http.threads=2", "--l1.ttl=1h"], log))
        wait_for(self.admin, "/readyz", log)
        self.connection = http.client.HTTPConnection(HOST, self.port, timeout=60)

    def get(self, path, **headers):
        self.connection.request("GET", path, headers=headers)
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise Failure(f"{path}: {answer.status} {body[:300]}")
        return answer, body

    def status_bytes(self, field):
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{field}:\s+(\d+) kB", text, re.M)[1]) * 1024

    def forget_peak(self):
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")


# --- loading ------------------------------------------------------------------


def copied(options):
    """Seconds of psql's \\copy of the same rows into a table with the same indexes: the
    median of several."""
    rows = options.dir / "posts.copy"
    psql(options, options.primary_url, "-c", f"\\copy public.posts TO '{rows}'")
    try:
        return statistics.median(copied_once(options, rows) for _ in range(COPIES))
    finally:
        rows.unlink()


def copied_once(options, rows):
    psql(options, options.primary_url, "-c",
         "CREATE TABLE public.posts_copied (LIKE public.posts INCLUDING ALL)")
    try:
        began = time.monotonic()
        psql(options, options.primary_url, "-c", f"\\copy public.posts_copied FROM '{rows}'")
        return time.monotonic() - began
    finally:
        psql(options, options.primary_url, "-c", "DROP TABLE public.posts_copied")


def compose_load(api, options, *words):
    command = [options.load, "--url", f"http://{HOST}:{api.port}", "--quiet", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failure(f"compose/load: {done.stdout}{done.stderr}")


def warm_up(api, options):
    """Kafka's virtual machine compiles for half a minute after its start, and would take
    the processor from the load. So other rows are loaded first."""
    rows = options.dir / "records.ndjson"
    with rows.open("w") as f:
        for i in range(WARM):
            f.write(f'{{"key":"warm-{i}","value":"{"x" * 200}"}}\n')
    compose_load(api, options, "records", str(rows))
    rows.unlink()


def write_posts(options, file):
    """What `compose/load posts --generate` would make."""
    loader = importlib.machinery.SourceFileLoader("load", str(options.load))
    load = importlib.util.module_from_spec(importlib.util.spec_from_loader("load", loader))
    loader.exec_module(load)
    with file.open("wb") as f:
        for _, line in load.generated(options.rows, None):
            f.write(line + b"\n")


def load(api, options):
    """Through the API, to the last commit; without compose/load, by SQL. The rows are in
    a file, as they are for \\copy: who makes them takes no part in the measurement."""
    rows = options.dir / "posts.ndjson"
    if options.load.exists():
        write_posts(options, rows)
    api.forget_peak()
    pids = {"api": api.process.pid} | options.pids
    before, began = cpu_by_part(pids), time.monotonic()
    if options.load.exists():
        how = "bulk"
        compose_load(api, options, "posts", str(rows))
    else:
        how = "sql"
        psql(options, options.primary_url, "-c", f"""
            INSERT INTO public.posts (id, title, content, author, created_at, updated_at, version)
            SELECT i, 'Post ' || i || ': ' || md5(i::text), repeat(md5(i::text) || E' \\n', 8),
                   'author ' || i % 1000, now(), now(), 0
              FROM generate_series(1, {options.rows}) i""")
    seconds = time.monotonic() - began
    cpu = {name: (after - before[name]) / options.rows * 1e6
           for name, after in cpu_by_part(pids).items()}
    peak = api.status_bytes("VmHWM")
    wait_for_replica(options)
    copy_seconds = copied(options)
    psql(options, options.primary_url, "-c", "VACUUM ANALYZE public.posts")
    wait_for_replica(options)
    return {"how": how, "rows": options.rows, "seconds": seconds,
            "rows_per_second": options.rows / seconds, "peak": peak, "cpu_us": cpu,
            "copy_seconds": copy_seconds, "ratio": copy_seconds / seconds}


def wait_for_replica(options):
    deadline = time.monotonic() + 120
    while psql(options, options.replica_url, "-c", "SELECT count(*) FROM posts") != str(options.rows):
        if time.monotonic() > deadline:
            raise Failure("the rows do not reach the replica")
        time.sleep(0.2)


# --- the export -----------------------------------------------------------------


def export(api):
    """Seconds, bytes, peak of the API. The body is counted and dropped."""
    api.forget_peak()
    began = time.monotonic()
    head, size, tail, piece = b"", 0, b"", bytearray(1 << 20)
    with socket.create_connection((HOST, api.port), 60) as s:
        s.sendall(b"GET /v1/posts HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                  b"Accept: application/x-ndjson\r\n\r\n")
        while n := s.recv_into(piece):
            if size == 0:
                head = bytes(piece[:n]).partition(b"\r\n\r\n")[0]
            size += n
            tail = (tail + bytes(piece[max(0, n - 16):n]))[-16:]
    seconds = time.monotonic() - began
    if not head.startswith(b"HTTP/1.1 200") or b"detail=replica" not in head:
        raise Failure(f"no export from the replica: {head.decode()}")
    if not tail.endswith(b"0\r\n\r\n"):
        raise Failure("the export broke")
    return {"seconds": seconds, "bytes": size, "peak": api.status_bytes("VmHWM")}


def copy(options):
    """psql's COPY TO STDOUT of the table: seconds, bytes, peak of psql."""
    read, write = os.pipe()
    began = time.monotonic()
    child = subprocess.Popen(
        [options.psql, "-X", "-q", options.replica_url, "-c", "COPY public.posts TO STDOUT"],
        stdout=write, env={**os.environ, "PGPASSFILE": "/dev/null"})
    os.close(write)
    size, piece = 0, bytearray(1 << 20)
    with open(read, "rb", buffering=0) as pipe:
        while n := pipe.readinto(piece):
            size += n
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise Failure("psql's COPY failed")
    return {"seconds": time.monotonic() - began, "bytes": size, "peak": used.ru_maxrss * 1024}


def exports(api, options):
    export(api)  # both have the table in memory
    copy(options)
    idle = api.status_bytes("VmRSS")
    ours, theirs = [], []
    for i in range(options.rounds):
        say(f"export, round {i + 1} of {options.rounds}")
        ours.append(export(api))
        theirs.append(copy(options))
    ratios = [a["seconds"] / b["seconds"] for a, b in zip(ours, theirs)]
    return {"api": ours, "psql": theirs, "idle": idle, "ratio": spread(ratios)}


# --- pages ------------------------------------------------------------------------


def next_of(answer):
    link = answer.getheader("Link")
    return re.match(r"<([^>]*)>", link)[1] if link else None


def walk(api, options, order):
    """All pages to the end; how long that took, and the last one: path, rows."""
    path, rows, pages, began = f"/v1/posts?order={order}&limit=1000", 0, 0, time.monotonic()
    deep = None
    while path:
        answer, body = api.get(path, **DIRECT)
        page = json.loads(body)
        rows += len(page)
        pages += 1
        path = next_of(answer)
        if path:
            deep = path, options.rows - rows
    if rows != options.rows:
        raise Failure(f"the pages had {rows} rows")
    return {"pages": pages, "seconds": time.monotonic() - began}, deep


def deepest(api, path, left):
    """The path of the page that begins LIMIT rows before the end."""
    path = re.sub(r"limit=\d+", f"limit={LIMIT}", path)
    while left > LIMIT:
        answer, body = api.get(path, **DIRECT)
        left -= len(json.loads(body))
        path = next_of(answer)
    return path


def timed(api, path, **headers):
    began = time.perf_counter()
    answer, _ = api.get(path, **headers)
    return (time.perf_counter() - began) * 1e6, answer.getheader("Cache-Status")


def pages(api, options, order):
    walked, deep = walk(api, options, order)
    first = f"/v1/posts?order={order}&limit={LIMIT}"
    last = deepest(api, *deep)
    times = {"first": [], "deep": [], "cached": [], "count": []}
    timed(api, first)
    timed(api, COUNT)
    for _ in range(options.pages):
        for name, path, headers, tier in (
                ("first", first, DIRECT, "replica"), ("deep", last, DIRECT, "replica"),
                ("cached", first, {}, "l1"), ("count", COUNT, {}, "l1")):
            us, status = timed(api, path, **headers)
            if f"detail={tier}" not in status:
                raise Failure(f"{name}: {status}")
            times[name].append(us)
    return {"walk": walked, "depth": options.rows - LIMIT,
            **{name: statistics.median(us) for name, us in times.items()},
            "p90": {name: statistics.quantiles(us, n=10)[-1] for name, us in times.items()}}


# --- the report -------------------------------------------------------------------


def mib(n):
    return f"{n / 1048576:.1f}"


def report(r):
    loaded, e = r["load"], r["export"]
    print_rows([
        ["load", "rows", "seconds", "rows/s", "of \\copy", "peak RSS MiB"],
        [loaded["how"], str(loaded["rows"]), f"{loaded['seconds']:.1f}",
         f"{loaded['rows_per_second']:.0f}", f"{loaded['ratio']:.2f}", mib(loaded["peak"])],
        ["psql \\copy", str(loaded["rows"]), f"{loaded['copy_seconds']:.1f}",
         f"{loaded['rows'] / loaded['copy_seconds']:.0f}", "", ""],
    ])
    cpu = loaded["cpu_us"]
    print_rows([
        ["CPU us/row", *cpu, "all"],
        ["bulk", *(f"{us:.1f}" for us in cpu.values()), f"{sum(cpu.values()):.0f}"]])
    rows = [["export", "seconds, median (min..max)", "MiB", "MiB/s", "peak RSS MiB"]]
    for name, runs in (("api, NDJSON", e["api"]), ("psql COPY", e["psql"])):
        seconds = spread([run["seconds"] for run in runs])
        size = runs[0]["bytes"]
        rows.append([name, cell(seconds, "{:.2f}"), mib(size),
                     f"{size / 1048576 / seconds['median']:.0f}",
                     mib(max(run["peak"] for run in runs))])
    rows.append(["ratio", cell(e["ratio"], "{:.2f}"), "", "", f"idle: {mib(e['idle'])}"])
    print_rows(rows)
    rows = [[f"page of {LIMIT}, us, median (p90)", "depth 0",
             f"depth {next(iter(r['pages'].values()))['depth']}", "ratio", "from L1",
             "count from L1", "of the page", "all pages of 1000"]]
    for order, p in r["pages"].items():
        rows.append([f"order={order}",
                     *(f"{p[name]:.0f} ({p['p90'][name]:.0f})" for name in ("first", "deep")),
                     f"{p['deep'] / p['first']:.2f}",
                     f"{p['cached']:.0f} ({p['p90']['cached']:.0f})",
                     f"{p['count']:.0f} ({p['p90']['count']:.0f})",
                     f"{p['count'] / p['cached']:.2f}",
                     f"{p['walk']['pages']} in {p['walk']['seconds']:.1f} s"])
    print_rows(rows)


def parse_arguments():
    parser = argparse.ArgumentParser()
    for name in ("rows", "rounds", "pages", "port-base"):
        parser.add_argument(f"--{name}", type=int, required=True)
    for name in ("api", "config", "psql", "primary-url", "replica-url", "json", "pids"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("dir", "load"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    options = parser.parse_args()
    options.pids = named_pids(options.pids)
    return options


def measure(options):
    if options.rows < 2000:
        raise Failure("--rows must be 2000 at least")
    with contextlib.ExitStack() as stack:
        api = Api(stack, options)
        if options.load.exists():
            say(f"loading {WARM} records, to warm up")
            warm_up(api, options)
        say(f"loading {options.rows} posts")
        r = {**circumstances(), "load": load(api, options)}
        r["export"] = exports(api, options)
        r["pages"] = {}
        for order in ORDERS:
            say(f"pages, order={order}")
            r["pages"][order] = pages(api, options, order)
    report(r)
    return r


main(measure, parse_arguments())
