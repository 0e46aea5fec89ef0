"""What is kept for a time only goes when its time is over, in small steps, and
not before; what is not known any more is said to be so."""

import json

import pytest
from harness.client import key_path
from harness.deployment import QUICK_GROUP
from harness.wait import wait_until

STEP = 1000  # rows of one step
KEEP = {"idempotency.keep": "3s", "rejections.keep": "3s", "prune.interval": "1s"}

# How many rows each DELETE took.
COUNTED = """
CREATE TABLE gone (of text, n bigint);
CREATE FUNCTION gone() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  INSERT INTO public.gone SELECT tg_table_name, count(*) FROM taken HAVING count(*) > 0;
  RETURN NULL;
END $$;
"""
TABLES = ("idempotency", "rejections", "replays", "producers", "checkpoints")


@pytest.fixture
def api(deployment):
    deployment.sql(COUNTED)
    for table in TABLES:
        deployment.sql(
            f"CREATE TRIGGER gone AFTER DELETE ON sluice.{table}"
            " REFERENCING OLD TABLE AS taken FOR EACH STATEMENT EXECUTE FUNCTION gone()"
        )
    api = deployment.daemon("api").start(ready=False)
    deployment.daemon("writer", {**QUICK_GROUP, **KEEP}).start()
    api.wait_ready()
    return api


def count(deployment, table, where="true"):
    return deployment.sql(f"SELECT count(*) FROM sluice.{table} WHERE {where}")[0][0]


def steps(deployment, table):
    return [n for (n,) in deployment.sql("SELECT n FROM gone WHERE of = %s", table)]


def put(api, key, value, idempotency_key):
    headers = {
        "Content-Type": "application/json",
        "Prefer": "wait=10",
        "Idempotency-Key": idempotency_key,
    }
    body = json.dumps({"value": value}).encode()
    return api.http.request("PUT", key_path(key), body, headers)


def status(api, position):
    return api.http.request("GET", f"/v1/_writes/{position}")


def test_what_is_kept_for_a_time(deployment, api):
    committed = put(api, "key", "one", "k-1")
    assert committed.status == 201, committed
    again = put(api, "key", "one", "k-1")
    assert (again.status, again.position) == (201, committed.position), again
    rejected = api.http.delete("nothing", prefer="wait=10")
    assert rejected.status == 404, rejected
    assert status(api, committed.position).json()["state"] == "committed"
    assert status(api, rejected.position).json()["state"] == "rejected"
    assert (count(deployment, "rejections"), count(deployment, "replays")) == (1, 1)
    assert count(deployment, "idempotency") == 1

    for position in (committed.position, rejected.position):
        wait_until(lambda: status(api, position).status == 410, 30, "it is forgotten")
        assert status(api, position).problem == "position-expired"
    for table in ("rejections", "replays", "idempotency"):
        wait_until(lambda: count(deployment, table) == 0, 20, f"{table} is empty")
    # The retry of one that nobody remembers is a write of its own; what is not
    # that old is known, and the horizon never passes the watermark.
    new = put(api, "key", "one", "k-1")
    assert new.status == 200 and new.position != committed.position, new
    assert new.header("Idempotency-Replayed") is None
    assert status(api, new.position).json()["state"] == "committed"
    assert api.http.value("key") == "one"
    assert deployment.sql("SELECT * FROM sluice.progress WHERE horizon > next_offset") == []
    (n,) = deployment.sql("SELECT max(n) FROM (SELECT count(*) n FROM sluice.checkpoints GROUP BY partition) c")[0]
    assert n < 20, "checkpoints are pruned, too"


def test_partitions_that_are_gone(deployment, api):
    """A log that has fewer of them has no row of progress for the others."""
    (gone,) = deployment.sql("SELECT partitions FROM sluice.log")[0]
    for table, columns in (
        ("rejections", "collection, key, op, reason, accepted_at, rejected_at"),
        ("checkpoints", "at"),
    ):
        values = {"rejections": "'records', 'k', 'put', 'malformed', now(), ", "checkpoints": ""}[table]
        for partition, age in ((gone, "1 day"), (gone + 1, "1 day"), (gone + 1, "-1 day")):
            deployment.sql(
                f"INSERT INTO sluice.{table} (partition, version, {columns}) SELECT {partition},"
                f" 1 + count(*), {values} now() - interval '{age}' FROM sluice.{table} WHERE partition = {partition}"
            )
    deployment.sql(
        "INSERT INTO sluice.replays (partition, version, first_partition, first_version, outcome)"
        f" VALUES ({gone}, 7, 0, 0, 'created'), ({gone + 1}, 7, 0, 0, 'created')"
    )
    for table in ("rejections", "checkpoints", "replays"):
        wait_until(lambda: count(deployment, table, f"partition = {gone}") == 0, 20, table)
        wait_until(lambda: count(deployment, table, f"partition > {gone}") == 1, 20, table)


def test_in_small_steps(deployment, api):
    """A great many at once, among those that are still wanted."""
    many = int(2.5 * STEP)
    deployment.sql(
        "INSERT INTO sluice.idempotency (key, fingerprint, partition, version, outcome,"
        " recorded_at) SELECT 'old ' || n, 0, 0, 0, 'created', now() - interval '1 day'"
        f" FROM generate_series(1, {many}) n"
    )
    deployment.sql(
        "INSERT INTO sluice.idempotency (key, fingerprint, partition, version, outcome,"
        " recorded_at) VALUES ('new', 0, 0, 0, 'created', now() + interval '1 day')"
    )
    deployment.sql(
        "INSERT INTO sluice.producers (partition, instance, last_seq, seen_at)"
        " SELECT n % 8, 'old ' || n, 1, now() - interval '8 days'"
        f" FROM generate_series(1, {many}) n"
    )
    deployment.sql(
        "INSERT INTO sluice.rejections (partition, version, collection, key, op, reason,"
        " accepted_at) SELECT 3, n, 'records', 'k', 'put', 'malformed', now()"
        f" FROM generate_series(0, {many - 1}) n"
    )
    deployment.sql("UPDATE sluice.progress SET horizon = %s WHERE partition = 3" % (many - 10))
    receipt = api.http.put("key", "meanwhile", prefer="wait=10")
    assert receipt.status == 201, receipt
    wait_until(lambda: count(deployment, "idempotency") == 1, 30, "the old keys are gone")
    wait_until(
        lambda: count(deployment, "producers", "instance LIKE 'old %%'") == 0,
        30,
        "the old producers are gone",
    )
    wait_until(lambda: count(deployment, "rejections") == 10, 30, "what is below the horizon")
    for table, rest in (("idempotency", STEP // 2), ("producers", STEP // 2), ("rejections", STEP // 2 - 10)):
        assert steps(deployment, table) == [STEP, STEP, rest], table
    # Who is alive stays known.
    assert count(deployment, "producers") >= 1
