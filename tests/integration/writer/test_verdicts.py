"""What Postgres says of itself never rejects a write, whatever it is: a trigger
raises every state of common/postgres/sqlstate.def whose verdict is RETRY, and each time
the writer says so, tries again, and applies what it holds. A corrupted database
stops it."""

import re

import pytest
from harness.servers import ROOT
from harness.wait import wait_until

TABLE = re.findall(
    r'^SQLSTATE\("(\w+)", (\w+), "(.+)"\)$',
    (ROOT / "common" / "postgres" / "sqlstate.def").read_text(),
    re.MULTILINE,
)

TRIGGER = """
CREATE TABLE IF NOT EXISTS fault (code text);
CREATE OR REPLACE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE c text := (SELECT code FROM fault);
BEGIN
  IF c = 'deallocate' THEN EXECUTE 'DEALLOCATE ALL';
  ELSIF c IS NOT NULL THEN RAISE EXCEPTION 'as it is told' USING ERRCODE = c; END IF;
  RETURN new;
END $$;
CREATE OR REPLACE TRIGGER fault BEFORE INSERT OR UPDATE ON records
  FOR EACH ROW EXECUTE FUNCTION fault();
"""


def codes(verdict):
    """One of each row: a class stands for one that is not named by itself."""
    named = {code for code, *_ in TABLE}
    for code, found, _ in TABLE:
        if found == verdict:
            yield code if len(code) == 5 else next(
                c for c in (f"{code}000", f"{code}001", f"{code}P03", f"{code}P99") if c not in named
            )


@pytest.fixture(scope="module")
def running(module_deployment):
    for daemon in (
        module_deployment.daemon("api"),
        module_deployment.daemon("writer", {"connections": 1}),
    ):
        daemon.start()
    module_deployment.sql(TRIGGER)
    return module_deployment


@pytest.fixture
def faulty(running):
    running.sql("TRUNCATE fault, sluice.rejections")
    yield running
    for daemon in running.daemons:
        daemon.check_alive()
        daemon.check_log()


def fail(deployment, code):
    deployment.sql("DELETE FROM fault")
    if code:
        deployment.sql("INSERT INTO fault VALUES (%s)", code)


def retried(deployment, code):
    (writer,) = deployment.of("writer")
    return [line for line in writer.events("batch.retry") if f"code={code} " in line]


def test_nothing_that_is_wrong_with_the_database_rejects(faulty):
    (api,), (writer,) = faulty.of("api"), faulty.of("writer")
    tried = list(codes("RETRY"))
    assert len(tried) > 10, tried
    for n, code in enumerate([*tried, "ZZ999"]):
        fail(faulty, code)
        receipt = api.http.put("key", f"{n}")
        assert receipt.status == 202, receipt
        wait_until(lambda: retried(faulty, code), 10, f"{code} is said")
        # Some of them cost the connection.
        status, why = writer.readiness()
        assert status == 503 and (code in why or "08006" in why), why
        fail(faulty, None)
        assert api.http.value("key", Sluice_Read_After=receipt.position) == f"{n}", code
        writer.wait_ready()
    m = writer.metrics()
    assert m["sluice_writer_batches_failed_total", 'why="retry"'] > len(tried)
    assert faulty.sql("SELECT * FROM sluice.rejections") == []


def test_what_is_wrong_with_a_row_rejects_it(faulty):
    (api,) = faulty.of("api")
    for n, code in enumerate(codes("REJECT")):
        fail(faulty, code)
        answer = api.http.put("key", f"{n}", prefer="wait=10")
        assert answer.status in (409, 422), (code, answer)
    fail(faulty, None)
    assert api.http.put("key", "at last", prefer="wait=10").status in (200, 201)


def test_a_session_that_lost_its_statements_is_left(faulty):
    """As by a pooler that gives it another server, or DISCARD ALL."""
    (api,), (writer,) = faulty.of("api"), faulty.of("writer")
    assert api.http.put("key", "before", prefer="wait=10").status in (200, 201)
    before = len(retried(faulty, "26000"))
    fail(faulty, "deallocate")
    # Whether the first one is applied or not, the second one finds nothing.
    first = api.http.put("key", "meanwhile 0", prefer="wait=1")
    assert first.status in (200, 202), first
    receipt = api.http.put("key", "meanwhile 1")
    assert receipt.status == 202, receipt
    wait_until(lambda: len(retried(faulty, "26000")) > before, 10, "it is said")
    fail(faulty, None)
    assert api.http.value("key", Sluice_Read_After=receipt.position) == "meanwhile 1"
    writer.wait_ready()


@pytest.mark.parametrize("code", sorted(codes("FATAL")))
def test_a_corrupted_database_stops_the_writer(faulty, code):
    (api,), (writer,) = faulty.of("api"), faulty.of("writer")
    fail(faulty, code)
    assert api.http.put("key", f"before {code}").status == 202
    writer.ends_by_itself(1)
    line = writer.events("writer.fatal")[-1]
    assert f"code={code}" in line and "as it is told" in line
    fail(faulty, None)
    # Mended, it goes on where it was.
    writer.start()
    wait_until(lambda: api.http.value("key") == f"before {code}", 10, "it is applied")
