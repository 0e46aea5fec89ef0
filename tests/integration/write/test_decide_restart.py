"""What was decided stays decided, whatever is restarted.

In a file of its own: a deployment beside a `world` would share its Redis.
"""

from concurrent.futures import ThreadPoolExecutor

from harness.deployment import QUICK_GROUP
from harness.wait import wait_until
from test_decide import count, counter, increment


def test_a_retry_after_restarts_of_everything(deployment):
    api = deployment.start_all(settings=QUICK_GROUP)
    count(api.http, "idem", count=0)
    first = increment(api.http, "idem", {"count": 5}, Idempotency_Key="k-1")
    assert first.status == 200, first
    for daemon in (deployment.of("writer")[0], api):
        daemon.sigkill()
        daemon.start()
    again = increment(
        api.http, "idem", {"count": 5}, Idempotency_Key="k-1", Prefer="wait=30"
    )
    assert (again.status, again.position) == (200, first.position), again
    assert counter(api.http, "idem")["count"] == 5


def test_a_connection_that_is_lost_under_the_question(deployment, servers):
    """It is asked once more, on another one, as a read is."""
    deployment.writer()
    api = deployment.api({"http.threads": 1, "pool.min_size": 4, "postgres.timeout": "30s"})
    made = api.http.put("k", "v", prefer="wait=20")
    assert made.status == 201, made

    with (
        servers.postgres(deployment.name) as locker,
        servers.postgres(deployment.name) as server,
        ThreadPoolExecutor(1) as beside,
    ):

        def asked(but=None):
            rows = server.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                " AND wait_event_type = 'Lock' AND query LIKE '%sluice.replays%'"
            ).fetchall()
            return [pid for (pid,) in rows if pid != but]

        with locker.transaction():
            locker.execute("LOCK TABLE sluice.replays")
            told = beside.submit(api.http.request, "GET", f"/v1/_writes/{made.position}")
            (pid,) = wait_until(asked, 20, "it is asked")
            server.execute("SELECT pg_terminate_backend(%s)", (pid,))
            wait_until(lambda: asked(but=pid) or told.done(), 20, "it is asked again")
        answer = told.result()
    assert answer.status == 200, answer
    assert answer.json()["state"] == "committed"
