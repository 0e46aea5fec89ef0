"""INV-1: a value older than a commit that the instance has heard of is never
served, however late the replica is."""

import random
import threading
import time

import pytest
from harness.crowd import Background, in_threads
from harness.replica import replay_paused, replica_caught_up


@pytest.fixture(autouse=True)
def replica_is_current(world):
    yield
    replica_caught_up(world)


def waited(client, key, value):
    answer = client.put(key, value, prefer="wait=10")
    assert answer.status in (200, 201), answer
    return answer


def test_a_replica_that_is_current_answers(world, http, api):
    waited(http, "current", "one")
    replica_caught_up(world)
    before = api.metrics()
    answer = http.get("current")
    assert answer.cache == "sluice; fwd=miss; detail=replica"
    assert http.read("current").json()["cache_level"] == "L1"
    after = api.metrics()
    behind = "sluice_replica_behind_total"
    assert after[behind] == before[behind]


def test_a_replica_that_is_behind_is_passed_over(world, http, other_api, api):
    """B2 of the seeds: their caches were filled with what a late replica said."""
    key = "behind"
    waited(http, key, "old")
    replica_caught_up(world)
    with replay_paused(world):
        position = waited(http, key, "new").position
        before = api.metrics()
        answer = http.get(key)
        assert answer.json()["value"] == "new"
        assert answer.cache == (
            "sluice; fwd=miss; detail=primary, replica; detail=behind"
        )
        after = api.metrics()
        behind = "sluice_replica_behind_total"
        assert after[behind] - before[behind] == 1
        assert http.get(key).tier == "l1"
        # What was put into Redis is the primary's, too.
        world.wait_projected()
        other = other_api.http.get(key, Sluice_Read_After=position)
        assert (other.tier, other.json()["value"]) == ("redis", "new")
        # What nobody has written since the pause, the replica may answer still.
        assert other_api.http.get("behind, nobody").status == 404
    replica_caught_up(world)
    waited(http, key, "newer")
    replica_caught_up(world)
    answer = http.get(key)
    assert (answer.tier, answer.json()["value"]) == ("replica", "newer")


def test_created_and_deleted_while_the_replica_is_behind(world, http):
    waited(http, "deleted", "one")
    replica_caught_up(world)
    with replay_paused(world):
        waited(http, "created", "one")
        assert http.delete("deleted", prefer="wait=10").status == 204
        for _ in range(2):
            assert http.value("created") == "one"
            assert http.value("deleted") is None
        read = http.read("created").json()
        assert (read["value"], read["from_replica"]) == ("one", False)


def test_read_your_writes_by_another_instance(world, http, other_api):
    with replay_paused(world):
        for i in range(10):
            position = http.put("yours", f"value {i}").position
            answer = other_api.http.get("yours", Sluice_Read_After=position)
            assert answer.json()["value"] == f"value {i}"
            assert answer.tier == "primary"


def test_a_fill_from_a_late_replica_does_not_stay(world, http, servers):
    """An instance that has just begun knows no commit but the last mark: what it
    reads from the late replica is at least as new as that."""
    waited(http, "fresh", "old")
    replica_caught_up(world)
    with replay_paused(world):
        waited(http, "fresh", "new")
        fresh = world.api()
        assert fresh.http.value("fresh") == "new"
        fresh.stop()
    world.daemons.remove(fresh)


SECONDS = 8


def test_no_stale_read_under_load(world, servers, http, other_api):
    """Writers that wait, readers on both instances; the replica is paused again
    and again, and Redis is emptied.

    A reader notes what was committed before it asks: what it gets must not be
    older. On the other instance it asks for the position.
    """
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    keys = [f"load {i}" for i in range(12)]
    heard = {key: (0, None) for key in keys}  # newest value known committed
    count = {"reads": 0, "writes": 0}
    tiers = set()
    lock = threading.Lock()
    end = time.monotonic() + SECONDS

    def writer(number):
        mine, value = keys[number::3], 0
        rng = random.Random(seed + number)

        def step():
            nonlocal value
            value += 1
            key = rng.choice(mine)
            answer = waited(http, key, str(value))
            with lock:
                heard[key] = (value, answer.position)
                count["writes"] += 1

        return step

    def reader(number, client, by_position):
        rng = random.Random(seed - number)

        def step():
            key = rng.choice(keys)
            with lock:
                least, position = heard[key]
            if position is None:
                return
            more = {"Sluice_Read_After": position} if by_position else {}
            answer = client.get(key, **more)
            assert answer.status == 200, answer
            got = int(answer.json()["value"])
            assert got >= least, f"{key}: {got} after {least}: {answer}"
            with lock:
                count["reads"] += 1
                tiers.add(answer.tier)

        return step

    loops = [writer(i) for i in range(3)]
    loops += [reader(1, http, False), reader(2, http, False)]
    loops += [reader(3, other_api.http, True), reader(4, other_api.http, True)]
    rounds = 0
    with Background(*loops) as background:
        while time.monotonic() < end and not background.errors:
            with replay_paused(world):
                background.ended.wait(0.4)
            background.ended.wait(0.4)
            rounds += 1
            if rounds % 3 == 0:
                servers.redis().flushall()
    print(count, tiers)
    assert count["reads"] > 200 and count["writes"] > 50
    assert {"l1", "redis", "primary"} <= tiers


def test_many_keys_while_paused(world, http, other_api):
    """A bucket collision costs an extra read, never a stale one."""
    keys = [f"wide {i}" for i in range(300)]
    in_threads(8, keys, lambda key: http.put(key, "old"))
    replica_caught_up(world)
    with replay_paused(world):
        answers = in_threads(8, keys[::2], lambda key: http.put(key, "new"))
        places = dict(zip(keys[::2], (a.position for a in answers)))
        for client in (http, other_api.http):
            for key in keys:
                want, more = "old", {}
                if key in places:
                    want, more = "new", {"Sluice_Read_After": places[key]}
                assert client.value(key, **more) == want, key
