"""One lookup for many requests, one query for many keys: by counters."""

from harness.burst import burst
from harness.client import key_path
from harness.counters import Moved
from harness.crowd import all_at_once
from harness.replica import behind, replica_caught_up
from harness.wait import wait_until

MANY = 1000

KEYS = "sluice_postgres_keys_total"
QUERIES = "sluice_postgres_queries_total"
LOOKUPS = "sluice_lookups_total"
COLLAPSED = "sluice_reads_collapsed_total"


def test_a_burst_for_one_cold_key_is_one_query(http, world, special_api, slow_replica):
    cold = special_api({**behind(slow_replica), "l2.ttl": "1ms"})
    position = http.put("flight", "one", prefer="wait=10").position
    replica_caught_up(world)
    assert cold.http.get("elsewhere", Sluice_Read_After=position).status == 404
    slow_replica.set(0.8)
    with Moved(cold) as moved:
        answers = burst(cold.http.port, [key_path("flight")] * MANY)
    slow_replica.set("pass")
    assert {(a.status, a.json()["value"]) for a in answers} == {(200, "one")}
    # Who came when it had landed was served by L1.
    joined = sum("collapsed" in a.cache for a in answers)
    late = sum(a.tier == "l1" for a in answers)
    assert joined + late == MANY - 1 and joined > MANY / 2
    assert moved[KEYS] == moved[QUERIES] == moved[LOOKUPS] == 1
    assert moved[COLLAPSED] == joined


def test_a_burst_for_an_absent_key_is_one_query_and_it_is_cached(
    world, special_api, slow_replica, api
):
    """An absent row is kept like any other, in L1 and in Redis."""
    cold = special_api({**behind(slow_replica)})
    slow_replica.set(0.5)
    with Moved(cold) as moved:
        answers = burst(cold.http.port, [key_path("nobody")] * 200)
    slow_replica.set("pass")
    assert {(a.status, a.problem) for a in answers} == {(404, "not-found")}
    assert moved[KEYS] == moved[QUERIES] == 1
    assert moved["sluice_redis_fills_total"] == 1
    world.wait_in_redis("nobody")
    with Moved(cold) as moved, Moved(api) as other:
        assert cold.http.get("nobody").tier == "l1"
        assert api.http.get("nobody").tier == "redis"
        assert api.http.get("nobody").tier == "l1"
    assert moved[KEYS] == moved[LOOKUPS] == 0
    assert other[KEYS] == 0
    assert other["sluice_redis_lookups_total", 'result="hit"'] == 1


def test_many_cold_keys_are_few_queries(special_api, servers, slow_replica):
    """While a query is under way, the next one gathers; to Redis they go in one
    write: it reads many commands at once."""
    cold = special_api(
        {**behind(slow_replica), "http.threads": 1, "pool.max_size": 2}
    )
    assert cold.http.get("warm up").status == 404
    before = servers.redis().info("stats")
    slow_replica.set(0.2)
    with Moved(cold) as moved:
        answers = burst(cold.http.port, [key_path(f"crowd {i}") for i in range(MANY)])
    slow_replica.set("pass")
    after = servers.redis().info("stats")
    assert {a.status for a in answers} == {404}
    assert moved[KEYS] == moved[LOOKUPS] == MANY
    assert moved[QUERIES] < MANY / 10, moved[QUERIES]

    def risen(name):
        return after[name] - before[name]

    assert risen("total_commands_processed") >= MANY
    assert risen("total_reads_processed") < risen("total_commands_processed") / 2


def test_concurrent_misses_share_their_results(http, world, special_api, slow_replica):
    """By threads that read as soon as they can: nobody gets what is another's."""
    cold = special_api({**behind(slow_replica), "l2.ttl": "1ms"})
    for i in range(4):
        position = http.put(f"mixed {i}", str(i), prefer="wait=10").position
        replica_caught_up(world)
        assert cold.http.get("elsewhere", Sluice_Read_After=position).status == 404
    slow_replica.set(0.3)
    answers = all_at_once(40, lambda i: cold.http.get(f"mixed {i % 4}"))
    slow_replica.set("pass")
    for i, answer in enumerate(answers):
        assert answer.json()["value"] == str(i % 4)


# --- no-cache: nobody else's lookup -------------------------------------------


def test_a_fresh_read_joins_no_lookup_that_is_under_way(
    world, http, special_api, slow_replica
):
    """The ordinary lookup has read the row before it was changed."""
    cold = special_api({**behind(slow_replica), "l2.ttl": "1ms"})
    position = http.put("fresh flight", "one", prefer="wait=10").position
    replica_caught_up(world)
    assert cold.http.get("elsewhere", Sluice_Read_After=position).status == 404
    slow_replica.set(0.7)

    def read(i):
        if i == 0:
            return cold.http.get("fresh flight")
        wait_until(lambda: cold.metrics()[LOOKUPS] > before[LOOKUPS], 5, "it is begun")
        return cold.http.get("fresh flight", Cache_Control="no-cache")

    with Moved(cold) as moved:
        before = cold.metrics()
        first, *fresh = all_at_once(4, read)
    slow_replica.set("pass")
    assert {a.json()["value"] for a in (first, *fresh)} == {"one"}
    assert all("collapsed" not in a.cache for a in fresh), fresh
    # A replica that is given up is followed by the primary: one key more.
    assert moved[LOOKUPS] == 4 <= moved[KEYS]
    assert moved[COLLAPSED] == 0


def test_many_fresh_reads_share_their_queries(special_api, slow_replica):
    cold = special_api(
        {**behind(slow_replica), "http.threads": 1, "pool.max_size": 2}
    )
    assert cold.http.get("many fresh").status == 404
    slow_replica.set(0.2)
    with Moved(cold) as moved:
        answers = burst(
            cold.http.port,
            [key_path("many fresh")] * MANY,
            headers="Cache-Control: no-cache\r\n",
        )
    slow_replica.set("pass")
    assert {(a.status, a.tier) for a in answers} == {(404, "replica")}
    assert moved[KEYS] == moved[LOOKUPS] == MANY
    assert moved[QUERIES] < MANY / 10


# --- a commit replaces what is in L1 -------------------------------------------


def counter(http, key, **more):
    headers = {name.replace("_", "-"): v for name, v in more.items()}
    return http.request("GET", key_path(key, "counters"), headers=headers)


def count(http, key, n):
    answer = http.request(
        "PUT",
        key_path(key, "counters"),
        b'{"count":%d}' % n,
        {"Content-Type": "application/json", "Prefer": "wait=10"},
    )
    assert answer.status in (200, 201), answer
    return answer.position


def test_a_commit_refreshes_l1_in_place(http, api, other_api):
    """`counters` are refreshed on commit: no lookup, on any instance that holds
    the key; the one that does not hold it gets nothing."""
    position = count(http, "refresh", 0)
    assert counter(http, "refresh").json()["count"] == 0
    with Moved(api) as mine, Moved(other_api) as others:
        for i in range(1, 6):
            position = count(http, "refresh", i)
            answer = counter(http, "refresh")
            assert (answer.json()["count"], answer.tier) == (i, "l1")
            assert answer.header("ETag") == f'"{position.split("-")[1]}"'
        first = counter(other_api.http, "refresh", Sluice_Read_After=position)
        assert first.json()["count"] == 5
    assert mine[LOOKUPS] == 0
    # The projector has put it into Redis: the other instance asks no database.
    assert others[LOOKUPS] == 1


def test_the_projector_refreshes_redis(http, other_api, servers, world):
    position = count(http, "refreshed", 7)
    world.wait_projected()
    with Moved(other_api) as moved:
        answer = counter(other_api.http, "refreshed", Sluice_Read_After=position)
    assert (answer.json()["count"], answer.tier) == (7, "redis")
    assert moved[KEYS] == 0


def test_a_commit_ends_what_is_not_refreshed(http, api):
    """`records` are invalidated: the next read looks it up."""
    http.put("ended", "one", prefer="wait=10")
    assert http.value("ended") == "one"
    http.put("ended", "two", prefer="wait=10")
    with Moved(api) as moved:
        answer = http.get("ended")
    assert answer.json()["value"] == "two" and answer.tier != "l1"
    assert moved[LOOKUPS] == 1
