"""A batch that Postgres has not the time or the memory for: parts of it are tried,
where the whole would be tried for ever."""

import pytest
from harness.wait import wait_until

TIME = """
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN PERFORM pg_sleep(0.04); RETURN new; END $$;
CREATE TRIGGER slow BEFORE INSERT ON records FOR EACH ROW EXECUTE FUNCTION slow();
ALTER ROLE sluice IN DATABASE "{}" SET statement_timeout = '400ms';
"""

MEMORY = """
CREATE FUNCTION large() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF (SELECT count(*) > 9 FROM fresh) THEN
    RAISE EXCEPTION 'out of memory' USING ERRCODE = '53200';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER large AFTER INSERT ON records REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION large();
"""


@pytest.mark.parametrize("trigger, code", [(TIME, "57014"), (MEMORY, "53200")])
def test_what_is_too_much_at_once_is_applied_in_parts(deployment, trigger, code):
    """Some fifteen writes for each partition, of which ten are too much."""
    http = deployment.api().http
    keys = [f"k{n}" for n in range(120)]
    for key in keys:
        assert http.put(key, "v").status == 202
    deployment.sql(trigger.format(deployment.name))
    writer = deployment.writer()
    wait_until(lambda: len(deployment.rows()) == len(keys), 60, "all are applied")
    assert any(f"code={code}" in line for line in writer.events("batch.retry"))
    assert deployment.sql("SELECT * FROM sluice.rejections") == []
