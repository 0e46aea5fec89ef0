"""The measurement behind tests/bench/read, which starts the stack and calls this.

Every subject is a server that runs from the beginning to the end. A round
measures each of them once, one after the other, so that what else happens on the
machine hits all alike; a ratio is taken within each round.
"""

import argparse
import contextlib
import os
import shutil

from common import (
    Failure, cell, circumstances, get, main, pipe_to_redis, print_rows, say, spread)
from guarded import AGAINST as GUARDED_AGAINST, guarded_subjects
from observed import AGAINST as OBSERVED_AGAINST, observed_subjects
from scale import SECTIONS
from subject import COLD, CONNECTIONS, HOT, WARM, Bench

# Whom a subject is compared with.
AGAINST = {
    "sluice-l1": ("bare-pool", "bare-libuv", "nginx"),
    "sluice-redis": ("reference-redis",),
    "sluice-replica": ("reference-postgres", "reference-aside"),
    **GUARDED_AGAINST,
    **OBSERVED_AGAINST,
}


def headers_of(answer):
    names = ("Content-Type", "ETag", "Cache-Status", "Server-Timing")
    return {name: answer[1][name] for name in names}


def l1_subjects(bench):
    l1 = bench.api("sluice-l1", "Sluice, hit in L1", "l1", "--l1.ttl=1h")
    get(l1.port, HOT)
    answer = get(l1.port, HOT)
    if answer[0] != 200 or answer[1].get("Cache-Status") != "sluice; hit; detail=l1":
        raise Failure(f"no hit in L1: {answer}")
    same, body = headers_of(answer), answer[2]
    return [
        l1,
        bench.bare("bare-pool", "libmicrohttpd alone, its own pool of 2 threads",
                   "pool", same, body),
        bench.bare("bare-libuv", "libmicrohttpd alone, driven by 2 libuv loops",
                   "libuv", same, body),
        bench.nginx(same, body),
    ]


def fetching_subjects(bench):
    o = bench.options
    redis = bench.api("sluice-redis", f"Sluice, hit in Redis ({o.warm} keys in turn)", "redis",
                      "--l1.ttl=1ms", "--l2.ttl=1d", path=WARM, keys=o.warm)
    replica = bench.api(
        "sluice-replica", f"Sluice, replica after two misses ({o.cold} keys in turn)",
        "replica", "--l1.ttl=1ms", "--l2.ttl=100ms", path=COLD, keys=o.cold)
    answer = get(redis.port, HOT)
    body = answer[2].decode()
    pipe_to_redis(o.redis_port, (
        ("SET", f"bench:warm-{i}", body.replace("warm-0", f"warm-{i}")) for i in range(o.warm)))
    same = headers_of(answer)
    return [
        redis,
        bench.reference("reference-redis", "libmicrohttpd and one pipelined GET",
                        "redis", o.redis_port, same, WARM, o.warm),
        replica,
        bench.reference("reference-postgres", "libmicrohttpd and `= ANY` on the replica",
                        "postgres", o.replica_url, same, COLD, o.cold),
        bench.reference("reference-aside", "libmicrohttpd, GET, `= ANY`, SET: cache-aside",
                        "aside", f"{o.redis_port},{o.replica_url}", same, COLD, o.cold),
    ]


# --- the report ---------------------------------------------------------------


def ratio(subjects, figure, ours, theirs):
    """Of a subject to its reference, in each round."""
    pairs = zip(subjects[ours].rounds, subjects[theirs].rounds)
    return spread([a[figure] / b[figure] for a, b in pairs])


def ratios(subjects):
    return {
        ours: {theirs: {figure: ratio(subjects, figure, ours, theirs)
                        for figure in ("rps", "cpu_us")}
               for theirs in against}
        for ours, against in AGAINST.items() if ours in subjects
    }


def print_table(report):
    columns = [("requests/s", "rps", "{:.0f}"), ("CPU us/request", "cpu_us", "{:.2f}"),
               ("p50 us", "p50_us", "{:.0f}"), ("p99 us", "p99_us", "{:.0f}")]
    rows = [["median (min..max)", *(title for title, _, _ in columns)]]
    for name, subject in report["subjects"].items():
        rows.append([name, *(cell(subject[key], form) for _, key, form in columns)])
    rows += [[], ["ratio", "requests/s", "CPU per request"]]
    for ours, against in report["ratios"].items():
        for theirs, figures in against.items():
            rows.append([f"{ours} / {theirs}",
                         *(cell(figures[key], "{:.2f}") for key in ("rps", "cpu_us"))])
    print_rows(rows)
    for name, subject in report["subjects"].items():
        share = subject.get("share")
        seen = f"; at least {share['min']:.2%} of the reads, by its counters" if share else ""
        print(f"{name}: {subject['what']}{seen}")


def make_report(options, subjects):
    by_name = {subject.name: subject for subject in subjects}
    return {
        "seconds": options.seconds, "rounds": options.rounds,
        "connections": CONNECTIONS, "value_bytes": 1024,
        "subjects": {name: subject.report() for name, subject in by_name.items()},
        "ratios": ratios(by_name),
    }


def measure_tiers(options, words):
    with contextlib.ExitStack() as stack:
        bench, subjects = Bench(options, stack), []
        if "l1" in words:
            subjects += l1_subjects(bench)
        if "fetch" in words:
            subjects += fetching_subjects(bench)
        if "access" in words:
            subjects += guarded_subjects(bench)
        if "observe" in words:
            subjects += observed_subjects(bench)
        say("warming up")
        for subject in subjects:
            subject.warm_up()
        for number in range(options.rounds):
            say(f"round {number + 1} of {options.rounds}")
            for subject in subjects:
                subject.round(options.seconds)
    return make_report(options, subjects)


def measure(options):
    """Prints each section as soon as it is measured; returns all the figures."""
    words = options.only.split()
    tables = ["l1", "fetch", "access", "observe"]
    unknown = set(words) - {*tables, *SECTIONS}
    if unknown:
        known = ", ".join([*tables, *SECTIONS])
        raise Failure(f"--only knows {known}; not {unknown.pop()}")
    report = circumstances()
    if set(tables) & set(words):
        report |= measure_tiers(options, words)
        print_table(report)
    for name, section in SECTIONS.items():
        if name in words:
            report[name] = section(options)
    return report


def arguments():
    parser = argparse.ArgumentParser(prog="read.py", description=__doc__)
    parser.add_argument("--seconds", type=int, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--json", default="", help="file for the figures")
    parser.add_argument("--api", required=True, help="program")
    parser.add_argument("--bare", required=True, help="program")
    parser.add_argument("--reference", required=True, help="program")
    parser.add_argument("--only", required=True, help="sections")
    parser.add_argument("--keys", type=int, required=True, help="most of them, for `keys`")
    parser.add_argument("--redis-port", type=int, required=True)
    parser.add_argument("--replica-url", required=True)
    parser.add_argument("--psql", required=True, help="program")
    parser.add_argument("--primary-url", required=True)
    parser.add_argument("--collections", required=True, help="folder of the shipped ones")
    parser.add_argument("--config", required=True, help="of the api")
    parser.add_argument("--warm", type=int, required=True, help="rows warm-0, warm-1, ...")
    parser.add_argument("--cold", type=int, required=True, help="rows cold-0, cold-1, ...")
    parser.add_argument("--dir", required=True, help="for logs")
    parser.add_argument("--port-base", type=int, required=True, help="ports after this one")
    return parser.parse_args()


if shutil.which("nginx") is None:
    os.environ["PATH"] += ":/usr/sbin"
main(measure, arguments())
