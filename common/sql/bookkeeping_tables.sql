-- The tables that Sluice keeps for itself, as one idempotent script, which
-- --migrate runs. common/sql/bookkeeping.sql has the statements on them.

-- IF NOT EXISTS would need the right to create one even where it exists.
DO $$
BEGIN
  IF to_regnamespace('sluice') IS NULL THEN
    CREATE SCHEMA sluice;
  END IF;
END
$$;

-- Which log the database belongs to. schema_format is the number of the schema
-- (common/log/stored_formats.def); daemons of formats below schema_least must
-- not use it.
CREATE TABLE IF NOT EXISTS sluice.log (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  topic text NOT NULL,
  partitions int NOT NULL,
  epoch int NOT NULL DEFAULT 0,
  cluster text,
  schema_format int NOT NULL DEFAULT 1,
  schema_least int NOT NULL DEFAULT 1
);

-- next_offset is a version: epoch << 48 | offset. What became of the writes
-- below horizon is not known any more. Half of a page is left free, so that
-- every update of a watermark stays on its page (HOT).
CREATE TABLE IF NOT EXISTS sluice.progress (
  "partition" int PRIMARY KEY,
  next_offset bigint NOT NULL,
  horizon bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- The versions from ended up to began were left behind in the log of an epoch
-- before.
CREATE TABLE IF NOT EXISTS sluice.epochs (
  "partition" int NOT NULL,
  ended bigint NOT NULL,
  began bigint NOT NULL,
  PRIMARY KEY ("partition", began)
);

CREATE TABLE IF NOT EXISTS sluice.rejections (
  "partition" int NOT NULL,
  version bigint NOT NULL,
  collection text NOT NULL,
  "key" text NOT NULL,
  op text NOT NULL,
  reason text NOT NULL,
  detail text,
  body bytea,
  accepted_at timestamptz NOT NULL,
  rejected_at timestamptz NOT NULL DEFAULT now(),
  successor text,
  requeued_at timestamptz,
  discarded_at timestamptz,
  PRIMARY KEY ("partition", version)
);

CREATE TABLE IF NOT EXISTS sluice.idempotency (
  "key" text COLLATE "C" PRIMARY KEY,
  fingerprint bigint NOT NULL,
  "partition" int NOT NULL,
  version bigint NOT NULL,
  outcome text NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT now(),
  row_key text
);
CREATE INDEX IF NOT EXISTS idempotency_recorded_at
  ON sluice.idempotency (recorded_at);

CREATE TABLE IF NOT EXISTS sluice.replays (
  "partition" int NOT NULL,
  version bigint NOT NULL,
  first_partition int NOT NULL,
  first_version bigint NOT NULL,
  outcome text NOT NULL,
  first_key text,
  PRIMARY KEY ("partition", version)
);

CREATE TABLE IF NOT EXISTS sluice.producers (
  "partition" int NOT NULL,
  instance text NOT NULL,
  last_seq bigint NOT NULL,
  seen_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY ("partition", instance)
) WITH (fillfactor = 50);

CREATE TABLE IF NOT EXISTS sluice.collections (
  name text NOT NULL,
  shape text NOT NULL,
  generation int NOT NULL,
  declaration json NOT NULL,
  migrated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (name, shape)
);

CREATE TABLE IF NOT EXISTS sluice.orders (
  "partition" int NOT NULL,
  version bigint NOT NULL,
  ordered_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY ("partition", version)
);

CREATE TABLE IF NOT EXISTS sluice.checkpoints (
  "partition" int NOT NULL,
  version bigint NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY ("partition", version)
);

-- Keys of rows that other programs have changed, for collections with triggers
-- (writer/commands/triggers.c, writer/outbox/outbox.c).
CREATE SEQUENCE IF NOT EXISTS sluice.outbox_id;
CREATE TABLE IF NOT EXISTS sluice.outbox (
  id bigint PRIMARY KEY DEFAULT nextval('sluice.outbox_id'),
  collection text NOT NULL,
  "key" text NOT NULL,
  noted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Notes the keys of the rows that a statement changes, unless the writer does it
-- (sluice.fence says so). The parameters are the collection and the column of its
-- key, or the columns of its parts (common/schema/key_parts.h): times are as
-- documents have them, whatever the session has set. Whoever changes a row needs
-- no right on sluice.outbox.
CREATE OR REPLACE FUNCTION sluice.note_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO'
SET timezone = 'UTC'
AS $note$
DECLARE
  rows text;
  k text := format('%I::text', TG_ARGV[1]);
BEGIN
  IF current_setting('sluice.writer', true) = 'on' THEN
    RETURN NULL;
  END IF;
  IF TG_NARGS > 2 THEN
    SELECT string_agg(format(CASE
      WHEN coalesce(nullif(t.typbasetype, 0), t.oid) IN
      ('timestamptz'::regtype, 'timestamp'::regtype)
      THEN '(to_json(%I) #>> ''{}'')'
      ELSE 'replace(replace(%I::text, ''%%'', ''%%25''), '','', ''%%2C'')' END,
      p.a), ' || '','' || ' ORDER BY n) INTO k
      FROM unnest(TG_ARGV[1:]) WITH ORDINALITY AS p(a, n)
      JOIN pg_attribute c ON c.attrelid = TG_RELID AND c.attname = p.a
      JOIN pg_type t ON t.oid = c.atttypid;
  END IF;
  rows := CASE TG_OP
    WHEN 'INSERT' THEN 'SELECT %1$s FROM new_rows'
    WHEN 'DELETE' THEN 'SELECT %1$s FROM old_rows'
    WHEN 'UPDATE' THEN 'SELECT %1$s FROM new_rows'
      ' UNION SELECT %1$s FROM old_rows'
    ELSE 'SELECT %1$s FROM %2$I.%3$I' END;
  EXECUTE 'INSERT INTO sluice.outbox (collection, "key") SELECT $1, r.k FROM ('
    || format(rows, k, TG_TABLE_SCHEMA, TG_TABLE_NAME) || ') AS r(k)'
    USING TG_ARGV[0];
  PERFORM pg_notify('sluice_outbox', '');
  RETURN NULL;
END
$note$;

-- The columns that came after the first version of these tables.
ALTER TABLE sluice.log
  ADD COLUMN IF NOT EXISTS cluster text,
  ADD COLUMN IF NOT EXISTS schema_format int NOT NULL DEFAULT 1,
  ADD COLUMN IF NOT EXISTS schema_least int NOT NULL DEFAULT 1;
ALTER TABLE sluice.progress
  ADD COLUMN IF NOT EXISTS horizon bigint NOT NULL DEFAULT 0;
ALTER TABLE sluice.rejections
  ADD COLUMN IF NOT EXISTS successor text,
  ADD COLUMN IF NOT EXISTS requeued_at timestamptz,
  ADD COLUMN IF NOT EXISTS discarded_at timestamptz;
ALTER TABLE sluice.idempotency ADD COLUMN IF NOT EXISTS row_key text;
ALTER TABLE sluice.replays ADD COLUMN IF NOT EXISTS first_key text;

-- Moves the watermark of partition p, if it is at `at` (bookkeeping.sql). What
-- the transaction changes is the writer's, so no trigger notes it.
CREATE OR REPLACE FUNCTION sluice.fence(p int, at bigint, upto bigint)
RETURNS void LANGUAGE plpgsql AS $fence$
BEGIN
  UPDATE sluice.progress SET next_offset = upto
    WHERE "partition" = p AND next_offset = at;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'partition % is not at %', p, at
      USING ERRCODE = 'SL001';
  END IF;
  PERFORM set_config('sluice.writer', 'on', true);
END
$fence$;

-- Blocks of ids from `lowest` on that no row has. The sequence counts in
-- blocks; its callers move it at once and for good, whatever becomes of their
-- transactions. A failover may have put it back: who knows that says `lowest`.
-- The ids from first up to free_to, which is the key of a row or the last
-- bigint, have no row. (Deployments of before have a function of four
-- parameters as well, for instances of before.)
CREATE OR REPLACE FUNCTION sluice.reserve(seq regclass, tab regclass,
  k name, blocks int, lowest bigint, OUT first bigint, OUT n bigint,
  OUT free_to bigint)
RETURNS SETOF record LANGUAGE plpgsql AS $reserve$
BEGIN
  SELECT seqincrement INTO n FROM pg_sequence WHERE seqrelid = seq;
  FOR i IN 1..blocks LOOP
    LOOP
      first := nextval(seq);
      IF first < lowest THEN
        PERFORM pg_advisory_xact_lock(1397509481, seq::oid::int);
        first := nextval(seq);
        IF first < lowest THEN
          first := setval(seq, lowest);
        END IF;
      END IF;
      EXECUTE format('SELECT coalesce(min(%1$I), 9223372036854775807)'
        ' FROM %2$s WHERE %1$I >= $1', k, tab)
        INTO free_to USING first;
      EXIT WHEN free_to - n >= first;
    END LOOP;
    RETURN NEXT;
  END LOOP;
END
$reserve$;
