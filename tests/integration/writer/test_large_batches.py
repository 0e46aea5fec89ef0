"""A batch that Postgres has not the time or the memory for: parts of it are tried,
where the whole would be tried for ever. And one that the writer has not the memory
for, since it must read more than there is in its writes."""

import json
import pathlib
import re

import pytest
from harness.client import key_path
from harness.wait import wait_until

# Constraints, since Postgres judges each row by them in one statement of many rows; with
# a trigger each write would be a statement of its own (docs/collections.md).
TIME = """
CREATE FUNCTION slow(text) RETURNS boolean LANGUAGE plpgsql AS
  $$ BEGIN PERFORM pg_sleep(0.04); RETURN true; END $$;
ALTER TABLE records ADD CONSTRAINT slow CHECK (slow(value));
ALTER ROLE sluice_writer IN DATABASE "{}" SET statement_timeout = '400ms';
"""

MEMORY = """
CREATE FUNCTION large(text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  n int := coalesce(nullif(current_setting('test.n', true), ''), '0')::int + 1;
BEGIN
  PERFORM set_config('test.n', n::text, true);  -- of the transaction
  IF n > 9 THEN
    RAISE EXCEPTION 'out of memory' USING ERRCODE = '53200';
  END IF;
  RETURN true;
END $$;
ALTER TABLE records ADD CONSTRAINT large CHECK (large(value));
"""


@pytest.mark.parametrize("constraint, code", [(TIME, "57014"), (MEMORY, "53200")])
def test_what_is_too_much_at_once_is_applied_in_parts(deployment, constraint, code):
    """Some fifteen writes for each partition, of which ten are too much."""
    http = deployment.api().http
    keys = [f"k{n}" for n in range(120)]
    for key in keys:
        assert http.put(key, "v").status == 202
    deployment.sql(constraint.format(deployment.name))
    writer = deployment.writer()
    wait_until(lambda: len(deployment.rows()) == len(keys), 60, "all are applied")
    assert any(f"code={code}" in line for line in writer.events("batch.retry"))
    assert deployment.sql("SELECT * FROM sluice.rejections") == []


DOCUMENTS, LARGE, TWICE = 240, 512 << 10, 30
FILL = f"""
INSERT INTO posts (id, title, content, author, created_at, updated_at, version)
SELECT i, 'old', repeat(chr(97 + i % 26), CASE WHEN i % 3 = 0 THEN 10 ELSE {LARGE} END), 'a',
  now(), now(), 0 FROM generate_series(1, {DOCUMENTS}) i
"""
PATCH = {"Content-Type": "application/merge-patch+json", "Prefer": "respond-async"}


def memory(daemon, peak=False):
    text = pathlib.Path(f"/proc/{daemon.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)" if peak else r"VmRSS:\s+(\d+)", text)[1]) << 10


def test_small_patches_of_large_documents_are_read_in_parts(servers, deploy):
    """Their documents are 80 times batch.bytes, and they would be one batch."""
    d = deploy(servers, partitions=1)
    d.sql(FILL)
    writer = d.daemon("writer", {"batch.bytes": "1MiB"})
    writer.start(env={"ASAN_OPTIONS": "detect_leaks=1:exitcode=99:quarantine_size_mb=1"})
    assert writer.admin.request("POST", "/pause").status == 200
    http = d.api().http
    patches = [(0, {"title": "of nothing"})]
    patches += [(i, {"title": f"new {i}"}) for i in range(1, DOCUMENTS + 1)]
    patches += [(i, {"author": "twice"}) for i in range(1, TWICE + 1)]
    for i, patch in patches:
        answer = http.request("PATCH", key_path(str(i), "posts"), json.dumps(patch), PATCH)
        assert answer.status == 202, answer
    buffered = "sluice_writer_buffered_writes"
    wait_until(lambda: writer.metrics()[buffered] == len(patches), 10, "all are read")
    before = memory(writer)
    assert writer.admin.request("POST", "/resume").status == 200
    wait_until(lambda: writer.metrics()[buffered] == 0, 60, "all are applied")
    grown = memory(writer, peak=True) - before
    print(f"{grown >> 20} MiB for {DOCUMENTS * 2 // 3 * LARGE >> 20} MiB of documents")
    assert d.sql("SELECT version, reason FROM sluice.rejections") == [(0, "not-found")]
    assert d.sql(
        "SELECT count(*), sum(length(content)) FROM posts WHERE title = 'new ' || id"
        f" AND author = CASE WHEN id <= {TWICE} THEN 'twice' ELSE 'a' END"
        " AND content = repeat(chr(97 + id::int % 26), length(content))"
    ) == [(DOCUMENTS, DOCUMENTS // 3 * (10 + 2 * LARGE))]
    assert grown < 64 << 20
    writer.stop()
