"""SIGTERM: no new work, what is in hand is finished, exit code 0 in time. (The
harness demands the code of every daemon of every test.)"""

import http.client
import json
import os
import select
import signal
import socket
import subprocess
import threading

import harness.daemon
import pytest
from confluent_kafka.admin import NewPartitions
from harness import history
from harness.crowd import Background, in_threads
from harness.deployment import QUICK_GROUP
from harness.wait import Stopwatch, wait_until


# Rounds of test_rolling_restarts.
ROLLS = int(os.environ.get("SLUICE_TEST_ROLLS", "2"))
JSON = "Content-Type: application/json\r\n"
JSON_HEADER = {"Content-Type": "application/json"}
POST = b'{"title":"t","content":"c","author":"a"}'
HEAD = f"PUT /v1/records/half HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n{JSON}"


class Wire:
    """A connection, byte for byte: nothing is sent twice, no end is hidden."""

    def __init__(self, api):
        self.socket = socket.create_connection(("127.0.0.1", api.http.port), 30)
        self.rest = b""

    def close(self):
        self.socket.close()

    def send(self, method, path, body=b"", head=""):
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        text = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{head}{length}\r\n"
        self.socket.sendall(text.encode() + body)
        return self

    def _more(self):
        piece = self.socket.recv(65536)
        self.rest += piece
        return bool(piece)

    def answer(self):
        """Status and headers; None: it was closed instead. A reset raises."""
        while b"\r\n\r\n" not in self.rest:
            if not self._more():
                assert self.rest == b""
                return None
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        status = int(first.split()[1])
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
        length = 0 if status in (204, 304) else int(headers["content-length"])
        while len(self.rest) < length:
            assert self._more(), "the body ended early"
        self.rest = self.rest[length:]
        return status, headers

    def is_last_answer(self, status):
        """It is that one, says that it is the last, and then comes the end."""
        found, headers = self.answer()
        assert (found, headers.get("connection")) == (status, "close")
        return self.answer() is None

    def has_ended(self):
        """As far as is known: what a pool of connections looks at."""
        return bool(select.select([self.socket], [], [], 0)[0])


class Roller:
    """A client of several instances. It goes to another one when it is refused, once;
    everything else that is no answer is an error."""

    def __init__(self, number, apis):
        self.number = number
        self.apis = apis
        self.wire = None
        self.answered = self.refused = 0

    def connect(self):
        i = self.number + self.answered
        try:
            return Wire(self.apis[i % 2])
        except ConnectionRefusedError:
            self.refused += 1
            return Wire(self.apis[(i + 1) % 2])

    def once(self):
        if self.wire and self.wire.has_ended():
            self.wire.close()
            self.wire = None
        self.wire = self.wire or self.connect()
        path = f"/v1/records/roll-{self.number}"
        if self.answered % 2:
            self.wire.send("PUT", path, b'{"value":"x"}', JSON)
        else:
            self.wire.send("GET", path)
        answer = self.wire.answer()
        assert answer, "closed without an answer"
        status, headers = answer
        assert status in (200, 202, 404), answer
        self.answered += 1
        # Some keep no connection, so that the listeners have something to do.
        if self.number % 4 == 0 or headers.get("connection") == "close":
            self.wire.close()
            self.wire = None


class Ask(threading.Thread):
    """A request in the background."""

    def __init__(self, act):
        super().__init__(daemon=True)
        self.act = act
        self.answer = None
        self.start()

    def run(self):
        self.answer = self.act()

    def result(self, deadline=20):
        self.join(deadline)
        assert self.answer is not None, "no answer"
        return self.answer


def parked(api, n):
    wait_until(
        lambda: api.metrics()["sluice_parked_requests"] == n, 10, f"{n} are parked"
    )


def test_parked_requests_are_answered(deployment):
    """A write that waits for its commit gets its receipt, a read that waits for
    a position is told that it is not reached."""
    api = deployment.start_all()
    (writer,) = deployment.of("writer")
    assert api.http.put("before", "one", prefer="wait=10").status == 201
    writer.sigstop()
    late = api.http.put("late", "one").position
    asks = [Ask(lambda: api.http.put("waits", "one", prefer="wait=30")) for _ in range(5)]
    reads = [Ask(lambda: api.http.get("late", Sluice_Read_After=late)) for _ in range(3)]
    parked(api, 8)
    with Stopwatch() as t:
        api.sigterm()
        for ask in asks:
            answer = ask.result()
            assert answer.status == 202 and answer.position, answer
            assert answer.header("Connection") == "close"
        for ask in reads:
            answer = ask.result()
            assert (answer.status, answer.problem) == (503, "position-not-reached")
        assert api.wait_exit() == 0
    assert t.seconds < 10
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", api.http.port), 2)
    writer.sigcont()
    # The receipts were true.
    other = deployment.api()
    positions = ", ".join(ask.answer.position for ask in asks)
    assert other.http.value("waits", Sluice_Read_After=positions) == "one"


def test_idle_connections_do_not_hold_it_up(deployment):
    api = deployment.start_all()
    idle = [socket.create_connection(("127.0.0.1", api.http.port)) for _ in range(20)]
    half = socket.create_connection(("127.0.0.1", api.http.port))
    half.sendall(b"PUT /v1/records/half HTTP/1.1\r\nHost: localhost\r\nContent-Le")
    api.http.request("GET", "/v1")
    with Stopwatch() as t:
        api.stop()
    assert t.seconds < 8
    for s in [*idle, half]:
        s.close()


def test_sigint_and_twice(deployment):
    deployment.start_all()
    for daemon in deployment.daemons:
        daemon.signal(signal.SIGINT)
        daemon.signal(signal.SIGTERM)
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_exit() == 0
        assert len(daemon.events("drain")) == 1
        assert len(daemon.events("stop")) == 1


def test_the_api_under_load(deployment):
    """Every answer that a client got is true; two instances roll without a gap."""
    deployment.start_all(apis=2)
    first, second = deployment.of("api")
    load = history.Load([second.http], 10**9, keys=100, seed=1, threads=4)
    answered = []
    lock = threading.Lock()

    def hammer(number):
        """Until the server is gone; the last request may be without an answer."""
        for i in range(10**6):
            attempt = history.Attempt(f"hammer {number}", f"{number}.{i}")
            try:
                answer = first.http.put(attempt.key, attempt.value)
            except (OSError, http.client.HTTPException):
                return
            assert answer.status in (202, 503), answer
            attempt.result = "acked" if answer.status == 202 else "unknown"
            attempt.position = answer.position
            with lock:
                answered.append(attempt)

    load.start()
    threads = [Ask(lambda n=n: hammer(n) or True) for n in range(8)]
    wait_until(lambda: len(answered) > 200, 30, "writes")
    first.stop()
    for thread in threads:
        thread.result()
    load.total = load.acked
    load.join(30)
    load.attempts += answered
    history.settle(deployment)
    log = history.Log(deployment)
    history.check_answers(load, log)
    history.check_rows(deployment, log)


@pytest.mark.seconds(200)
def test_the_writer_and_the_projector_under_load(deployment):
    """What they had in hand is finished: who comes after finds nothing to mend."""
    api = deployment.start_all(settings=QUICK_GROUP)
    (writer,), (projector,) = deployment.of("writer"), deployment.of("projector")
    history.audited(deployment)
    load = history.Load([api.http], 10**9, keys=200, seed=2, threads=6).start()
    for _ in range(3):
        least = load.acked + 300
        wait_until(lambda: load.errors or load.acked > least, 30, "writes go on")
        for daemon in (writer, projector):
            daemon.restart()
        assert writer.metrics()["sluice_writer_reannounced_total"] == 0
        assert projector.metrics()["sluice_projector_jumps_total"] == 0
    load.total = load.acked
    load.join(30)
    history.check_everything(deployment, load, [api])


def test_the_writer_while_the_primary_is_away(deployment, servers):
    """It cannot finish its batch, and does not wait for that: the log has it."""
    api = deployment.start_all()
    (writer,), (projector,) = deployment.of("writer"), deployment.of("projector")
    with servers.away("primary"):
        receipt = api.http.put("away", "one")
        assert receipt.status == 202
        wait_until(lambda: writer.readiness()[0] == 503, 10, "it has noticed")
        writer.stop(deadline=25)
        api.stop()
        projector.stop()
    api.start()
    writer.start()
    assert api.http.value("away", Sluice_Read_After=receipt.position) == "one"


@pytest.mark.seconds(200)
def test_all_three_while_kafka_and_redis_are_away(deployment, servers):
    api = deployment.start_all()
    assert api.http.put("key", "one", prefer="wait=10").status == 201
    with servers.away("kafka", "kill"), servers.away("redis", "kill"):
        answer = api.http.get("key")
        assert answer.status == 200
        in_threads(3, deployment.daemons, lambda daemon: daemon.stop(deadline=25))


def test_while_it_still_waits_for_its_servers(deployment):
    nowhere = {
        "primary.url": "postgresql://u@127.0.0.1:1/db",
        "redis.url": "redis://127.0.0.1:1",
        "kafka.bootstrap.servers": "127.0.0.1:1",
        "log.format": "json",
    }
    for kind in ("api", "writer", "projector"):
        daemon = deployment.daemon(kind, nowhere).start(ready=False)
        daemon.wait_alive()
        daemon.stop(deadline=20)
        lines = [json.loads(line) for line in daemon.text().splitlines()]
        assert {"start", "kafka.error", "drain", "stop"} <= {each["ev"] for each in lines}
        assert all(list(each)[:4] == ["ts", "level", "daemon", "ev"] for each in lines)


# --- without a reset -------------------------------------------------------------


def drains(api):
    """It has begun: in the state that a client sees, new connections are refused."""
    wait_until(lambda: not accepts(api), 10, "new connections are refused")


def accepts(api):
    try:
        Wire(api).close()
    except ConnectionRefusedError:
        return False
    return True


def test_what_is_queued_is_answered(deployment):
    """Connections that wait in the listeners, with a request and without one yet."""
    api = deployment.daemon("api", {"drain.linger": "3s"}).start()
    # No thread runs, so the kernel alone takes the connections.
    api.sigstop()
    early = [Wire(api).send("GET", "/openapi.json") for _ in range(40)]
    late = [Wire(api) for _ in range(40)]
    api.sigterm()
    api.sigcont()
    drains(api)
    for wire in late:
        wire.send("GET", "/openapi.json")
        assert wire.is_last_answer(200)
    # The first of them were answered before a thread heard of the drain.
    for wire in early:
        assert wire.answer()[0] == 200 and wire.answer() is None
    assert api.wait_exit() == 0


def test_kept_connections_are_told(deployment):
    """A request that comes in the drain is answered; the answer says that it is the
    last one, wherever it comes from."""
    api = deployment.start_all()
    assert api.http.put("key", "one", prefer="wait=10").status == 201
    api.http.get("key")
    wait_until(lambda: api.http.get("key").tier == "l1", 10, "it is in L1")
    api.stop()
    api.settings["drain.linger"] = "3s"
    api.start()
    wait_until(lambda: api.http.get("key").tier == "l1", 10, "it is in L1 again")
    tag = api.http.request("GET", "/openapi.json").header("ETag")
    asks = [
        ("GET", "/v1/records/key", b"", "", 200),
        ("GET", "/v1/records/none", b"", "", 404),
        ("GET", "/v1/records", b"", "", 200),
        ("GET", "/openapi.json", b"", "", 200),
        ("GET", "/openapi.json", b"", f"If-None-Match: {tag}\r\n", 304),
        ("GET", "/v1/nothing", b"", "", 404),
        ("PUT", "/v1/records/new", b'{"value":"x"}', JSON, 202),
        ("POST", "/v1/records", b'[{"key":"a","value":"x"}]', JSON, 202),
    ]
    wires = [Wire(api) for _ in asks]
    idle = Wire(api)
    for wire in [*wires, idle]:
        assert wire.send("GET", "/v1/records/key").answer()[0] == 200
    api.sigterm()
    drains(api)
    for wire, (method, path, body, head, status) in zip(wires, asks):
        wire.send(method, path, body, head)
        # What is behind it gets no answer, and no reset that overtakes the first.
        wire.send("GET", "/v1/records/behind")
        assert wire.is_last_answer(status), path
    # It is closed in time, and in order.
    assert idle.answer() is None
    assert api.wait_exit() == 0


def test_the_delay(deployment):
    """A balancer sees it first; until then all goes on."""
    api = deployment.daemon("api", {"drain.delay": "4s"}).start()
    kept = Wire(api)
    api.sigterm()
    wait_until(lambda: api.readiness() == (503, "draining\n"), 3, "it says so")
    with Stopwatch() as t:
        for wire in (kept, Wire(api)):
            status, headers = wire.send("GET", "/v1/records/key").answer()
            assert status == 404 and "connection" not in headers
        api.sigterm()
        assert not api.process.poll()
        assert api.wait_exit() == 0
    assert 2 < t.seconds < 8
    assert "delay_ms=4000" in api.events("drain")[0]
    with pytest.raises(ConnectionRefusedError):
        Wire(api)


def test_when_it_listens(deployment, servers):
    """First when it is ready, or at once."""
    first = deployment.daemon("api")
    second = deployment.daemon("api", {"listen.when": "start"})
    third = deployment.daemon("api")
    with servers.away("primary"):
        for api in (first, second, third):
            api.start(ready=False)
            api.wait_alive()
        assert "the public listener is not open yet\n" in first.readiness()[1]
        assert not accepts(first) and not first.events("listen")
        wait_until(lambda: accepts(second), 10, "it listens")
        assert "listener" not in second.readiness()[1]
        assert second.http.request("GET", "/v1").status == 200
        third.stop()
    for api in (first, second):
        api.wait_ready()
        assert accepts(api) and len(api.events("listen")) == 1


def test_two_on_one_port(deployment, servers):
    """Who listens first has it, though both were started before."""
    first, second = deployment.daemon("api"), deployment.daemon("api")
    second.settings["http.listen"] = first.settings["http.listen"]
    with servers.away("primary"):
        for api in (first, second):
            api.start(ready=False)
            api.wait_alive()
    loser = wait_until(
        lambda: next((d for d in (first, second) if d.events("api.fatal")), None), 30, "one"
    )
    loser.ends_by_itself(1)
    assert "in use" in loser.events("api.fatal")[0]
    (first if loser is second else second).wait_ready()


def test_a_request_that_does_not_arrive(deployment):
    """It is waited for during half of drain.timeout."""
    api = deployment.daemon("api", {"drain.timeout": "8s"}).start()
    wires = [Wire(api) for _ in range(4)]
    for wire, text in zip(wires, ("", "PUT /v1/rec", HEAD, f"{HEAD}\r\n{{")):
        wire.socket.sendall(text.encode())
    wait_until(lambda: api.metrics()["sluice_http_connections"] == 4, 10, "all are in")
    api.stop()
    for wire in wires:
        wire.close()


def test_a_key_that_does_not_come(deployment):
    """The primary gives none: a drain does not wait long for it."""
    deployment.sql("ALTER FUNCTION sluice.reserve RENAME TO elsewhere")
    api = deployment.api({"read.timeout": "60s"})
    ask = Ask(lambda: api.http.request("POST", "/v1/posts", POST, JSON_HEADER))
    parked(api, 1)
    api.stop()
    assert ask.result().problem == "store-unavailable"


@pytest.mark.seconds(100 + 20 * ROLLS)
def test_rolling_restarts(deployment):
    """Of two instances, whose clients go to the other one when they are refused."""
    deployment.start_all(apis=2)
    apis = deployment.of("api")
    for api in apis:
        api.stop()
        api.settings["drain.linger"] = "1s"
        api.start()
    crowd = [Roller(n, apis) for n in range(16)]

    def total(what):
        return sum(getattr(roller, what) for roller in crowd)

    with Background(*(roller.once for roller in crowd)) as load:
        for api in [*apis] * ROLLS:
            enough = total("answered") + 200
            wait_until(
                lambda n=enough: load.errors or total("answered") > n, 60, "load"
            )
            if load.errors:
                break
            api.restart()
    print(f"{2 * ROLLS} restarts: {total('answered')} answered, {total('refused')} refused")
    assert total("refused") > 0


# --- an end that hangs -------------------------------------------------------------

# From when the file is there. Nothing but the process's own end helps then; no
# signal reaches the thread.
HANGS = """
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
void rd_kafka_destroy(void *rk)
{
	void (*real)(void *) = (void (*)(void *))dlsym(RTLD_NEXT, "rd_kafka_destroy");
	sigset_t all;
	if (access(getenv("HANGS_FROM"), F_OK) != 0) {
		real(rk);
		return;
	}
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	for (;;)
		pause();
}
"""
LATE = 3
METADATA = {"kafka.topic.metadata.refresh.interval.ms": 500}


@pytest.fixture
def hanging(deployment, tmp_path, monkeypatch):
    """Starts daemons whose library, once the file is there, comes to no end."""
    library, file = tmp_path / "hangs.so", tmp_path / "now"
    subprocess.run(
        ["cc", "-D_GNU_SOURCE", "-shared", "-fPIC", "-x", "c", "-", "-o", library],
        input=HANGS,
        text=True,
        check=True,
    )
    # The sanitizer's library does not come first then, which it minds.
    monkeypatch.setattr(harness.daemon, "MORE_ASAN_OPTIONS", "verify_asan_link_order=0")
    made = {}

    def start(*kinds):
        file.unlink(missing_ok=True)
        for kind in kinds:
            group = {} if kind == "api" else {**QUICK_GROUP, **METADATA}
            if kind not in made:
                made[kind] = deployment.daemon(kind, {**group, "drain.timeout": "2s"})
            env = {"LD_PRELOAD": str(library), "HANGS_FROM": str(file)}
            made[kind].start(ready=False, env=env)
        for kind in kinds:
            made[kind].wait_ready()
        file.touch()
        return [made[kind] for kind in kinds]

    return start


def ends_late(daemon):
    assert daemon.wait_exit(15) == LATE, daemon.tail()
    assert daemon.text().endswith('ev=drain.late text="drain.timeout is over"\n')
    daemon.killed = True
    daemon.log.unlink()


def test_a_library_that_hangs(deployment, hanging):
    """After SIGTERM, and after an error that stops it, a daemon ends."""
    daemons = hanging("api", "writer", "projector")
    for daemon in daemons:
        daemon.sigterm()
    for daemon in daemons:
        ends_late(daemon)
    daemons = hanging("api", "writer")
    # The database is another log's, and the topic has grown: both say so, and end.
    deployment.sql("UPDATE sluice.log SET topic = 'another'")
    grown = NewPartitions(deployment.writes, deployment.partitions + 1)
    deployment.servers.kafka_admin.create_partitions([grown])
    for daemon in daemons:
        fatal = f"{daemon.kind}.fatal"
        wait_until(lambda d=daemon, e=fatal: d.events(e), 20, fatal)
    for daemon in daemons:
        ends_late(daemon)
