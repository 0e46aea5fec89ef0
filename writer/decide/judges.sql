-- What Postgres's catalog says of the tables of the collections
-- (writer/decide/judges.h).

-- $1 text[] collections, $2 text[] the columns of their keys, with commas
-- between those of one; $3 text[] names of
-- the declared checks, $4 text[] of the declared indexes, $5 text[]
-- `collection.column` of the columns that may be null, $6 text[] the tables.
-- Columns: collection, enum judge.
--
-- A constraint with a declared name counts as the declared one (--migrate
-- reports differences). A constraint that is not valid may have rows that
-- violate it. Numbers of a bounded precision are rounded; a domain has checks.
-- An index may refuse a row if its expression fails, or if an entry
-- of variable size is too large. The index on the key alone never counts; its
-- condition stands twice. A trigger of Sluice's own changes no row.
-- name: tables, shape: sp
SELECT k.name, CASE
    WHEN t.relrowsecurity
    OR EXISTS (SELECT FROM pg_constraint c WHERE c.conrelid = t.oid
    AND c.contype IN ('f', 't', 'x')
    OR c.confrelid = t.oid AND c.contype = 'f')
    OR EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = t.oid
    AND NOT g.tgisinternal
    AND g.tgfoid IS DISTINCT FROM to_regprocedure('sluice.note_change()'))
    OR EXISTS (SELECT FROM pg_rewrite w WHERE w.ev_class = t.oid)
    OR EXISTS (SELECT FROM pg_index i WHERE i.indrelid = t.oid
    AND (i.indisunique OR i.indisexclusion) AND NOT
    (i.indisunique AND i.indpred IS NULL
    AND i.indexprs IS NULL AND k."key" = (SELECT
    string_agg(a.attname, ',' ORDER BY n) FROM pg_attribute a,
    generate_series(0, i.indnkeyatts - 1) n
    WHERE a.attrelid = t.oid AND a.attnum = i.indkey[n])))
    THEN 2
    WHEN EXISTS (SELECT FROM pg_constraint c WHERE c.conrelid = t.oid
    AND c.contype = 'c'
    AND NOT (c.convalidated AND c.conname::text = ANY($3::text[])))
    OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = t.oid
    AND a.attnum > 0 AND NOT a.attisdropped AND (a.attgenerated <> ''
    OR a.atttypid IN ('float4'::regtype, 'float8'::regtype,
    'float4[]'::regtype, 'float8[]'::regtype)
    OR a.atttypid IN ('numeric'::regtype, 'numeric[]'::regtype)
    AND a.atttypmod <> -1
    OR EXISTS (SELECT FROM pg_type y WHERE y.oid = a.atttypid
    AND y.typtype = 'd')
    OR a.attnotnull AND k.name || '.' || a.attname = ANY($5::text[])))
    OR EXISTS (SELECT FROM pg_index i
    JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = t.oid
    AND x.relname::text <> ALL($4::text[]) AND NOT
    (i.indisunique AND i.indpred IS NULL
    AND i.indexprs IS NULL AND k."key" = (SELECT
    string_agg(a.attname, ',' ORDER BY n) FROM pg_attribute a,
    generate_series(0, i.indnkeyatts - 1) n
    WHERE a.attrelid = t.oid AND a.attnum = i.indkey[n]))
    AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL
    OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = x.oid
    AND a.attlen < 0)))
    THEN 1 ELSE 0 END
    FROM unnest($1::text[], $2::text[], $6::text[]) AS k(name, "key", tab)
    JOIN pg_class t ON t.oid = to_regclass(k.tab)
