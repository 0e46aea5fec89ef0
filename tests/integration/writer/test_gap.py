"""INV-5 on a primary that goes back: a writer that takes a partition reads the
watermark of one server and the rows of another, which has not got the commits
that are to be announced. Passing over them would leave every cache with what
it has of their keys."""

import json

import pytest
from harness import history
from harness.wait import wait_until


@pytest.fixture
def deployment(deploy, servers):
    return deploy(servers, partitions=1)


def watermark(connection):
    query = "SELECT next_offset FROM sluice.progress"
    return connection.execute(query).fetchone()[0]


def commit_unannounced(connection, at):
    """What a writer does before it dies."""
    connection.execute(
        "UPDATE records SET value = 'new', version = %s WHERE key = 'k'", (at,)
    )
    connection.execute("UPDATE sluice.progress SET next_offset = %s", (at + 1,))


def blocked(connection):
    """The writer that waits for the rows."""
    found = connection.execute(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock' AND query LIKE '%records%'"
    ).fetchall()
    return [pid for (pid,) in found]


def order(deployment):
    """Of what was announced: versions of the key, and where marks end."""
    said = []
    for m in deployment.servers.read_log(deployment.commits, 1):
        if m.key() == b"_mark":
            said.append(("mark", int(json.loads(m.value())["through"])))
        else:
            said.append((m.key().decode(), int(dict(m.headers())["version"])))
    return said


def test_the_rows_are_of_a_server_that_went_back(deployment, servers):
    api = deployment.start_all()
    assert api.http.put("k", "old", prefer="wait=20").status == 201
    history.settle(deployment)
    (writer,) = deployment.of("writer")
    writer.stop()
    assert api.http.put("k", "new").status == 202
    with servers.postgres(deployment.name) as primary:
        at = watermark(primary)
        (row,) = primary.execute("SELECT value, version FROM records").fetchall()
        commit_unannounced(primary, at)
        with primary.transaction():
            primary.execute("LOCK TABLE records")
            writer.start(ready=False)
            with servers.postgres(deployment.name) as other:
                wait_until(lambda: blocked(other), 60, "the writer asks for the rows")
                # The other server: without the commit, and connections end.
                primary.execute("UPDATE records SET value = %s, version = %s", row)
                primary.execute("UPDATE sluice.progress SET next_offset = %s", (at,))
                for pid in blocked(other):
                    other.execute("SELECT pg_terminate_backend(%s)", (pid,))
    writer.wait_ready()
    history.settle(deployment)
    said = order(deployment)
    assert said.index(("records/k", at)) < said.index(("mark", at + 1)), said
    assert api.http.value("k") == "new"
    fresh = deployment.api()
    assert fresh.http.value("k") == "new"
