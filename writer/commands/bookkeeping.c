#include "writer/commands/bookkeeping.h"

/* next_offset is a version: epoch << 48 | offset; what became of the writes
 * below horizon is not known any more. Those from ended up to began were left
 * behind in the log of an epoch before. Half of a page is left free,
 * so that every update of a watermark stays on its page (HOT). */
static const char tables[] =
    "CREATE SCHEMA IF NOT EXISTS sluice;\n"
    "CREATE TABLE IF NOT EXISTS sluice.log (\n"
    "  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),\n"
    "  topic text NOT NULL,\n"
    "  partitions int NOT NULL,\n"
    "  epoch int NOT NULL DEFAULT 0,\n"
    "  cluster text\n"
    ");\n"
    "CREATE TABLE IF NOT EXISTS sluice.progress (\n"
    "  \"partition\" int PRIMARY KEY,\n"
    "  next_offset bigint NOT NULL,\n"
    "  horizon bigint NOT NULL DEFAULT 0\n"
    ") WITH (fillfactor = 50);\n"
    "CREATE TABLE IF NOT EXISTS sluice.epochs (\n"
    "  \"partition\" int NOT NULL,\n"
    "  ended bigint NOT NULL,\n"
    "  began bigint NOT NULL,\n"
    "  PRIMARY KEY (\"partition\", began)\n"
    ");\n"
    "CREATE TABLE IF NOT EXISTS sluice.rejections (\n"
    "  \"partition\" int NOT NULL,\n"
    "  version bigint NOT NULL,\n"
    "  collection text NOT NULL,\n"
    "  \"key\" text NOT NULL,\n"
    "  op text NOT NULL,\n"
    "  reason text NOT NULL,\n"
    "  detail text,\n"
    "  body bytea,\n"
    "  accepted_at timestamptz NOT NULL,\n"
    "  rejected_at timestamptz NOT NULL DEFAULT now(),\n"
    "  successor text,\n"
    "  requeued_at timestamptz,\n"
    "  discarded_at timestamptz,\n"
    "  PRIMARY KEY (\"partition\", version)\n"
    ");\n"
    "CREATE TABLE IF NOT EXISTS sluice.idempotency (\n"
    "  \"key\" text COLLATE \"C\" PRIMARY KEY,\n"
    "  fingerprint bigint NOT NULL,\n"
    "  \"partition\" int NOT NULL,\n"
    "  version bigint NOT NULL,\n"
    "  outcome text NOT NULL,\n"
    "  recorded_at timestamptz NOT NULL DEFAULT now(),\n"
    "  row_key text\n"
    ");\n"
    "CREATE INDEX IF NOT EXISTS idempotency_recorded_at"
    " ON sluice.idempotency (recorded_at);\n"
    "CREATE TABLE IF NOT EXISTS sluice.replays (\n"
    "  \"partition\" int NOT NULL,\n"
    "  version bigint NOT NULL,\n"
    "  first_partition int NOT NULL,\n"
    "  first_version bigint NOT NULL,\n"
    "  outcome text NOT NULL,\n"
    "  first_key text,\n"
    "  PRIMARY KEY (\"partition\", version)\n"
    ");\n"
    "CREATE TABLE IF NOT EXISTS sluice.producers (\n"
    "  \"partition\" int NOT NULL,\n"
    "  instance text NOT NULL,\n"
    "  last_seq bigint NOT NULL,\n"
    "  seen_at timestamptz NOT NULL DEFAULT now(),\n"
    "  PRIMARY KEY (\"partition\", instance)\n"
    ") WITH (fillfactor = 50);\n"
    "CREATE TABLE IF NOT EXISTS sluice.collections (\n"
    "  name text NOT NULL,\n"
    "  shape text NOT NULL,\n"
    "  generation int NOT NULL,\n"
    "  declaration json NOT NULL,\n"
    "  migrated_at timestamptz NOT NULL DEFAULT now(),\n"
    "  PRIMARY KEY (name, shape)\n"
    ");\n"
    "CREATE TABLE IF NOT EXISTS sluice.orders (\n"
    "  \"partition\" int NOT NULL,\n"
    "  version bigint NOT NULL,\n"
    "  ordered_at timestamptz NOT NULL DEFAULT now(),\n"
    "  PRIMARY KEY (\"partition\", version)\n"
    ");\n"
    "CREATE TABLE IF NOT EXISTS sluice.checkpoints (\n"
    "  \"partition\" int NOT NULL,\n"
    "  version bigint NOT NULL,\n"
    "  at timestamptz NOT NULL DEFAULT now(),\n"
    "  PRIMARY KEY (\"partition\", version)\n"
    ");\n";

/* What came after the first version of these tables. */
static const char columns[] =
    "ALTER TABLE sluice.log ADD COLUMN IF NOT EXISTS cluster text;\n"
    "ALTER TABLE sluice.progress"
    " ADD COLUMN IF NOT EXISTS horizon bigint NOT NULL DEFAULT 0;\n"
    "ALTER TABLE sluice.rejections"
    " ADD COLUMN IF NOT EXISTS successor text,"
    " ADD COLUMN IF NOT EXISTS requeued_at timestamptz,"
    " ADD COLUMN IF NOT EXISTS discarded_at timestamptz;\n"
    "ALTER TABLE sluice.idempotency ADD COLUMN IF NOT EXISTS row_key text;\n"
    "ALTER TABLE sluice.replays ADD COLUMN IF NOT EXISTS first_key text;\n";

static const char fence[] =
    "CREATE OR REPLACE FUNCTION sluice.fence(p int, at bigint, upto bigint)\n"
    "RETURNS void LANGUAGE plpgsql AS $fence$\n"
    "BEGIN\n"
    "  UPDATE sluice.progress SET next_offset = upto\n"
    "    WHERE \"partition\" = p AND next_offset = at;\n"
    "  IF NOT FOUND THEN\n"
    "    RAISE EXCEPTION 'partition % is not at %', p, at\n"
    "      USING ERRCODE = 'SL001';\n"
    "  END IF;\n"
    "END\n"
    "$fence$;\n";

/* Blocks of ids from `lowest` on that no row has. The sequence counts in
 * blocks; it is moved by its callers at once and for good, whatever becomes of
 * their transactions. A failover may have put it back: who knows that says
 * `lowest`. The ids from first up to free_to, which is the key of a row or the
 * last bigint, have no row. (Deployments of before have a function of four
 * parameters as well, for instances of before.) */
static const char reserve[] =
    "CREATE OR REPLACE FUNCTION sluice.reserve(seq regclass, tab regclass,\n"
    "  k name, blocks int, lowest bigint, OUT first bigint, OUT n bigint,\n"
    "  OUT free_to bigint)\n"
    "RETURNS SETOF record LANGUAGE plpgsql AS $reserve$\n"
    "BEGIN\n"
    "  SELECT seqincrement INTO n FROM pg_sequence WHERE seqrelid = seq;\n"
    "  FOR i IN 1..blocks LOOP\n"
    "    LOOP\n"
    "      first := nextval(seq);\n"
    "      IF first < lowest THEN\n"
    "        PERFORM pg_advisory_xact_lock(1397509481, seq::oid::int);\n"
    "        first := nextval(seq);\n"
    "        IF first < lowest THEN\n"
    "          first := setval(seq, lowest);\n"
    "        END IF;\n"
    "      END IF;\n"
    "      EXECUTE format('SELECT coalesce(min(%1$I), 9223372036854775807)'\n"
    "        ' FROM %2$s WHERE %1$I >= $1', k, tab)\n"
    "        INTO free_to USING first;\n"
    "      EXIT WHEN free_to - n >= first;\n"
    "    END LOOP;\n"
    "    RETURN NEXT;\n"
    "  END LOOP;\n"
    "END\n"
    "$reserve$;\n";

void bookkeeping_sql(struct buf *out, const struct writer_settings *s)
{
	buf_str(out, tables);
	buf_str(out, columns);
	buf_str(out, fence);
	buf_str(out, reserve);
	/* A setting may hold any character: doubled quotes. */
	buf_str(out, "INSERT INTO sluice.log (topic, partitions) VALUES ('");
	for (const char *c = s->common.writes_topic; *c; c++) {
		buf_char(out, *c);
		if (*c == '\'')
			buf_char(out, '\'');
	}
	buf_printf(
	    out, "', %d) ON CONFLICT DO NOTHING;\n", (int)s->common.partitions);
	buf_printf(out,
	    "INSERT INTO sluice.progress (\"partition\", next_offset)"
	    " SELECT p, (SELECT epoch::bigint << 48 FROM sluice.log)"
	    " FROM generate_series(0, %d) p ON CONFLICT DO NOTHING;\n",
	    (int)s->common.partitions - 1);
}
