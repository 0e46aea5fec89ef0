"""One hostile client stops nobody (docs/operations.md, "One client and the others").

Against the release build with its default limits: while the attack goes on,
ordinary clients are answered, 99 of 100 within 100 ms, writes included, without
an error; the memory of the api stays bounded, and no loop stands still for long.
"""

import contextlib
import pathlib
import re
import threading
import time

import attacks
import pytest
from harness.wait import wait_until
from neighbours import KEY, Neighbours

P99_S = 0.1
STALL_S = 0.5  # of any loop, over all attacks
LEAST_S = 2  # an attack that is over sooner is repeated
MEMORY_KB = 512 * 1024
ROUNDS = 3  # a shared machine is not always ours: the best of so many counts

ATTACKS = [
    attacks.half_sent_bodies,
    attacks.unread_pages,
    attacks.slow_patterns,
    attacks.deep_documents,
    attacks.equal_hashes,
    attacks.long_numbers,
    attacks.odd_requests,
    attacks.resets,
    attacks.idle_connections,
    attacks.slow_bulks,
    attacks.feeds,
]


@pytest.fixture(scope="module")
def api(world):
    world.collections += f":{pathlib.Path(__file__).parent}/collections"
    world.migrate()
    api = world.start_all()
    api.http.put(KEY, "warm", prefer="wait=20")
    large = "x" * 120_000
    for i in range(40):
        body = '{"number":%d,"object":{"text":"%s"}}' % (i, large)
        answer = api.http.request(
            "PUT",
            f"/v1/evil/large{i}",
            body,
            {"Content-Type": "application/json", "Prefer": "wait=20"},
        )
        assert answer.status == 201, answer
    return api


def memory_kb(api, name="VmRSS"):
    with open(f"/proc/{api.pid}/status") as status:
        return int(re.search(rf"{name}:\s+(\d+)", status.read())[1])


def forget_peak(api):
    with open(f"/proc/{api.pid}/clear_refs", "w") as f:
        f.write("5")


def round_of(attack, api):
    """The neighbours, as they fared during an attack."""
    failed = []

    def run():
        attacks.gently()
        end = time.monotonic() + LEAST_S
        try:
            while True:
                attack(api)
                if time.monotonic() > end:
                    break
        except BaseException as e:
            failed.append(e)

    with Neighbours(api.http.port) as neighbours:
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(100)
        assert not thread.is_alive(), "the attack did not end"
    if failed:
        raise failed[0]
    return neighbours


def export_begins(api):
    with contextlib.closing(attacks.connect(api.http.port, "127.0.0.77")) as s:
        s.sendall(attacks.head("GET", "/v1/products", None, "Accept: application/x-ndjson"))
        return s.recv(100).startswith(b"HTTP/1.1 200")


def commits(api):
    return api.http.put("after", "x", prefer="wait=5").status in (200, 201)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.__name__)
@pytest.mark.seconds(400)
def test_others_are_served(api, attack):
    rounds = []
    for _ in range(ROUNDS):
        forget_peak(api)
        n = round_of(attack, api)
        api.check_alive()
        assert not n.errors, (len(n.errors), n.errors[:3])
        peak = memory_kb(api, "VmHWM")
        assert peak < MEMORY_KB, f"{peak} kB"
        rounds.append(n.p99)
        print(
            f"{attack.__name__}: {n.count} requests beside it, p99 "
            f"{n.p99 * 1e3:.1f} ms, worst {n.worst * 1e3:.0f} ms, peak {peak} kB"
        )
        if n.p99 < P99_S:
            break
    else:
        raise AssertionError(f"p99 of each round: {rounds}")
    # What it took is given back: the next client of any kind is served.
    wait_until(lambda: export_begins(api), 20, "an export for somebody else")
    wait_until(lambda: commits(api), 20, "the writer goes on")


def test_lists_are_served(api):
    """Whatever was stored by then, pages by price have a next one."""
    answer = api.http.request("GET", "/v1/products?order=price&limit=5")
    assert answer.status == 200, answer


def test_no_loop_stood_still(world):
    for daemon in world.daemons:
        stall = daemon.metrics()["sluice_loop_stall_max_seconds"]
        print(f"{daemon.name}: a loop stood still for {stall * 1e3:.0f} ms at most")
        assert stall < STALL_S, daemon.name
