"""The measurement behind tests/bench/recovery, which starts the servers and calls this.

Two instances of each daemon run under a light load of writes and reads. A fault is
done to a part, or to two at once; then both instances are asked, again and again,
whether they work. A daemon that ends by itself is started again, and the report
names it. The clock begins

  kill, restart of a daemon   with the signal: it is started again at once
  lost                        with SIGKILL: nobody starts it again
  kill, restart of a server   when it answers: its boot is told beside
  stop                        with SIGCONT, after STOPPED_S seconds of SIGSTOP
"""

import argparse
import contextlib
import itertools
import json
import random
import re
import signal
import statistics
import subprocess
import threading
import time
from pathlib import Path

from common import Failure, circumstances, main, print_rows, say
from daemon import Client, Daemon

STOPPED_S = 8
PATIENCE = 120  # seconds that a recovery may take
CALM_S = 1  # between two faults
PARTITIONS = 2
LOAD_PAUSE_S = 0.01
DAEMONS = ("api", "api-2", "writer", "writer-2", "projector", "projector-2")
SERVERS = ("primary", "replica", "redis", "kafka")
KINDS = ("api", "writer", "projector", *SERVERS)
TWINS = (("api", "api-2"), ("writer", "writer-2"), ("projector", "projector-2"))


# --- the load -----------------------------------------------------------------


class Load(threading.Thread):
    """Writes that wait for nothing, and reads, through one instance."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.client = Client(port)
        self.over = threading.Event()
        self.start()

    def run(self):
        rng = random.Random(self.client.port)
        while not self.over.wait(LOAD_PAUSE_S):
            key = f"load-{rng.randrange(1000)}"
            if rng.random() < 0.5:
                self.client.put(key, f"{rng.random()}")
            else:
                self.client.ask("GET", f"/v1/records/{key}")


# --- the parts ----------------------------------------------------------------


class Keeper(threading.Thread):
    """Starts daemons again that end by themselves, as compose/lib/keep does."""

    PAUSE_S = 0.5  # as its first pause

    def __init__(self, daemons):
        super().__init__(daemon=True)
        self.daemons = daemons
        self.over = threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(0.05):
            for daemon in self.daemons:
                code = daemon.process.poll() if daemon.kept else None
                if code is not None:
                    say(f"{daemon.name} ended by itself, exit code {code}: started again")
                    time.sleep(self.PAUSE_S)
                    daemon.start()


class Server:
    def __init__(self, name, options):
        self.name = name
        self.options = options

    def part(self, what, tries=1):
        done = subprocess.run([self.options.part, what, self.name], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        if done.returncode and tries > 1:
            self.part(what, tries - 1)
        elif done.returncode:
            raise Failure(f"{what} {self.name}: {done.stdout}{done.stderr}")

    def start(self):
        """On a busy machine Kafka boots for longer than compose/part waits."""
        self.part("start", tries=3)


class Stack:
    def __init__(self, options):
        options.dir.mkdir(parents=True, exist_ok=True)
        self.daemons = [Daemon(name, options.bin, options, n) for n, name in enumerate(DAEMONS)]
        self.parts = {d.name: d for d in self.daemons}
        self.parts |= {name: Server(name, options) for name in SERVERS}
        self.ports = [d.port for d in self.daemons if d.port]
        self.keys = {}  # by partition

    def start(self):
        for daemon in self.daemons:
            daemon.start()
        for daemon in self.daemons:
            daemon.ready()
        client = Client(self.ports[0])
        for n in itertools.count():
            answer = client.put(f"key-{n}", "first", Prefer="wait=10")
            if answer and answer[0] in (200, 201, 202):
                self.keys.setdefault(int(answer[1]["Sluice-Position"].split("-")[0]), f"key-{n}")
            if len(self.keys) == PARTITIONS:
                return
            if n > 1000:
                raise Failure(f"no write is taken: {answer}")

    def end(self):
        for daemon in self.daemons:
            if daemon.process and daemon.process.poll() is None:
                daemon.signal(signal.SIGCONT)
                daemon.end(signal.SIGTERM)

    def settle(self):
        """Everything works, and the members share the partitions."""
        works(self, time.monotonic())
        deadline = time.monotonic() + PATIENCE
        while set(self.partitions().values()) != {PARTITIONS // 2}:
            if time.monotonic() > deadline:
                raise Failure(f"the partitions are not shared: {self.partitions()}")
            time.sleep(0.1)
        time.sleep(CALM_S)

    def partitions(self):
        """How many partitions each member of a group has; None: it does not answer."""
        return {d.name: d.partitions() for d in self.daemons if d.kind != "api"}


# --- is it well? --------------------------------------------------------------


def commits(port, key, since):
    """Waits until a write that began after `since` is committed."""
    client = Client(port)
    while time.monotonic() < since + PATIENCE:
        answer = client.put(key, f"{time.monotonic()}", Prefer="wait=2")
        if answer and answer[0] in (200, 201):
            client.close()
            return
        time.sleep(0.02)
    raise Failure(f"no write of {key} commits through {port}")


def not_whole(client):
    """Why reads are not: what /health says, or which tier a key that nobody knows
    was not looked for in. None: it is healthy, and the replica was asked last."""
    answer = client.ask("GET", "/health")
    if answer is None:
        return "/health does not answer"
    health = json.loads(answer[2])
    if health["status"] != "healthy":
        return "; ".join(health["reasons"])
    answer = client.ask("GET", f"/v1/records/absent-{random.getrandbits(60)}")
    if answer is None or answer[0] != 404:
        return f"a read is {answer and answer[0]}"
    said = answer[1].get("Cache-Status", "")
    whole = "detail=replica" in said and "down" not in said and "behind" not in said
    return None if whole else said


def reads(port, since, why):
    """Waits until they are whole; `why` gets the last reason why they were not."""
    client = Client(port)
    while time.monotonic() < since + PATIENCE:
        reason = not_whole(client)
        if reason is None:
            client.close()
            return
        why[port] = f"{time.monotonic() - since:.1f} s: {reason}"
        time.sleep(0.02)
    raise Failure(f"the instance at {port} is not healthy: {why[port]}")


class Timed(threading.Thread):
    def __init__(self, what, *args):
        super().__init__(daemon=True)
        self.what, self.args = what, args
        self.ended = self.failure = None
        self.start()

    def run(self):
        try:
            self.what(*self.args)
            self.ended = time.monotonic()
        except Failure as failure:
            self.failure = failure


def works(stack, since):
    """Seconds from `since` until commits flow everywhere, and until reads are whole."""
    writing = [Timed(commits, port, key, since)
               for port in stack.ports for key in stack.keys.values()]
    why = {}
    reading = [Timed(reads, port, since, why) for port in stack.ports]
    for each in writing + reading:
        each.join()
        if each.failure:
            raise each.failure
    return {"commits": max(t.ended for t in writing) - since,
            "reads": max(t.ended for t in reading) - since,
            "why": sorted(why.values())}


# --- faults -------------------------------------------------------------------


def kill(parts):
    return again(parts, signal.SIGKILL, "kill")


def restart(parts):
    return again(parts, signal.SIGTERM, "stop")


def again(parts, number, word):
    """Ended and started again: when the clock begins, and how long servers booted."""
    since = time.monotonic()
    servers = [p for p in parts if isinstance(p, Server)]
    for part in parts:
        part.part(word) if part in servers else part.end(number)
    for part in parts:
        if part not in servers:
            part.start()
    boot = time.monotonic()
    for part in servers:
        part.start()
    now = time.monotonic()
    return (now, now - boot) if servers else (since, 0)


def stop(parts):
    for part in parts:
        part.part("pause") if isinstance(part, Server) else part.signal(signal.SIGSTOP)
    time.sleep(STOPPED_S)
    for part in parts:
        part.part("resume") if isinstance(part, Server) else part.signal(signal.SIGCONT)
    return time.monotonic(), 0


def lost(parts):
    since = time.monotonic()
    for part in parts:
        part.end(signal.SIGKILL)
    return since, 0


def faults(options):
    """(name, what is done, the names of the parts)"""
    singles = [(what, (kind,)) for what in (kill, stop, restart) for kind in KINDS]
    singles += [(lost, (kind,)) for kind in ("writer", "projector")]
    pairs = [(what, pair) for what in (kill, stop, restart)
             for pair in (*TWINS, *itertools.combinations(KINDS, 2))]
    words = options.only.split()
    for what, parts in singles + (pairs if options.pairs else []):
        name = f"{what.__name__} {' + '.join(parts)}"
        if not words or any(word in name.split() for word in words):
            yield name, what, parts


def measure_one(stack, what, parts):
    since, boot = what([stack.parts[name] for name in parts])
    figures = works(stack, since) | {"boot": boot}
    if what is lost:
        for name in parts:
            stack.parts[name].start()
    stack.settle()
    return figures


# --- the report ---------------------------------------------------------------


def summary(rounds):
    return {key: {"median": statistics.median(r[key] for r in rounds),
                  "worst": max(r[key] for r in rounds)}
            for key in ("commits", "reads", "boot")}


def row(name, rounds):
    figures = summary(rounds)
    cells = [f"{figures[key][which]:.1f}" for key in ("commits", "reads")
             for which in ("median", "worst")]
    boot = figures["boot"]["median"]
    return [name, *cells, f"{boot:.1f}" if boot else "", str(len(rounds))]


def measure(options):
    stack = Stack(options)
    found = {}
    with contextlib.ExitStack() as end:
        end.callback(stack.end)
        stack.start()
        keeper = Keeper(stack.daemons)
        end.callback(keeper.over.set)
        loads = [Load(port) for port in stack.ports]
        end.callback(lambda: [load.over.set() for load in loads])
        stack.settle()
        for _ in range(options.rounds):
            for name, what, parts in faults(options):
                figures = measure_one(stack, what, parts)
                found.setdefault(name, []).append(figures)
                say(f"{name}: commits {figures['commits']:.2f} s, reads {figures['reads']:.2f} s"
                    f" {figures['why'][-1:]}")
    head = ["fault", "commits", "worst", "reads", "worst", "boot", "rounds"]
    print_rows([head, *(row(name, rounds) for name, rounds in found.items())])
    return {**circumstances(), "stopped_s": STOPPED_S,
            "faults": {name: {**summary(r), "rounds": r} for name, r in found.items()}}


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--pairs", type=int, required=True)
    parser.add_argument("--only", required=True)
    parser.add_argument("--json", required=True)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--config-of", required=True)
    parser.add_argument("--part", required=True)
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--port-base", type=int, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main(measure, parse_arguments())
