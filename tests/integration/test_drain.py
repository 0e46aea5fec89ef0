"""SIGTERM: no new work, what is in hand is finished, exit code 0 in time. (The
harness demands the code of every daemon of every test.)"""

import http.client
import signal
import socket
import subprocess
import threading

import harness.daemon
import pytest
from confluent_kafka.admin import NewPartitions
from harness import history
from harness.crowd import in_threads
from harness.deployment import QUICK_GROUP
from harness.wait import Stopwatch, wait_until


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
    half.sendall(b"PUT /v1/records/half HTTP/1.1\r\nHost: x\r\nContent-Le")
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
    }
    for kind in ("api", "writer", "projector"):
        daemon = deployment.daemon(kind, nowhere).start(ready=False)
        daemon.wait_alive()
        daemon.stop(deadline=20)


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
