-- A table that is there, and the one that is declared, by what Postgres's
-- catalog says of both (writer/commands/tables.c). $1 is the table, a quoted
-- name with its schema; pg_temp.sluice_declared is as it is declared.

-- Column: is there a relation of this name?
-- name: there
SELECT to_regclass($1) IS NOT NULL

-- $2 a name: has the table a column of it?
-- name: column
SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass($1)
    AND attname = $2 AND attnum > 0 AND NOT attisdropped)

-- $2 a name. Column: what of the table has it: `c`, a constraint (and its
-- index, if it has one); `i`, an index; null, nothing.
-- name: named
SELECT CASE
    WHEN EXISTS (SELECT FROM pg_constraint
    WHERE conrelid = to_regclass($1) AND conname = $2) THEN 'c'
    WHEN EXISTS (SELECT FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
    WHERE i.indrelid = to_regclass($1) AND x.relname = $2) THEN 'i' END

-- $2 the name of a trigger: has the table it?
-- name: trigger
SELECT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = to_regclass($1)
    AND tgname = $2 AND tgenabled <> 'D')

-- Has any table a trigger of Sluice?
-- name: triggered
SELECT EXISTS (SELECT FROM pg_trigger
    WHERE tgfoid = to_regprocedure('sluice.note_change()'))

-- A script: $1 the table, $2 the collection's name as a literal, $3 text[] the
-- columns of the key. Columns: had its newest declaration groups (null: there is
-- none); has the table rows; had the key the same columns in another order?
-- name: group
SELECT (SELECT coalesce((declaration->>'group')::bool, false)
    FROM sluice.collections WHERE name = $2
    ORDER BY generation DESC LIMIT 1), EXISTS (SELECT FROM $1),
    (SELECT f.parts <> $3 AND f.parts @> $3 AND f.parts <@ $3
    FROM sluice.collections c, LATERAL (SELECT ARRAY(SELECT
    coalesce(c.declaration->'columns'->>e.k, e.k)
    FROM json_array_elements_text(CASE json_typeof(c.declaration->'key')
    WHEN 'array' THEN c.declaration->'key' ELSE '[]' END)
    WITH ORDINALITY e(k, n) ORDER BY e.n) AS parts) f
    WHERE c.name = $2 ORDER BY c.generation DESC LIMIT 1)

-- $2 text[] names of the key's columns, in alphabetical order. Columns: the
-- relation's kind; is there a unique constraint on the key alone; do other
-- tables inherit from it; are different texts equal in one of the columns?
-- name: kind
SELECT c.relkind, EXISTS (SELECT FROM pg_index i
    WHERE i.indrelid = c.oid
    AND i.indisunique AND i.indimmediate AND i.indisvalid
    AND i.indpred IS NULL AND i.indexprs IS NULL AND $2::text[] = (SELECT array_agg(a.attname::text
    ORDER BY a.attname::text COLLATE "C") FROM pg_attribute a
    WHERE a.attrelid = i.indrelid
    AND a.attnum = ANY((i.indkey::int2[])[0:i.indnkeyatts - 1]))),
    EXISTS (SELECT FROM pg_inherits h WHERE h.inhparent = c.oid),
    EXISTS (SELECT FROM pg_attribute a JOIN pg_collation o
    ON o.oid = a.attcollation WHERE a.attrelid = c.oid
    AND a.attname = ANY($2::text[]) AND NOT o.collisdeterministic)
    FROM pg_class c WHERE c.oid = $1::regclass

-- $2: may the key be an identity that is generated always? A row for each
-- column of either; what the other does not have is null.
-- The type of a domain is that under it. Columns: name; declared type, NOT NULL; type, NOT NULL, has a default, is
-- generated always.
-- name: columns
SELECT coalesce(d.attname, e.attname),
    format_type(d.atttypid, d.atttypmod), d.attnotnull,
    e.told, e.attnotnull OR e.domain_not_null,
    e.atthasdef OR e.attidentity <> '' OR e.domain_default,
    e.attgenerated <> '' OR e.attidentity = 'a' AND NOT $2::bool
    FROM (SELECT * FROM pg_attribute WHERE attnum > 0
    AND NOT attisdropped
    AND attrelid = 'pg_temp.sluice_declared'::regclass) d
    FULL JOIN (SELECT a.*, CASE y.typtype WHEN 'd'
    THEN format_type(y.typbasetype, y.typtypmod)
    ELSE format_type(a.atttypid, a.atttypmod) END AS told,
    y.typnotnull AS domain_not_null, y.typdefault IS NOT NULL AS domain_default
    FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
    WHERE attnum > 0 AND NOT attisdropped AND attrelid = $1::regclass) e
    ON d.attname = e.attname
    ORDER BY d.attnum, e.attnum

-- A row for each check of either; one that says the same has the same name.
-- Columns: name, declared definition, definition.
-- name: checks
SELECT coalesce(d.conname, e.conname), d.def, e.def FROM
    (SELECT coalesce((SELECT o.conname FROM pg_constraint o
    WHERE o.contype = 'c' AND o.conrelid = $1::regclass
    AND pg_get_constraintdef(o.oid) = pg_get_constraintdef(k.oid)
    ORDER BY o.conname <> k.conname LIMIT 1), k.conname) AS conname,
    pg_get_constraintdef(k.oid) AS def
    FROM pg_constraint k WHERE contype = 'c'
    AND conrelid = 'pg_temp.sluice_declared'::regclass) d
    FULL JOIN (SELECT conname,
    replace(pg_get_constraintdef(oid), ' NOT VALID', '') AS def
    FROM pg_constraint WHERE contype = 'c' AND conrelid = $1::regclass) e
    ON d.conname = e.conname ORDER BY 1

-- $2 text[] names of columns, in alphabetical order. Column: are they unique
-- together?
-- name: unique
SELECT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = $1::regclass
    AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
    AND i.indexprs IS NULL
    AND $2::text[] = (SELECT array_agg(a.attname::text ORDER BY
    a.attname::text COLLATE "C") FROM pg_attribute a
    WHERE a.attrelid = i.indrelid
    AND a.attnum = ANY((i.indkey::int2[])[0:i.indnkeyatts - 1])))

-- $2 the name of a column. Column: is there an index that begins with it?
-- name: indexed
SELECT EXISTS (SELECT FROM pg_index i
    JOIN pg_attribute a ON a.attrelid = i.indrelid
    AND a.attnum = i.indkey[0] WHERE i.indrelid = $1::regclass
    AND i.indisvalid AND i.indpred IS NULL AND a.attname = $2)

-- $2 text[] names of columns; $3 another table, $4 text[] its columns, in the
-- same order. Column: is there a reference from the ones to the others?
-- name: reference
SELECT EXISTS (SELECT FROM pg_constraint c
    WHERE c.contype = 'f' AND c.conrelid = $1::regclass
    AND c.confrelid = $3::regclass
    AND cardinality(c.conkey) = cardinality($2::text[])
    AND NOT EXISTS (SELECT FROM unnest($2::text[], $4::text[]) w(a, b)
    WHERE NOT EXISTS (SELECT FROM unnest(c.conkey, c.confkey) k(a, b)
    JOIN pg_attribute x ON x.attrelid = c.conrelid AND x.attnum = k.a
    JOIN pg_attribute y ON y.attrelid = c.confrelid AND y.attnum = k.b
    WHERE x.attname = w.a AND y.attname = w.b)))
