"""Reads as something grows, and a mix of reads and writes: tests/bench/read."""

import contextlib
import http.client
import json
import resource
import socket
import subprocess
from pathlib import Path

from common import HOST, Failure, cell, get, print_rows, say, spread
from subject import HOT, WARM, Bench

PARKED = (0, 100, 1000, 5000)
ROWS = "/v1/records/row-"


def resident_mib(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def measure(subject, options):
    """Rounds of one subject, which is warm."""
    rounds = [subject.measure(options.seconds) for _ in range(options.rounds)]
    figures = {key: spread([r[key] for r in rounds])
               for key in ("rps", "cpu_us", "p50_us", "p99_us")}
    return figures | {"reads": {tier: sum(r["reads"][tier] for r in rounds)
                                for tier in rounds[0]["reads"]}}


def row_of(title, figures, *more):
    return [title, cell(figures["rps"], "{:.0f}"), cell(figures["cpu_us"], "{:.2f}"),
            cell(figures["p50_us"], "{:.0f}"), cell(figures["p99_us"], "{:.0f}"), *more]


TITLES = ("requests/s", "CPU us/request", "p50 us", "p99 us")


# --- a mix ----------------------------------------------------------------------


def mix(options):
    """Nine reads to a write, by Zipf's law, with an L1 of a fifth of the rows."""
    with contextlib.ExitStack() as stack:
        say("mix")
        subject = Bench(options, stack).api(
            "mix", "", None, "--l1.bytes=4MiB", path=WARM, keys=options.warm)
        subject.draw = (0.99, 0.1)
        subject.measure(2)
        figures = measure(subject, options)
    reads = figures["reads"]
    shares = {tier: count / sum(reads.values()) for tier, count in reads.items()}
    print_rows([["mix", *TITLES], row_of("90 % GET, 10 % PUT", figures)])
    print("answered by " + ", ".join(f"{tier} {share:.1%}" for tier, share in shares.items()))
    return figures | {"shares": shares}


# --- the number of keys ---------------------------------------------------------


def run_sql(options, url, sql):
    done = subprocess.run(
        [options.psql, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", url, "-c", sql],
        capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"psql: {done.stderr}")
    return done.stdout.strip()


def grow(options, have, count):
    run_sql(options, options.primary_url,
            "INSERT INTO public.records (\"key\", value, created_at, updated_at, version)"
            " SELECT 'row-' || i, 'value of ' || i, now(), now(), 0"
            f" FROM generate_series({have}, {count - 1}) i")
    last = f"SELECT count(*) FROM public.records WHERE \"key\" = 'row-{count - 1}'"
    for _ in range(600):
        if run_sql(options, options.replica_url, last) == "1":
            return
        subprocess.run(["sleep", "0.5"], check=True)
    raise Failure("the rows do not reach the replica")


def keys(options):
    """Misses of every tier, all keys alike, as the table grows."""
    report, rows, have, count = {}, [["keys", *TITLES, "resident MiB", "from the replica"]], 0, 1000
    while count <= options.keys:
        say(f"{count} keys")
        grow(options, have, count)
        with contextlib.ExitStack() as stack:
            subject = Bench(options, stack).api(
                "keys", "", None, "--l1.ttl=1ms", "--l2.ttl=1ms", path=ROWS, keys=count)
            subject.draw = (0, 0)
            subject.measure(2)
            figures = measure(subject, options)
            figures["rss_mib"] = resident_mib(subject.pid)
        share = figures["reads"]["replica"] / sum(figures["reads"].values())
        rows.append(row_of(f"{count}", figures, f"{figures['rss_mib']:.0f}", f"{share:.1%}"))
        report[count] = figures
        have, count = count, count * 10
    print_rows(rows)
    return report


# --- parked requests ------------------------------------------------------------


def put(port, path):
    """The position of a write."""
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    connection.request("PUT", path, json.dumps({"value": "v" * 1024}),
                       {"Content-Type": "application/json", "Prefer": "wait=10"})
    answer = connection.getresponse()
    if answer.status not in (200, 201):
        raise Failure(f"PUT {path}: {answer.status} {answer.read()}")
    return answer.getheader("Sluice-Position")


def park(stack, subject, count):
    """Requests that wait for a position that no write has yet."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, count + 200)), hard))
    place, offset = put(subject.port, HOT).rsplit("-", 1)
    request = (f"GET {HOT} HTTP/1.1\r\nHost: localhost\r\nPrefer: wait=30\r\n"
               f"Sluice-Read-After: {place}-{int(offset) + 10**9}\r\n\r\n").encode()
    for _ in range(count):
        s = stack.enter_context(socket.create_connection((HOST, subject.port), timeout=10))
        s.sendall(request)
    for _ in range(200):
        text = get(subject.admin, "/metrics")[2].decode()
        (line,) = [at for at in text.splitlines() if at.startswith("sluice_parked_requests ")]
        if int(line.split()[1]) >= count:
            return
        subprocess.run(["sleep", "0.05"], check=True)
    raise Failure(f"{line} of {count} requests wait")


def parked(options):
    """Hits in L1 while other requests wait; each has a deadline of 30 s."""
    report, rows = {}, [["parked", *TITLES]]
    for count in PARKED:
        say(f"{count} parked")
        with contextlib.ExitStack() as stack:
            subject = Bench(options, stack).api("parked", "", "l1", "--l1.ttl=1h")
            subject.warm_up()
            park(stack, subject, count)
            report[count] = measure(subject, options)
        rows.append(row_of(f"{count}", report[count]))
    print_rows(rows)
    return report


SECTIONS = {"mix": mix, "keys": keys, "parked": parked}
