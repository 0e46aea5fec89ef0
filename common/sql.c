#include "common/sql.h"

/* Names of collections and fields are checked when they are declared
 * ([a-z][a-z0-9_]*); the quotes are for SQL's reserved words. */
static void ident(struct buf *out, const char *name)
{
	buf_printf(out, "\"%s\"", name);
}

/* With its schema: `"$user"` comes first in the usual search path, so that the
 * name alone would mean another table to a user who is called sluice. */
static void table(struct buf *out, const struct collection *c)
{
	buf_str(out, "public.");
	ident(out, c->name);
}

static const char *sql_type(enum field_type type)
{
	switch (type) {
	case FIELD_STRING:
		return "text";
	case FIELD_INTEGER:
		return "bigint";
	case FIELD_NUMBER:
		return "numeric";
	}
	return "text";
}

/* The canonical document of row t, or null where t is null. */
static void document(struct buf *out, const struct collection *c)
{
	buf_str(out, "(SELECT row_to_json(d) FROM (SELECT t.\"key\"");
	for (size_t i = 0; i < c->nfields; i++) {
		buf_str(out, ", t.");
		ident(out, c->fields[i].name);
	}
	buf_str(out, ", t.created_at, t.updated_at) d)::text");
}

void sql_table(struct buf *out, const struct collection *c)
{
	buf_str(out, "CREATE TABLE IF NOT EXISTS ");
	table(out, c);
	buf_str(out, " (\n  \"key\" text COLLATE \"C\" PRIMARY KEY,\n");
	for (size_t i = 0; i < c->nfields; i++) {
		buf_str(out, "  ");
		ident(out, c->fields[i].name);
		buf_printf(out, " %s%s,\n", sql_type(c->fields[i].type),
		    c->fields[i].required ? " NOT NULL" : "");
	}
	buf_str(out, "  created_at timestamptz NOT NULL,\n"
		     "  updated_at timestamptz NOT NULL,\n"
		     "  version bigint NOT NULL\n"
		     ") WITH (fillfactor = 80);\n");
}

void sql_read(struct buf *out, const struct collection *c)
{
	buf_str(out, "SELECT k.i, p.next_offset, t.version, "
		     "CASE WHEN t.version IS NOT NULL THEN ");
	document(out, c);
	buf_str(out, " END FROM unnest($1::text[], $2::int4[])"
		     " WITH ORDINALITY AS k(\"key\", partition, i)"
		     " JOIN sluice.progress p ON p.partition = k.partition"
		     " LEFT JOIN ");
	table(out, c);
	buf_str(out, " t ON t.\"key\" = k.\"key\"");
}

static void columns(struct buf *out, const struct collection *c,
    const char *prefix, const char *between)
{
	for (size_t i = 0; i < c->nfields; i++) {
		buf_str(out, prefix);
		ident(out, c->fields[i].name);
		buf_str(out, between);
	}
}

void sql_upsert(struct buf *out, const struct collection *c)
{
	buf_str(out, "INSERT INTO ");
	table(out, c);
	buf_str(out, " AS t (\"key\", ");
	columns(out, c, "", ", ");
	buf_str(out, "created_at, updated_at, version) SELECT r._key, ");
	columns(out, c, "r.", ", ");
	buf_str(out, "r._created_at, r._updated_at, r._version"
		     " FROM json_to_recordset($1::json) AS r(_key text,"
		     " _version int8, _created_at timestamptz,"
		     " _updated_at timestamptz");
	for (size_t i = 0; i < c->nfields; i++) {
		buf_str(out, ", ");
		ident(out, c->fields[i].name);
		buf_printf(out, " %s", sql_type(c->fields[i].type));
	}
	buf_str(out, ") ON CONFLICT (\"key\") DO UPDATE SET ");
	for (size_t i = 0; i < c->nfields; i++) {
		ident(out, c->fields[i].name);
		buf_str(out, " = excluded.");
		ident(out, c->fields[i].name);
		buf_str(out, ", ");
	}
	buf_str(out, "updated_at = excluded.updated_at,"
		     " version = excluded.version"
		     " WHERE t.version < excluded.version"
		     " RETURNING t.\"key\", t.version, t.xmax = 0, ");
	document(out, c);
}

void sql_delete(struct buf *out, const struct collection *c)
{
	buf_str(out, "DELETE FROM ");
	table(out, c);
	buf_str(out, " t USING unnest($1::text[], $2::int8[])"
		     " AS k(\"key\", version) WHERE t.\"key\" = k.\"key\""
		     " AND t.version < k.version RETURNING t.\"key\"");
}

void sql_current(struct buf *out, const struct collection *c)
{
	buf_str(out, "SELECT t.\"key\", t.version, ");
	document(out, c);
	buf_str(out, " FROM unnest($1::text[]) AS k(\"key\") JOIN ");
	table(out, c);
	buf_str(out, " t ON t.\"key\" = k.\"key\"");
}
