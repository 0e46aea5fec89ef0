-- What the catalog says of tables that a declaration is made of
-- (writer/commands/adopt.c). $1 is the table, as the text of its oid.

-- $1 the schema, $2 the table; an empty text: any. Columns: oid, schema, name,
-- the name of a collection, kind, is it a partition, description, do other
-- tables inherit from it.
-- name: tables
SELECT c.oid::text, n.nspname, c.relname,
    left(regexp_replace(trim('_' FROM lower(regexp_replace(regexp_replace(
    c.relname, '([a-z0-9])([A-Z])', '\1_\2', 'g'), '[^A-Za-z0-9]+', '_', 'g'))),
    '^(?![a-z])', 't_'), 40),
    c.relkind, c.relispartition, obj_description(c.oid, 'pg_class'),
    EXISTS (SELECT FROM pg_inherits h WHERE h.inhparent = c.oid)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'sluice')
    AND n.nspname !~ '^pg_'
    AND ($1 = '' OR n.nspname = $1) AND ($2 = '' OR c.relname = $2)
    ORDER BY 2, 3

-- The keys that a collection may have: unique and never null. Columns: the name
-- of the column, its name in documents, its type, its place, is it generated,
-- are different texts equal in it.
-- name: key
SELECT a.attname, left(regexp_replace(regexp_replace(trim('_' FROM lower(
    regexp_replace(regexp_replace(a.attname, '([a-z0-9])([A-Z])', '\1_\2', 'g'),
    '[^A-Za-z0-9]+', '_', 'g'))), '^(?![a-z])', 'k_'), 
    '^(version|tableoid|xmin|cmin|xmax|cmax|ctid)$', 'key'), 36),
    CASE WHEN b.typname = 'numeric' AND m.modifier & 65535 = 0
    AND m.modifier >> 16 BETWEEN 1 AND 18 THEN 'int8' ELSE b.typname END,
    a.attnum::text, a.attgenerated <> '',
    EXISTS (SELECT FROM pg_collation o WHERE o.oid = a.attcollation
    AND NOT o.collisdeterministic)
    FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid
    AND a.attnum = i.indkey[0]
    JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_type b ON b.oid = CASE t.typtype WHEN 'd' THEN t.typbasetype
    ELSE t.oid END
    CROSS JOIN LATERAL (SELECT CASE t.typtype WHEN 'd' THEN t.typtypmod
    ELSE a.atttypmod END - 4 AS modifier) m
    WHERE i.indrelid = $1::oid AND i.indisunique AND i.indisvalid
    AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
    AND i.indnkeyatts = 1 AND a.attnotnull
    ORDER BY i.indisprimary DESC, i.indexrelid LIMIT 1

-- The columns of the primary key, in its order. Columns: name, type, is it
-- generated, are different texts equal in it. A numeric of integers is int8; the
-- type of a time that is rounded has its precision, because no key has such a
-- part.
-- name: parts
SELECT a.attname, CASE WHEN b.typtype = 'e' THEN 'enum'
    WHEN b.typname = 'numeric' AND (m.modifier - 4) & 65535 = 0
    AND (m.modifier - 4) >> 16 BETWEEN 1 AND 18 THEN 'int8'
    WHEN b.typname IN ('timestamptz', 'timestamp', 'time')
    AND m.modifier BETWEEN 0 AND 5 THEN format_type(b.oid, m.modifier)
    ELSE b.typname END, a.attgenerated <> '',
    EXISTS (SELECT FROM pg_collation o WHERE o.oid = a.attcollation
    AND NOT o.collisdeterministic)
    FROM pg_index p, unnest((p.indkey::int2[])[0:p.indnkeyatts - 1])
    WITH ORDINALITY k(attnum, n), pg_attribute a, pg_type t, pg_type b,
    LATERAL (SELECT CASE t.typtype WHEN 'd' THEN t.typtypmod
    ELSE a.atttypmod END AS modifier) m
    WHERE p.indrelid = $1::oid AND p.indisprimary AND p.indimmediate
    AND a.attrelid = p.indrelid AND a.attnum = k.attnum
    AND t.oid = a.atttypid AND b.oid = CASE t.typtype WHEN 'd'
    THEN t.typbasetype ELSE t.oid END ORDER BY k.n

-- $2 the place of the key, 0 if it is the columns of the primary key; a row for
-- each other column. Columns: name, the
-- name of a field, the field as JSON, is it required, may lists use it, why it
-- is left out (null: it is not), what is lost (null: nothing), must a row have
-- a value of it, is it Sluice's version.
--
-- A field is as long as its column. A check is taken over if all of it is a
-- range of its column, a length, or a list of texts. A default that a check
-- refuses is none.
-- name: columns
WITH types (typ, type, format) AS (VALUES
    ('text', 'string', NULL), ('varchar', 'string', NULL),
    ('bpchar', 'string', NULL), ('int8', 'integer', NULL),
    ('int4', 'integer', 'int32'), ('int2', 'integer', 'int16'),
    ('numeric', 'number', NULL), ('float8', 'number', NULL),
    ('float4', 'number', NULL), ('bool', 'boolean', NULL),
    ('timestamptz', 'string', 'date-time'),
    ('timestamp', 'string', 'date-time-local'), ('date', 'string', 'date'),
    ('time', 'string', 'time-local'), ('uuid', 'string', 'uuid'),
    ('bytea', 'string', 'byte'), ('jsonb', 'object', NULL),
    ('json', 'object', NULL), ('inet', 'string', 'inet'),
    ('cidr', 'string', 'cidr')),
  columns AS (SELECT a.attrelid, a.attnum, a.attname,
    a.attnotnull OR t.typnotnull AS attnotnull,
    a.attidentity, a.attgenerated, b.typname,
    CASE WHEN b.typtype = 'e' THEN 'string'
    WHEN i.type IS NOT NULL OR x.typtype = 'e' THEN 'array' ELSE y.type END AS type, y.format,
    ($2::int = 0 AND p.indkey IS NOT NULL) AS in_key,
    (a.attgenerated <> '' OR a.attidentity <> '')
    AND NOT ($2::int = 0 AND p.indkey IS NOT NULL) AS read_only,
    CASE WHEN b.typtype = 'e' THEN bn.nspname || '.' || b.typname END
    AS enum_type, CASE WHEN b.typtype = 'e' THEN (SELECT
    json_agg(v.enumlabel ORDER BY v.enumsortorder) FROM pg_enum v
    WHERE v.enumtypid = b.oid) END AS labels,
    CASE WHEN x.typtype = 'e' THEN json_build_object('type', 'string',
    'enum', (SELECT json_agg(v.enumlabel ORDER BY v.enumsortorder)
    FROM pg_enum v WHERE v.enumtypid = x.oid),
    'columnType', xn.nspname || '.' || x.typname)
    WHEN i.type IS NOT NULL THEN json_strip_nulls(json_build_object(
    'type', i.type, 'format', i.format, 'maxLength', CASE WHEN
    x.typname = 'varchar' THEN nullif(greatest(CASE t.typtype WHEN 'd'
    THEN t.typtypmod ELSE a.atttypmod END - 4, 0), 0) END)) END AS items,
    CASE WHEN b.typname IN ('varchar', 'bpchar')
    THEN nullif(greatest(CASE t.typtype WHEN 'd' THEN t.typtypmod
    ELSE a.atttypmod END - 4, 0), 0) END AS len,
    format_type(a.atttypid, a.atttypmod) AS told,
    coalesce(pg_get_expr(d.adbin, d.adrelid), t.typdefault) AS def,
    col_description(a.attrelid, a.attnum) AS description,
    left(regexp_replace(trim('_' FROM lower(regexp_replace(regexp_replace(
    a.attname, '([a-z0-9])([A-Z])', '\1_\2', 'g'), '[^A-Za-z0-9]+', '_', 'g'))),
    '^(?![a-z])', 'f_'), 36) AS plain
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_type b ON b.oid = CASE t.typtype WHEN 'd' THEN t.typbasetype
    ELSE t.oid END
    JOIN pg_namespace bn ON bn.oid = b.typnamespace
    CROSS JOIN LATERAL (SELECT CASE t.typtype WHEN 'd' THEN t.typtypmod
    ELSE a.atttypmod END AS modifier) m
    LEFT JOIN types y ON y.typ = CASE WHEN b.typname = 'numeric'
    AND (m.modifier - 4) & 65535 = 0
    AND (m.modifier - 4) >> 16 BETWEEN 1 AND 18 THEN 'int8' ELSE b.typname END
    AND b.typnamespace = 'pg_catalog'::regnamespace
    LEFT JOIN pg_type x ON x.oid = b.typelem AND b.typcategory = 'A'
    AND (x.typnamespace = 'pg_catalog'::regnamespace OR x.typtype = 'e')
    LEFT JOIN pg_namespace xn ON xn.oid = x.typnamespace
    LEFT JOIN types i ON i.typ = x.typname AND i.type <> 'object'
    AND x.typname <> 'bpchar' AND x.typtype <> 'e'
    AND NOT (x.typname IN ('timestamptz', 'timestamp', 'time')
    AND m.modifier <> -1)
    LEFT JOIN pg_index p ON p.indrelid = a.attrelid AND p.indisprimary
    AND a.attnum = ANY((p.indkey::int2[])[0:p.indnkeyatts - 1])
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped),
  -- The column is @: in `text` where it first stands, because a text in the
  -- check may have its name; in `tight` everywhere, without blanks; in
  -- `numbers` also without casts and what is around a number.
  checks AS (SELECT c.attnum, k.conname, c.type,
    c.type = 'string' AND c.format IS NULL AND c.labels IS NULL AS is_plain,
    regexp_replace(k.def, n.name, '@') AS text, w.tight,
    regexp_replace(regexp_replace(regexp_replace(w.tight,
    '([0-9''\)])::[a-z0-9]+', '\1', 'g'),
    '''(-?[0-9]+(?:\.[0-9]+)?)''', '\1', 'g'),
    '\((-?[0-9]+(?:\.[0-9]+)?)\)', '\1', 'g') AS numbers
    FROM columns c, LATERAL (SELECT '(?<![\w$"])'
    || regexp_replace(quote_ident(c.attname), '(\W)', '\\\1', 'g')
    || '(?![\w$"(])' AS name) n, LATERAL (SELECT o.conname,
    replace(pg_get_constraintdef(o.oid), ' NOT VALID', '') AS def
    FROM pg_constraint o WHERE o.conrelid = c.attrelid
    AND o.contype = 'c' AND o.conkey = ARRAY[c.attnum]) k,
    LATERAL (SELECT replace(regexp_replace(k.def, n.name, '@', 'g'), ' ', '')
    AS tight) w
    WHERE c.type <> 'integer' OR k.def !~ '[0-9]\.[0-9]'),
  ranges AS (SELECT c.attnum, c.conname, m[1] AS op, m[2] AS bound
    FROM checks c, regexp_matches(c.numbers,
    '\(@(>=|>|<=)(-?[0-9]+(?:\.[0-9]+)?)\)', 'g') m
    WHERE c.type IN ('integer', 'number') AND regexp_replace(c.numbers,
    '\(@(>=|>|<=)(-?[0-9]+(?:\.[0-9]+)?)\)', '', 'g')
    ~ '^CHECK\(+(AND)*\)+$'),
  lengths AS (SELECT c.attnum, c.conname, m[1] AS op, m[2]::int AS bound
    FROM checks c, regexp_matches(c.tight,
    '\((?:char_length|length)\(\(?@\)?(?:::text)?\)(>=|<=)([0-9]+)\)', 'g') m
    WHERE c.type = 'string' AND regexp_replace(c.tight,
    '\((?:char_length|length)\(\(?@\)?(?:::text)?\)(>=|<=)([0-9]+)\)', '', 'g')
    ~ '^CHECK\(+(AND)*\)+$|^CHECK\(\)$'),
  choices AS (SELECT DISTINCT ON (c.attnum) c.attnum, c.conname,
    (SELECT json_agg(replace(m[1], '''''', '''')) FROM regexp_matches(c.text,
    '''((?:[^'']|'''')*)''::', 'g') m) AS list
    FROM checks c WHERE c.is_plain AND c.text ~
    '^CHECK \(\(\(?@\)?(::text)? = ANY \(\(?ARRAY\[(''([^'']|'''')*''::[a-z ]+(, )?)+\]\)?(::text\[\])?\)\)\)$'
    ORDER BY c.attnum, char_length(c.text)),
  fields AS (SELECT c.*, CASE WHEN n.many = 1 AND c.plain <> 'version'
    AND ($2::int <> 0 OR c.plain <> 'key')
    AND c.plain NOT IN ('tableoid', 'xmin', 'cmin', 'xmax', 'cmax', 'ctid')
    AND NOT EXISTS (SELECT FROM columns o WHERE o.plain || '_' || o.attnum
    = c.plain OR c.plain = 'key' AND o.attnum = $2::int AND o.plain IN
    ('version', 'tableoid', 'xmin', 'cmin', 'xmax', 'cmax', 'ctid'))
    THEN c.plain ELSE c.plain || '_' || c.attnum END AS field,
    (SELECT max(bound::numeric) FROM ranges r
    WHERE r.attnum = c.attnum AND r.op = '>=') AS minimum,
    (SELECT max(bound::numeric) FROM ranges r
    WHERE r.attnum = c.attnum AND r.op = '>') AS above,
    (SELECT min(bound::numeric) FROM ranges r
    WHERE r.attnum = c.attnum AND r.op = '<=') AS maximum,
    (SELECT max(bound) FROM lengths r
    WHERE r.attnum = c.attnum AND r.op = '>=') AS shortest,
    least(c.len, (SELECT min(bound) FROM lengths r
    WHERE r.attnum = c.attnum AND r.op = '<=')) AS longest,
    coalesce(c.labels, (SELECT list FROM choices h WHERE h.attnum = c.attnum))
    AS list,
    CASE WHEN c.read_only OR c.in_key THEN NULL WHEN c.type IN ('integer', 'number') AND c.def ~
    '^\(?''?-?[0-9]+(\.[0-9]+)?''?\)?(::[a-z ]+(\([0-9,]+\))?)?$'
    AND (c.type = 'number' OR c.def !~ '\.')
    THEN substring(c.def FROM '-?[0-9]+(?:\.[0-9]+)?')
    WHEN c.type = 'boolean' AND c.def IN ('true', 'false') THEN c.def
    WHEN c.type = 'string' AND c.format IS NULL AND c.def ~
    '^''([^'']|'''')*''::(text|character varying|bpchar|character)(\([0-9]+\))?$'
    OR c.enum_type IS NOT NULL AND c.def ~ '^''([^'']|'''')*''::'
    THEN to_json(replace(substring(c.def FROM '^''((?:[^'']|'''')*)'''),
    '''''', ''''))::text
    WHEN c.format = 'date-time' AND c.def IN ('now()', 'CURRENT_TIMESTAMP')
    THEN '{"now": true}'
    WHEN c.format = 'uuid' AND c.def IN ('gen_random_uuid()',
    'uuid_generate_v4()', 'uuidv4()', 'uuidv7()') THEN '{"uuid": 7}'
    WHEN c.type = 'object' AND c.def IN ('''{}''::jsonb', '''{}''::json')
    THEN '{}' WHEN c.type = 'array' AND (c.def LIKE '''{}''::%'
    OR c.def LIKE 'ARRAY[]::%') THEN '[]' END
    AS otherwise, c.attname IN ('version', 'sluice_version')
    AND c.typname = 'int8' AND c.attnotnull AND NOT c.in_key
    AND c.def ~ '^''?0''?(::bigint)?$' AS counts
    FROM columns c JOIN (SELECT plain, count(*) AS many FROM columns
    GROUP BY plain) n ON n.plain = c.plain)
SELECT f.attname, f.field, json_strip_nulls(json_build_object(
    'type', f.type, 'description', f.description,
    'format', f.format, 'nullable', CASE WHEN NOT f.attnotnull THEN true END,
    'readOnly', CASE WHEN f.read_only THEN true END,
    'minLength', f.shortest, 'maxLength', f.longest, 'enum', f.list,
    'columnType', coalesce(f.enum_type, CASE f.typname WHEN 'bpchar' THEN 'char'
    END), 'items', f.items,
    'minimum', CASE WHEN f.above IS NULL OR f.minimum > f.above
    THEN f.minimum END, 'exclusiveMinimum', CASE WHEN f.minimum IS NULL
    OR f.above >= f.minimum THEN f.above END, 'maximum', f.maximum,
    'default', o.otherwise::json)),
    f.attnotnull AND o.otherwise IS NULL AND NOT f.read_only,
    EXISTS (SELECT FROM pg_index i WHERE i.indrelid = f.attrelid
    AND i.indisvalid AND i.indpred IS NULL AND i.indkey[0] = f.attnum)
    AND f.items IS NULL AND f.typname NOT IN
    ('bytea', 'jsonb', 'json', 'float4', 'float8')
    AND (f.typname NOT IN ('text', 'varchar', 'bpchar') OR f.list IS NOT NULL
    OR f.longest <= 500)
    AND f.field NOT IN ('order', 'limit', 'cursor', 'select', 'and', 'or'),
    CASE WHEN f.type IS NULL THEN 'no field has its type, ' || f.told END,
    nullif(concat_ws('; ', CASE WHEN f.in_key AND f.def IS NOT NULL THEN
    'the default ' || f.def || ' is not used: a client sends its key' END,
    CASE WHEN f.def IS NOT NULL AND NOT f.in_key AND o.otherwise IS NULL
    AND NOT f.read_only THEN 'the default ' || f.def ||
    CASE WHEN f.attnotnull THEN ' is not expressible: the field is required'
    ELSE ' is not expressible: a document without the field has null' END END,
    CASE WHEN f.typname IN ('json', 'jsonb') THEN
    'declared as an object: if it has arrays, declare "array"' END,
    CASE WHEN f.typname IN ('float4', 'float8', '_float4', '_float8')
    OR f.typname = '_numeric' AND f.told ~ '\(' THEN
    'its numbers are rounded as ' || f.told || ' does' END,
    CASE WHEN f.typname IN ('timestamptz', 'timestamp', 'time')
    AND f.told ~ '\([0-5]\)' THEN 'its times are rounded as ' || f.told || ' does' END,
    CASE WHEN f.typname = 'bpchar' THEN
    'blanks at the end of a value are not part of it' END), ''),
    f.attnotnull AND f.def IS NULL AND NOT f.read_only,
    f.counts AND (f.attname = 'sluice_version') = (EXISTS (SELECT FROM fields v
    WHERE v.attname = 'version') AND EXISTS (SELECT FROM fields v
    WHERE v.attname = 'sluice_version' AND v.counts)),
    f.items IS NULL AND f.typname NOT IN ('bytea', 'jsonb', 'json')
    AND (f.typname NOT IN ('text', 'varchar', 'bpchar') OR f.list IS NOT NULL
    OR f.longest <= 500),
    coalesce((SELECT json_agg(u.conname) FROM (SELECT attnum, conname FROM ranges
    UNION SELECT attnum, conname FROM lengths
    UNION SELECT attnum, conname FROM choices) u WHERE u.attnum = f.attnum)::text,
    '[]')
    FROM fields f, LATERAL (SELECT CASE WHEN NOT coalesce(CASE
    WHEN f.type IN ('integer', 'number') THEN f.otherwise::numeric < f.minimum
    OR f.otherwise::numeric <= f.above OR f.otherwise::numeric > f.maximum
    WHEN f.type = 'string' AND f.format IS NULL THEN
    char_length(f.otherwise::jsonb #>> '{}') < f.shortest
    OR char_length(f.otherwise::jsonb #>> '{}') > f.longest
    OR NOT f.list::jsonb ? (f.otherwise::jsonb #>> '{}') END, false)
    THEN f.otherwise END AS otherwise) o
    WHERE f.attnum <> $2::int ORDER BY f.attnum

-- The constraints that no keyword of a field expresses, unique indexes that
-- belong to no constraint, and the checks of domains. Columns: type (`i`: an
-- index with a condition or an expression; `d`: of a domain), name, definition; the columns of a unique one or of a reference as JSON; of a
-- reference, the oid of its table, the columns there, and are the types of all
-- pairs the same (integers of all sizes are)?
-- name: constraints
SELECT k.contype::text, k.conname, pg_get_constraintdef(k.oid),
    (SELECT json_agg(a.attname ORDER BY c.n) FROM unnest(k.conkey)
    WITH ORDINALITY c(attnum, n) JOIN pg_attribute a
    ON a.attrelid = k.conrelid AND a.attnum = c.attnum),
    k.confrelid::text,
    (SELECT json_agg(a.attname ORDER BY c.n) FROM unnest(k.confkey)
    WITH ORDINALITY c(attnum, n) JOIN pg_attribute a
    ON a.attrelid = k.confrelid AND a.attnum = c.attnum),
    (SELECT bool_and(p.types[1] = p.types[2]) FROM (SELECT array_agg(
    CASE WHEN b.typname IN ('int2', 'int4', 'int8') OR b.typname = 'numeric'
    AND (m.modifier - 4) & 65535 = 0
    AND (m.modifier - 4) >> 16 BETWEEN 1 AND 18 THEN 'integer'
    WHEN b.typname IN ('text', 'varchar') THEN 'text'
    ELSE b.oid::text END ORDER BY u.side) AS types
    FROM unnest(k.conkey, k.confkey) WITH ORDINALITY c(a, b, n),
    LATERAL (VALUES (1, k.conrelid, c.a), (2, k.confrelid, c.b))
    u(side, rel, attnum), pg_attribute a, pg_type t, pg_type b,
    LATERAL (SELECT CASE t.typtype WHEN 'd' THEN t.typtypmod
    ELSE a.atttypmod END AS modifier) m
    WHERE a.attrelid = u.rel AND a.attnum = u.attnum AND t.oid = a.atttypid
    AND b.oid = CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END
    GROUP BY c.n) p)
    FROM pg_constraint k WHERE k.conrelid = $1::oid
    AND k.contype IN ('c', 'u', 'f', 'x')
    UNION ALL SELECT CASE WHEN i.indpred IS NULL AND i.indexprs IS NULL
    THEN 'u' ELSE 'i' END, x.relname, pg_get_indexdef(x.oid),
    (SELECT json_agg(a.attname ORDER BY c.n)
    FROM unnest((i.indkey::int2[])[0:i.indnkeyatts - 1])
    WITH ORDINALITY c(attnum, n) JOIN pg_attribute a
    ON a.attrelid = i.indrelid AND a.attnum = c.attnum), NULL, NULL, NULL
    FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
    WHERE i.indrelid = $1::oid AND i.indisunique AND i.indisvalid
    AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = i.indrelid
    AND k.conindid = i.indexrelid)
    UNION ALL SELECT 'd', k.conname, pg_get_constraintdef(k.oid)
    || ' of the type of ' || a.attname, NULL, NULL, NULL, NULL
    FROM pg_attribute a JOIN pg_constraint k ON k.contypid = a.atttypid
    AND k.contype = 'c' WHERE a.attrelid = $1::oid AND NOT a.attisdropped
    ORDER BY 1 DESC, 2
