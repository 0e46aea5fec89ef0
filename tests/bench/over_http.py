"""The measurement behind tests/bench/http, which starts the servers and calls this.

Every subject takes the same writes (load.c) on the same servers; only those of
`batch` have more than one document. A round measures each of them once, one after
the other: a closed loop for each number of connections, then an open loop at shares
of the rate that the closed loop had. The daemons of Sluice run only while they are
measured. A ratio is taken within each round.
"""

import argparse
import contextlib
import json
import os
import signal
import struct
import subprocess
import time
from pathlib import Path

from common import (
    HOST, Failure, busy_seconds, cell, circumstances, cpu_by_part,
    die_with_parent, main, named_pids, print_rows, running, say, spread, wait_for)
from daemon import Client, Daemon

DAEMONS = ("writer", "projector", "api", "api-2")
SERVERS = ("kafka", "primary", "replica", "redis")
SUBJECTS = ("202", "waited", "batch", "direct", "log")
SECTIONS = (*SUBJECTS, "open")
SHARES = (0.1, 0.5, 0.9)  # of the rate of the closed loop at BASE
BASE = 64  # connections
OPEN_MOST = 512  # connections of an open loop
KEYS = 100000
PROBES = 50  # writes a second that are looked for at the other instance
BATCH = 10  # documents of an atomic batch
# The times of a write on its way, as the metrics have them: column, daemon, histogram.
STAGES = (("log", "api", "sluice_write_acknowledge_seconds"),
          ("to the writer", "writer", "sluice_writer_fetch_seconds"),
          ("waits there", "writer", "sluice_writer_wait_seconds"),
          ("batch", "writer", "sluice_writer_batch_seconds"),
          ("announced", "writer", "sluice_writer_announce_seconds"),
          ("heard", "api", "sluice_tail_heard_seconds"),
          ("script", "projector", "sluice_projector_script_seconds"),
          ("in Redis", "projector", "sluice_projector_apply_seconds"))
PATIENCE = 60
WARM_UP = 20  # seconds of each subject: Kafka compiles its Java code meanwhile
LATE = 0.01  # of the waited writes that may be answered 202
REQUEST_KINDS = 128  # as in requests.c
KIND_NAMES = {0: "Produce", 1: "Fetch", 2: "ListOffsets", 3: "Metadata", 8: "OffsetCommit",
              9: "OffsetFetch", 10: "FindCoordinator", 11: "JoinGroup", 12: "Heartbeat",
              14: "SyncGroup", 16: "ListGroups", 18: "ApiVersions", 22: "InitProducerId"}


class Load:
    """A run of load.c: what it printed; what some processes used between its beginning
    and its end: CPU time, and requests to Kafka; how long the stages of a write took;
    and how many cores other programs kept busy."""

    def __init__(self, options, subject, seconds, connections, rate):
        self.command = [
            f"{options.tools}/load", subject.port, subject.prefer, connections, f"{rate:.1f}",
            seconds, KEYS, subject.probe_port, PROBES if subject.probe_port else 0,
            subject.documents]
        self.pids = subject.pids()
        self.counters = subject.counters
        self.stages = subject.stages

    def used(self):
        """By now, since the beginning of each process: microseconds, requests, sums and
        counts of the stages."""
        cpu = {name: seconds * 1e6 for name, seconds in cpu_by_part(self.pids).items()}
        more = {"jit": cpu.pop("compiler"), "busy": busy_seconds() * 1e6}
        requests = {(name, kind): n for name, counter in self.counters.items()
                    for kind, n in counter.read().items()}
        return cpu, more, requests, self.stages()

    def run(self):
        with subprocess.Popen([str(word) for word in self.command], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              preexec_fn=die_with_parent, start_new_session=True) as process:
            said = {}
            for line in process.stdout:
                if line.startswith("{"):
                    said["figures"] = json.loads(line)
                else:
                    said[line.strip()] = self.used()
            complaint = process.stderr.read()
        if process.returncode or len(said) != 3:
            raise Failure(f"load: {complaint}")
        return self.per_write(**said)

    @staticmethod
    def per_write(begin, end, figures):
        writes = figures["answered"] + figures["visible"]["samples"]
        if not figures["answered"]:
            raise Failure(f"no answers: {figures}")
        cpu, more, requests, stages = ({key: after[key] - before[key] for key in after}
                                       for before, after in zip(begin, end))
        means = {name: stages[name, "sum"] / stages[name, "count"] * 1000
                 for name, kind in stages if kind == "count" and stages[name, "count"]}
        cpu, more, requests = ({key: value / writes for key, value in used.items()}
                               for used in (cpu, more, requests))
        foreign = more["busy"] - more["jit"] - sum(cpu.values())
        cores = foreign * writes / figures["seconds"] / 1e6 - figures["own_cpu"]
        return figures | {
            "cpu_us": cpu, "cpu_sum_us": sum(cpu.values()), "jit_us": more["jit"],
            "others_cores": max(0, cores), "stages_ms": means,
            "requests": [[*key, n] for key, n in requests.items() if n],
            "requests_sum": sum(requests.values())}


class Counter:
    """What requests.c counts in a process."""

    def __init__(self, options, name):
        self.file = options.dir / f"{name}.requests"
        self.file.write_bytes(bytes(8 * REQUEST_KINDS))
        self.environment = {
            "LD_PRELOAD": f"{options.tools}/requests.so",
            "BENCH_KAFKA_PORT": options.servers.rpartition(":")[2],
            "BENCH_REQUESTS_FILE": str(self.file)}

    def read(self):
        counts = struct.unpack(f"={REQUEST_KINDS}Q", self.file.read_bytes())
        return {KIND_NAMES.get(kind, f"kind {kind}"): n for kind, n in enumerate(counts)}


class Subject:
    """What is measured: `prefer` goes with each request; `pids()` and `counters` are
    those of the processes that take part."""

    def __init__(self, name, what, port, pids, counters, statuses, prefer="", probe_port=0,
                 documents=1):
        self.name, self.what, self.port = name, what, port
        self.pids, self.counters = pids, counters
        self.statuses, self.prefer, self.probe_port = statuses, prefer, probe_port
        self.documents = documents  # of each write
        self.settle = lambda: None  # what a load has left to do is done
        self.stages = dict  # sums and counts of its histograms by now
        self.points = {}  # title of a load: its rounds

    def check(self, figures):
        wrong = {status: n for status, n in figures["statuses"].items()
                 if status not in self.statuses}
        total = sum(figures["statuses"].values())
        if set(wrong) - {"202"} or sum(wrong.values()) > LATE * total:
            raise Failure(f"{self.name}: answers {figures['statuses']}")
        if (figures["unanswered"] or wrong or figures["probes_skipped"]
                or not figures["probes_seen"]):
            say(f"{self.name}: {figures['unanswered']} unanswered, late {wrong}, "
                f"probes: {figures['probes_skipped']} skipped, "
                f"all seen: {figures['probes_seen']}")

    def load(self, options, seconds, connections, rate=0):
        figures = Load(options, self, seconds, connections, rate).run()
        self.check(figures)
        return figures

    def measure(self, options, title, connections, rate=0):
        self.settle()
        figures = self.load(options, options.seconds, connections, rate)
        self.points.setdefault(title, []).append(figures)
        ack, seen = figures["ack"], figures["visible"]
        say(f"{self.name}, {title}: {figures['rate']:.0f} writes/s, "
            f"p50 {ack['p50_ms']:.2f} ms, p99 {ack['p99_ms']:.1f} ms, "
            f"CPU {figures['cpu_sum_us']:.0f} us, others {figures['others_cores']:.1f} cores"
            + (f"; visible p50 {seen['p50_ms']:.1f} ms, p99 {seen['p99_ms']:.1f} ms"
               if seen["samples"] else ""))
        return figures["rate"]

    def round(self, options):
        most = None
        for n in options.connections:
            rate = self.measure(options, closed(n), n)
            if n == BASE or most is None or n < BASE:
                most = rate
        for share in SHARES if "open" in options.words and self.name != "log" else ():
            self.measure(options, f"{share:g} of the rate", OPEN_MOST, most * share)


def closed(connections):
    return f"{connections} connection" + ("s" if connections > 1 else "")


# --- the subjects -----------------------------------------------------------------


class Sluice:
    """The daemons of one build, and the subjects that they serve."""

    def __init__(self, options, programs, suffix):
        self.daemons = {
            name: Daemon(name, programs, options, number)
            for number, name in enumerate(DAEMONS)}
        counters = {name: Counter(options, name) for name in DAEMONS}
        for name, daemon in self.daemons.items():
            daemon.environment = counters[name].environment
        api, other = self.daemons["api"], self.daemons["api-2"]
        self.daemons["projector"].command.append(
            f"--audit.instances={HOST}:{api.admin},{HOST}:{other.admin}")
        self.partitions = options.partitions
        self.subjects = [
            Subject("202" + suffix, "Sluice, answered when the log has the write",
                    api.port, lambda: self.pids() | options.pids, counters, ("202",), "",
                    other.port),
            Subject("waited" + suffix, "Sluice, `Prefer: wait=5`: answered after the commit",
                    api.port, lambda: self.pids() | options.pids, counters, ("200", "201"),
                    "wait=5", other.port),
            Subject("batch" + suffix, f"Sluice, an atomic batch of {BATCH} documents, "
                    "answered after the commit", api.port,
                    lambda: self.pids() | options.pids, counters, ("200",), "wait=5",
                    other.port, BATCH)]
        for each in self.subjects:
            each.settle = self.settle
            each.stages = self.stages
        self.subjects = [each for each in self.subjects
                         if each.name.removesuffix(suffix) in options.words]

    def stages(self):
        pages = {name: self.daemons[name].metrics() for name in {part for _, part, _ in STAGES}}
        return {(stage, kind): pages[part][f"{histogram}_{kind}"]
                for stage, part, histogram in STAGES for kind in ("sum", "count")}

    def pids(self):
        return {name: daemon.process.pid for name, daemon in self.daemons.items()}

    @contextlib.contextmanager
    def running(self):
        try:
            for daemon in self.daemons.values():
                daemon.start()
            for daemon in self.daemons.values():
                daemon.ready()
            self.settle()
            yield
            self.settle()
        finally:
            for daemon in self.daemons.values():
                if daemon.process and daemon.process.poll() is None:
                    daemon.end(signal.SIGTERM)

    def settle(self):
        """Every partition has committed what it had, and commits."""
        client, seen = Client(self.daemons["api"].port), set()
        deadline = time.monotonic() + PATIENCE
        while len(seen) < self.partitions:
            answer = client.put(f"settle-{time.monotonic()}", "", Prefer="wait=5")
            if answer and answer[0] in (200, 201):
                seen.add(answer[1]["Sluice-Position"].split("-")[0])
            if time.monotonic() > deadline:
                raise Failure(f"only the partitions {seen} commit: {answer}")
        client.close()


def builds(folders):
    """With what is added to the names of their subjects: nothing to those of one alone."""
    names = [Path(folder).name for folder in folders]
    if len(set(names)) < len(names):
        names = folders
    return [(folder, f" {name}" if len(folders) > 1 else "")
            for folder, name in zip(folders, names)]


class Servers:
    """direct.c, from the beginning to the end."""

    def __init__(self, options, stack):
        self.subjects = []
        port = options.port_base + 2 * len(DAEMONS)
        for name, what, words in (
                ("direct", "direct.c: an upsert per request, answered after the commit",
                 ("postgres", port, options.url, options.table)),
                ("log", "direct.c: a record per request, answered after the delivery",
                 ("kafka", port + 1, options.servers, "bench.log"))):
            if name not in options.words:
                continue
            counter, log = Counter(options, name), options.dir / f"{name}.log"
            process = stack.enter_context(running(
                [f"{options.tools}/direct", *words], log,
                env=os.environ | counter.environment, start_new_session=True))
            wait_for(words[1], "/", log)
            self.subjects.append(Subject(
                name, what, words[1], lambda pid=process.pid: {"server": pid} | options.pids,
                {"server": counter}, ("200",)))

    def running(self):
        return contextlib.nullcontext()


# --- the report -------------------------------------------------------------------


def of_rounds(rounds, *path):
    values = []
    for each in rounds:
        for key in path:
            each = each[key]
        values.append(each)
    return spread(values)


def print_loads(subjects):
    rows = [["load", "subject", "writes/s", "p50 ms", "p99 ms", "max ms",
             "visible p50", "p99", "max", "CPU us/write",
             "Kafka requests/write", "others' cores"]]
    for title in subjects[0].points:
        for subject in subjects:
            rounds = subject.points.get(title)
            if rounds is None:
                continue
            seen = rounds[0]["visible"]["samples"]
            times = [f"{of_rounds(rounds, kind, key)['median']:.{digits}f}"
                     for kind in (("ack", "visible") if seen else ("ack",))
                     for key, digits in (("p50_ms", 2), ("p99_ms", 1), ("max_ms", 0))]
            times += [""] * (6 - len(times))
            rows.append([title, subject.name, cell(of_rounds(rounds, "rate"), "{:.0f}"),
                         *times, cell(of_rounds(rounds, "cpu_sum_us"), "{:.0f}"),
                         f"{of_rounds(rounds, 'requests_sum')['median']:.3f}",
                         f"{of_rounds(rounds, 'others_cores')['median']:.2f}"])
    print_rows(rows)


def print_cpu(subjects):
    names = ("api", "api-2", "writer", "projector", "server", *SERVERS)
    rows = [["CPU us/write, median", "subject", *names, "all", "not in it: Kafka's compiler"]]
    for title in subjects[0].points:
        for subject in subjects:
            rounds = subject.points.get(title)
            if rounds:
                rows.append([title, subject.name, *(
                    f"{of_rounds(rounds, 'cpu_us', name)['median']:.0f}"
                    if name in rounds[0]["cpu_us"] else "" for name in names),
                    f"{of_rounds(rounds, 'cpu_sum_us')['median']:.0f}",
                    f"{of_rounds(rounds, 'jit_us')['median']:.0f}"])
    print_rows(rows)


def print_requests(subjects):
    """Of the closed loop at BASE connections, or the last one."""
    title = closed(BASE) if closed(BASE) in subjects[0].points else list(subjects[0].points)[-1]
    head = ["Produce", "Fetch", "ListOffsets", "others", "all"]
    rows = [[f"Kafka requests/write, {title}", "client", *head]]
    for subject in subjects:
        for client in subject.counters:
            sums = dict.fromkeys(head, 0)
            for each in subject.points[title]:
                for its, kind, n in each["requests"]:
                    if its == client:
                        sums[kind if kind in sums else "others"] += n / len(subject.points[title])
                        sums["all"] += n / len(subject.points[title])
            rows.append([subject.name, client, *(f"{n:.3f}" for n in sums.values())])
    print_rows(rows)


def print_stages(subjects):
    names = [stage for stage, _, _ in STAGES]
    rows = [["stages of a write, mean ms", "subject", *names]]
    for title in subjects[0].points:
        for subject in subjects:
            rounds = subject.points.get(title)
            if rounds and rounds[0]["stages_ms"]:
                rows.append([title, subject.name, *(
                    f"{of_rounds(rounds, 'stages_ms', name)['median']:.2f}"
                    if all(name in each["stages_ms"] for each in rounds) else ""
                    for name in names)])
    if len(rows) > 1:
        print_rows(rows)


def ratios(subjects):
    """Of writes per second, to `direct` and `log`, in each round."""
    by_name = {subject.name: subject for subject in subjects}
    found = {}
    for theirs in ("direct", "log"):
        for ours in subjects:
            if theirs not in by_name or ours.name in ("direct", "log"):
                continue
            for title, rounds in ours.points.items():
                others = by_name[theirs].points.get(title, ())
                pairs = [a["rate"] / b["rate"] for a, b in zip(rounds, others)]
                if pairs and "of the rate" not in title:
                    found.setdefault(f"{ours.name} / {theirs}", {})[title] = spread(pairs)
    return found


def batches(subjects):
    """Documents per second by atomic batches, to those by writes of one document."""
    by_name = {subject.name: subject for subject in subjects}
    found = {}
    for name, ours in by_name.items():
        alone = by_name.get(name.replace("batch", "waited", 1))
        for title, rounds in ours.points.items():
            if ours.documents == 1 or not alone:
                continue
            pairs = [a["rate"] * ours.documents / b["rate"]
                     for a, b in zip(rounds, alone.points.get(title, ()))]
            if pairs and "of the rate" not in title:
                found.setdefault(f"documents, {name} / {alone.name}", {})[title] = spread(pairs)
    return found


def print_ratios(found):
    if not found:
        return
    titles = list(next(iter(found.values())))
    rows = [["ratio of writes/s", *titles]]
    for name, figures in found.items():
        rows.append([name, *(cell(figures[title], "{:.2f}") for title in titles)])
    print_rows(rows)


def measure_rounds(options, groups):
    subjects = [subject for group in groups for subject in group.subjects]
    for number in range(options.rounds + 1):
        say(f"round {number} of {options.rounds}" if number else "warming up")
        for group in groups:
            if not group.subjects:
                continue
            with group.running():
                for subject in group.subjects:
                    if number:
                        subject.round(options)
                    else:
                        subject.load(options, WARM_UP, BASE)
    print_loads(subjects)
    print_cpu(subjects)
    print_requests(subjects)
    print_stages(subjects)
    found = ratios(subjects) | batches(subjects)
    print_ratios(found)
    return {"subjects": {each.name: {"what": each.what, "loads": each.points}
                         for each in subjects}, "ratios": found}


def measure(options):
    options.words = options.only.split()
    unknown = set(options.words) - set(SECTIONS)
    if unknown:
        raise Failure(f"--only knows {', '.join(SECTIONS)}; not {unknown.pop()}")
    if not set(options.words) & set(SUBJECTS):
        raise Failure(f"--only must name one of {', '.join(SUBJECTS)}")
    options.connections = [int(n) for n in options.connections.split()]
    options.pids = named_pids(options.pids)
    options.dir.mkdir(parents=True, exist_ok=True)
    report = circumstances() | {"seconds": options.seconds, "rounds": options.rounds}
    with contextlib.ExitStack() as stack:
        groups = [Sluice(options, programs, suffix)
                  for programs, suffix in builds(options.bin.split())]
        groups.append(Servers(options, stack))
        report |= measure_rounds(options, groups)
    return report


def arguments():
    parser = argparse.ArgumentParser(prog="over_http.py", description=__doc__)
    parser.add_argument("--seconds", type=int, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--connections", required=True, help="numbers")
    parser.add_argument("--only", required=True, help="subjects and sections")
    parser.add_argument("--json", default="", help="file for the figures")
    parser.add_argument("--partitions", type=int, required=True, help="of the log")
    parser.add_argument("--bin", required=True, help="folders of the daemons")
    parser.add_argument("--tools", required=True, help="folder of load, direct, requests.so")
    parser.add_argument("--config-of", required=True, help="path with % for the daemon")
    parser.add_argument("--pids", required=True, help="of the servers: name=pid ...")
    parser.add_argument("--url", required=True, help="of the primary")
    parser.add_argument("--table", required=True, help="of the subject direct")
    parser.add_argument("--servers", required=True, help="Kafka's")
    parser.add_argument("--dir", type=Path, required=True, help="for logs")
    parser.add_argument("--port-base", type=int, required=True, help="ports from this one on")
    return parser.parse_args()


main(measure, arguments())
