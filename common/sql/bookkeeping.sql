-- Every statement on the tables of the schema sluice, once. What a statement
-- says of the tables of the collections as well is made from their declarations
-- (common/sql/sql.c); common/sql/bookkeeping_tables.sql makes the tables.
--
-- common/base/embed.cmake makes a struct pg_statement of each: `-- name: log`
-- is bookkeeping_log. The shape is that of its result, in binary
-- (common/postgres/pg_shape.h).

-- --- sluice.log: which log the database belongs to ---------------------------

-- Has --migrate been here? Asked before the tables are: asking for one that is
-- not there leaves an error in the server's log.
-- name: migrated, shape: b!
SELECT to_regclass('sluice.log') IS NOT NULL
    AND to_regclass('sluice.collections') IS NOT NULL
    AND to_regclass('sluice.orders') IS NOT NULL
    AND to_regclass('sluice.outbox') IS NOT NULL
    AND EXISTS (SELECT FROM pg_attribute WHERE attname = 'schema_least'
    AND attrelid = to_regclass('sluice.log'))

-- Columns topic, partitions int4, epoch int4, schema_least int4.
-- name: log, shape: spee
SELECT topic, partitions, epoch, schema_least FROM sluice.log

-- The same, and the cluster of Kafka, or an empty text.
-- name: log_cluster, shape: spees
SELECT topic, partitions, epoch, schema_least, coalesce(cluster, '')
    FROM sluice.log

-- Column schema_format int4.
-- name: schema_format, shape: e
SELECT schema_format FROM sluice.log

-- $1 the number of this version's schema, $2 that of the oldest whose daemons
-- may use it.
-- name: note_schema
UPDATE sluice.log SET schema_format = $1, schema_least = $2
    WHERE (schema_format, schema_least) IS DISTINCT FROM ($1, $2)

-- $1 text: the cluster, unless one is known.
-- name: note_cluster
UPDATE sluice.log SET cluster = $1 WHERE cluster IS NULL

-- $1 topic, $2 partitions, $3 text[] the tables of the collections: the row of a
-- new database. If one of the tables is there already, the log begins at epoch
-- 1. So no write has the version 0 of the rows that are there, and each gives
-- its row another ETag.
-- name: begin_log
INSERT INTO sluice.log (topic, partitions, epoch)
    SELECT $1, $2, EXISTS (SELECT FROM unnest($3) AS t(name)
    WHERE to_regclass(t.name) IS NOT NULL)::int
    ON CONFLICT DO NOTHING

-- $1 topic, $2 partitions, $3 epoch, $4 cluster: the next log.
-- name: next_log
UPDATE sluice.log SET topic = $1, partitions = $2, epoch = $3, cluster = $4

-- --- sluice.progress: the watermarks -----------------------------------------
--
-- next_offset is a version: epoch << 48 | offset. What became of the writes
-- below horizon is not known any more.

-- Arrays: $1 int4 partition, $2 int8 from, $3 int8 to; by partition, so that two
-- writers lock the rows in the same order. Moves the watermarks of all these
-- partitions, or fails with SL001 if one of them is not at its `from`. It is a
-- function, not a bare UPDATE: a transaction that goes over the wire in one
-- piece must fail by itself when it matches no row, because nobody looks at the
-- count before COMMIT.
-- name: fence
SELECT sluice.fence(f.p, f.at, f.upto)
    FROM unnest($1::int4[], $2::int8[], $3::int8[]) AS f(p, at, upto)

-- Columns partition int4, next_offset int8, of all partitions. Locks nothing
-- and waits for nobody.
-- name: progress, shape: pv
SELECT "partition", next_offset FROM sluice.progress

-- The same, in order.
-- name: progress_ordered, shape: pv
SELECT partition::int4, next_offset FROM sluice.progress ORDER BY partition

-- The same, and locks the rows.
-- name: progress_locked
SELECT "partition", next_offset FROM sluice.progress
    ORDER BY "partition" FOR UPDATE

-- $1 int4[] partitions. Locks their rows.
-- name: progress_locked_of, shape: pv
SELECT "partition", next_offset FROM sluice.progress
    WHERE "partition" = ANY($1::int4[]) ORDER BY "partition" FOR UPDATE

-- $1 int4 partition. Column next_offset.
-- name: progress_of, shape: v
SELECT next_offset FROM sluice.progress WHERE "partition" = $1::int4

-- Columns epoch int4, partition int4, next_offset int8, of all partitions.
-- name: epoch_and_progress, shape: epv
SELECT l.epoch, p."partition", p.next_offset
    FROM sluice.log l CROSS JOIN sluice.progress p

-- $1 the last partition: the rows of a new database.
-- name: begin_progress
INSERT INTO sluice.progress ("partition", next_offset)
    SELECT p, (SELECT epoch::bigint << 48 FROM sluice.log)
    FROM generate_series(0, $1) p ON CONFLICT DO NOTHING

-- $1 how many partitions the next log has: others have no watermark.
-- name: end_progress
DELETE FROM sluice.progress WHERE "partition" >= $1

-- $1 partition, $2 version: where the next log begins. What became of the
-- writes of a partition that is new is known from its oldest rejection on.
-- name: next_progress
INSERT INTO sluice.progress ("partition", next_offset, horizon)
    SELECT p, begin, coalesce((SELECT min(version)
    FROM sluice.rejections r WHERE r."partition" = p), begin)
    FROM (VALUES ($1, $2)) n (p, begin)
    ON CONFLICT ("partition") DO UPDATE SET next_offset = excluded.next_offset

-- $1 text: the application name of sessions that may take their time. Ends the
-- sessions that hold a row of sluice.progress while they wait for their client.
-- The transaction must be older than the lock timeout of the writer's
-- connections. One that blocked the row for that long is; a batch of a live
-- writer hardly ever is. Columns pid int4, application name, was it ended.
-- name: end_blockers, shape: psb
SELECT a.pid, a.application_name, pg_terminate_backend(a.pid)
    FROM pg_stat_activity a WHERE a.datname = current_database()
    AND a.usename = session_user AND a.pid <> pg_backend_pid()
    AND a.application_name <> $1
    AND a.wait_event_type = 'Client'
    AND a.xact_start < now() - interval '5 s'
    AND EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.granted
    AND l.relation = 'sluice.progress'::regclass
    AND l.mode IN ('RowShareLock', 'RowExclusiveLock'))

-- --- sluice.epochs: the ends of logs of before -------------------------------

-- $1 partition, $2 ended, $3 began: no log has the versions between them.
-- name: end_epoch
INSERT INTO sluice.epochs ("partition", ended, began) VALUES ($1, $2, $3)

-- --- sluice.collections: the declarations that were migrated -----------------

-- Columns name, shape, generation int4.
-- name: collections, shape: ssp
SELECT name, shape, generation FROM sluice.collections

-- $1 name, $2 shape, $3 declaration. The newest shape is this one; if it was
-- there before, it is the newest again.
-- name: note_collection
INSERT INTO sluice.collections AS k (name, shape, generation, declaration)
    SELECT $1, $2, 1 + coalesce(max(generation), 0), $3
    FROM sluice.collections WHERE name = $1
    ON CONFLICT (name, shape) DO UPDATE SET migrated_at = now(),
    declaration = excluded.declaration,
    generation = CASE WHEN k.generation + 1 = excluded.generation
    THEN k.generation ELSE excluded.generation END

-- --- sluice.rejections, sluice.replays: what became of writes ----------------

-- Arrays: $1 int4 partition, $2 int8 version, $3 text collection, $4 text key,
-- $5 text op, $6 text reason, $7 text detail, $8 bytea body, $9 int8
-- accepted-at (us). What is there already came from the same write.
-- name: reject
INSERT INTO sluice.rejections ("partition", version, collection, "key", op,
    reason, detail, body, accepted_at)
    SELECT r.p, r.version, r.collection, r."key", r.op, r.reason,
    nullif(r.detail, ''), nullif(r.body, ''),
    timestamptz 'epoch' + r.accepted_at * interval '1 microsecond'
    FROM unnest($1::int4[], $2::int8[], $3::text[], $4::text[], $5::text[],
    $6::text[], $7::text[], $8::bytea[], $9::int8[])
    AS r(p, version, collection, "key", op, reason, detail, body, accepted_at)
    ON CONFLICT DO NOTHING

-- A part of the statement that deletes rows (writer/core/statements.h): rejects
-- the deletes whose keys are not in `gone`, the keys that it deleted.
-- name: reject_missing
INSERT INTO sluice.rejections ("partition", version, collection, "key", op,
    reason, accepted_at)
    SELECT f.p, f.version, $7::text, f."key", 'delete', 'not-found',
    timestamptz 'epoch' + f.accepted_at * interval '1 microsecond'
    FROM unnest($3::text[], $4::int8[], $5::int8[], $6::int4[])
    AS f("key", version, accepted_at, p)
    WHERE NOT EXISTS (SELECT FROM gone g WHERE g."key" = f."key")
    ON CONFLICT DO NOTHING

-- Arrays: $1 int4 partition, $2 int8 version, $3 int4 first partition, $4 int8
-- first version, $5 text outcome, $6 text key of the first one's row.
-- name: replay
INSERT INTO sluice.replays ("partition", version, first_partition,
    first_version, outcome, first_key)
    SELECT r.at, r.version, r.p, r.v, r.outcome, r.row_key
    FROM unnest($1::int4[], $2::int8[], $3::int4[], $4::int8[], $5::text[],
    $6::text[])
    AS r(at, version, p, v, outcome, row_key) ON CONFLICT DO NOTHING

-- $1 int4 partition, $2 int8 from, $3 int8 to: the rejections and the replays.
-- Columns version; is it a replay; of a rejection reason and detail (at most 300
-- characters); of a replay the first one's partition, version, outcome and key.
-- name: verdicts, shape: vbsspvss
SELECT version, false, reason, left(coalesce(detail, ''), 300) AS detail,
    0 AS p, 0::int8 AS v, '' AS outcome, '' AS row_key
    FROM sluice.rejections
    WHERE "partition" = $1::int4 AND version >= $2::int8
    AND version < $3::int8 UNION ALL
    SELECT version, true, '', '', first_partition, first_version, outcome,
    coalesce(first_key, '') FROM sluice.replays
    WHERE "partition" = $1::int4 AND version >= $2::int8
    AND version < $3::int8 ORDER BY version

-- What became of one write. $1 int4 partition, $2 int8 version. The columns are
-- in api/write/decision.c. No row: there is no such partition.
-- name: decision, shape: vvsssp?v?ssb
SELECT p.next_offset, p.horizon, coalesce(r.reason, ''),
    coalesce(r.detail, f.detail, ''), coalesce(r.successor, ''),
    y.first_partition, y.first_version, coalesce(y.outcome, ''),
    coalesce(y.first_key, ''),
    EXISTS (SELECT FROM sluice.epochs e
    WHERE e."partition" = p."partition" AND $2 >= e.ended AND $2 < e.began)
    FROM sluice.progress p
    LEFT JOIN sluice.rejections r
    ON r."partition" = p."partition" AND r.version = $2
    LEFT JOIN sluice.replays y
    ON y."partition" = p."partition" AND y.version = $2
    LEFT JOIN sluice.rejections f
    ON f."partition" = y.first_partition AND f.version = y.first_version
    WHERE p."partition" = $1

-- A page of the rejections to repair. $1 text collection (empty: all), $2 int4
-- partition and $3 int8 version: after these, $4 int8 how many, $5 int8 bytes:
-- the row that passes them ends the page. The last column: how many are left,
-- up to one more than a page has.
-- name: list_rejections, shape: pvssssssssv
SELECT r."partition", r.version, r.collection, r."key", r.op,
    r.reason, coalesce(r.detail, ''), coalesce(r.body, ''),
    to_char(r.accepted_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    to_char(r.rejected_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), found
    FROM (SELECT "partition", version, count(*) OVER () AS found,
    row_number() OVER w AS i, sum(len) OVER w - len AS before
    FROM (SELECT "partition", version,
    octet_length(coalesce(body, ''))::int8 AS len
    FROM sluice.rejections WHERE successor IS NULL AND discarded_at IS NULL
    AND ($1 = '' OR collection = $1) AND ("partition", version) >
    ($2::int4, $3::int8) ORDER BY "partition", version
    LIMIT $4::int8 + 1) AS few
    WINDOW w AS (ORDER BY "partition", version)) AS page
    JOIN sluice.rejections r USING ("partition", version)
    WHERE i <= $4::int8 AND before < $5::int8
    ORDER BY r."partition", r.version

-- $1 int4 partition, $2 int8 version. A row: it was there to be discarded.
-- name: discard_rejection
UPDATE sluice.rejections SET discarded_at = now(), body = NULL
    WHERE "partition" = $1::int4 AND version = $2::int8
    AND successor IS NULL AND discarded_at IS NULL RETURNING 1

-- $1 int4 partition, $2 int8 version. Claims a rejection for a minute, so that
-- one operator queues it again. Columns collection, key, op, body.
-- name: claim_rejection, shape: ssss
UPDATE sluice.rejections SET requeued_at = now()
    WHERE "partition" = $1::int4 AND version = $2::int8
    AND successor IS NULL AND discarded_at IS NULL AND
    (requeued_at IS NULL OR requeued_at < now() - interval '1 minute')
    RETURNING collection, "key", op, coalesce(body, '')

-- $1 int4 partition, $2 int8 version.
-- name: release_rejection
UPDATE sluice.rejections SET requeued_at = NULL
    WHERE "partition" = $1::int4 AND version = $2::int8

-- $1 int4 partition, $2 int8 version, $3 text position of the write that was
-- queued in its place.
-- name: note_successor
UPDATE sluice.rejections SET successor = $3
    WHERE "partition" = $1::int4 AND version = $2::int8

-- --- sluice.orders: writes that an operator rejects --------------------------

-- Columns partition int4, version int8.
-- name: orders, shape: pv
SELECT "partition", version FROM sluice.orders

-- $1 int4 partition, $2 int8 version. Column: what is the case. No row: there
-- is no such partition.
-- name: order, shape: s
WITH p AS (SELECT next_offset <= $2::int8 AS waits FROM sluice.progress
    WHERE "partition" = $1::int4),
    o AS (INSERT INTO sluice.orders ("partition", version)
    SELECT $1::int4, $2::int8 FROM p WHERE waits ON CONFLICT DO NOTHING)
    SELECT CASE WHEN waits THEN 'ordered' WHEN EXISTS (SELECT
    FROM sluice.rejections WHERE "partition" = $1::int4
    AND version = $2::int8 AND reason = 'rejected-by-operator')
    THEN 'rejected' ELSE 'decided' END FROM p

-- Arrays: $1 int4 partition, $2 int8 last version: orders up to there are
-- carried out.
-- name: obeyed
DELETE FROM sluice.orders o
    USING unnest($1::int4[], $2::int8[]) AS d(p, upto)
    WHERE o."partition" = d.p AND o.version <= d.upto

-- --- sluice.idempotency: Idempotency-Keys ------------------------------------

-- $1 text[] keys. Columns key, fingerprint int8, partition int4, version int8,
-- outcome, the row's key, by key.
-- name: known, shape: s8pvss
SELECT i."key", i.fingerprint, i."partition", i.version, i.outcome,
    coalesce(i.row_key, '')
    FROM sluice.idempotency i WHERE i."key" = ANY($1::text[])
    ORDER BY i."key"

-- $1 text[] keys, whatever they were.
-- name: forget
DELETE FROM sluice.idempotency WHERE "key" = ANY($1::text[])

-- Arrays: $1 text key, $2 int8 fingerprint, $3 int4 partition, $4 int8 version,
-- $5 text outcome, $6 text the row's key. Fails with 23505 where another
-- partition was faster.
-- name: remember
INSERT INTO sluice.idempotency ("key", fingerprint, "partition", version,
    outcome, row_key)
    SELECT r."key", r.fingerprint, r.p, r.version, r.outcome, r.row_key
    FROM unnest($1::text[], $2::int8[], $3::int4[], $4::int8[], $5::text[],
    $6::text[])
    AS r("key", fingerprint, p, version, outcome, row_key)

-- --- sluice.producers: the last record of each api instance ------------------

-- Arrays: $1 int4 partition, $2 text instance, $3 int8 last number.
-- name: note_producers
INSERT INTO sluice.producers AS p ("partition", instance, last_seq)
    SELECT r.p, r.instance, r.seq
    FROM unnest($1::int4[], $2::text[], $3::int8[]) AS r(p, instance, seq)
    ON CONFLICT ("partition", instance) DO UPDATE
    SET last_seq = excluded.last_seq, seen_at = now()

-- $1 int4[] partitions. Columns partition int4, instance, last number int8.
-- name: producers, shape: ps8
SELECT "partition", instance, last_seq FROM sluice.producers
    WHERE "partition" = ANY($1::int4[])

-- --- pruning: what is kept for a time only (writer/rejections/prune.c) -------
--
-- A statement that deletes takes at most 1000 rows (BOOKKEEPING_PRUNE_ROWS),
-- some milliseconds of work, and returns a row for each. Several writers may
-- prune at once: what one has locked, another skips.

-- $1 int4[] partitions. Versions have no time: where the watermarks are now.
-- name: note_checkpoints
INSERT INTO sluice.checkpoints ("partition", version)
    SELECT "partition", next_offset FROM sluice.progress
    WHERE "partition" = ANY($1::int4[]) ON CONFLICT DO NOTHING

-- $1 int4[] partitions, $2 int8 age (us).
-- name: move_horizon
UPDATE sluice.progress p SET horizon = c.version FROM
    (SELECT "partition", max(version) AS version
    FROM sluice.checkpoints WHERE "partition" = ANY($1::int4[])
    AND at < now() - $2::int8 * interval '1 microsecond'
    GROUP BY "partition") c WHERE p."partition" = c."partition"
    AND p.horizon < c.version

-- $1 int4[] partitions: what is below the horizon.
-- name: prune_rejections
DELETE FROM sluice.rejections
    WHERE ctid = ANY(ARRAY(SELECT r.ctid FROM sluice.rejections r
    JOIN sluice.progress p ON p."partition" = r."partition"
    WHERE r.version < p.horizon AND r."partition" = ANY($1::int4[])
    LIMIT 1000 FOR UPDATE OF r SKIP LOCKED)) RETURNING 1

-- The same.
-- name: prune_replays
DELETE FROM sluice.replays
    WHERE ctid = ANY(ARRAY(SELECT r.ctid FROM sluice.replays r
    JOIN sluice.progress p ON p."partition" = r."partition"
    WHERE r.version < p.horizon AND r."partition" = ANY($1::int4[])
    LIMIT 1000 FOR UPDATE OF r SKIP LOCKED)) RETURNING 1

-- The same.
-- name: prune_checkpoints
DELETE FROM sluice.checkpoints
    WHERE ctid = ANY(ARRAY(SELECT r.ctid FROM sluice.checkpoints r
    JOIN sluice.progress p ON p."partition" = r."partition"
    WHERE r.version < p.horizon AND r."partition" = ANY($1::int4[])
    LIMIT 1000 FOR UPDATE OF r SKIP LOCKED)) RETURNING 1

-- $1 int8 age (us). Of partitions that the log does not have any more.
-- name: prune_rejections_gone
DELETE FROM sluice.rejections
    WHERE ctid = ANY(ARRAY(SELECT r.ctid FROM sluice.rejections r
    WHERE r."partition" >= (SELECT partitions FROM sluice.log)
    AND r.rejected_at < now() - $1::int8 * interval '1 microsecond'
    LIMIT 1000 FOR UPDATE OF r SKIP LOCKED)) RETURNING 1

-- The same.
-- name: prune_checkpoints_gone
DELETE FROM sluice.checkpoints
    WHERE ctid = ANY(ARRAY(SELECT r.ctid FROM sluice.checkpoints r
    WHERE r."partition" >= (SELECT partitions FROM sluice.log)
    AND r.at < now() - $1::int8 * interval '1 microsecond'
    LIMIT 1000 FOR UPDATE OF r SKIP LOCKED)) RETURNING 1

-- Replays have no time: they go when nothing else is left of their partition.
-- name: prune_replays_gone
DELETE FROM sluice.replays
    WHERE ctid = ANY(ARRAY(SELECT r.ctid FROM sluice.replays r
    WHERE r."partition" >= (SELECT partitions FROM sluice.log)
    AND NOT EXISTS (SELECT FROM sluice.rejections o
    WHERE o."partition" = r."partition")
    AND NOT EXISTS (SELECT FROM sluice.checkpoints o
    WHERE o."partition" = r."partition")
    LIMIT 1000 FOR UPDATE OF r SKIP LOCKED)) RETURNING 1

-- $1 int8 age (us).
-- name: prune_idempotency
DELETE FROM sluice.idempotency
    WHERE ctid = ANY(ARRAY(SELECT r.ctid FROM sluice.idempotency r
    WHERE r.recorded_at < now() - $1::int8 * interval '1 microsecond'
    LIMIT 1000 FOR UPDATE OF r SKIP LOCKED)) RETURNING 1

-- $1 int8 age (us).
-- name: prune_producers
DELETE FROM sluice.producers
    WHERE ctid = ANY(ARRAY(SELECT r.ctid FROM sluice.producers r
    WHERE r.seen_at < now() - $1::int8 * interval '1 microsecond'
    LIMIT 1000 FOR UPDATE OF r SKIP LOCKED)) RETURNING 1

-- --- sluice.outbox: changes of rows by other programs -------------------------

-- Has this session the right to append the touches? It keeps it to its end.
-- name: outbox_lock, shape: b!
SELECT pg_try_advisory_lock(126942509523814)

-- $1 text[] collections, $2 text[] their tables, as SQL names them. If any of the
-- tables has a trigger of --migrate --triggers: those that are missing, or
-- disabled, on the others. Columns collection, trigger.
-- name: triggers_missing, shape: ss
WITH t AS (SELECT c.name, to_regclass(c.tab) AS id
    FROM unnest($1::text[], $2::text[]) AS c(name, tab)),
    w(name) AS (VALUES ('sluice_delete'::text), ('sluice_insert'),
    ('sluice_truncate'), ('sluice_update'))
    SELECT t.name, w.name FROM t CROSS JOIN w WHERE t.id IS NOT NULL
    AND EXISTS (SELECT FROM pg_trigger g JOIN t x ON g.tgrelid = x.id
    JOIN w y ON g.tgname = y.name)
    AND NOT EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = t.id
    AND g.tgname = w.name AND g.tgenabled <> 'D')
    ORDER BY t.name, w.name

-- $1 int8: the last id that is not wanted. At most 5000 rows
-- (BOOKKEEPING_OUTBOX_ROWS). Columns id, collection, key, age in microseconds, the
-- newest id of all.
-- name: outbox_next, shape: vssvv
SELECT id, collection, "key", greatest(0, (extract(epoch FROM
    clock_timestamp() - noted_at) * 1000000)::int8),
    (SELECT max(id) FROM sluice.outbox)
    FROM sluice.outbox WHERE id > $1::int8 ORDER BY id LIMIT 5000

-- $1 int8[] ids.
-- name: outbox_delete
DELETE FROM sluice.outbox WHERE id = ANY($1::int8[])
