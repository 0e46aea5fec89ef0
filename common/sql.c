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

/* The columns of row t, as rowdoc.h reads them, whatever an operator has made
 * of their types. */
static void row(struct buf *out, const struct collection *c)
{
	buf_str(out, "t.\"key\"");
	for (size_t i = 0; i < c->nfields; i++) {
		buf_str(out, ", t.");
		ident(out, c->fields[i].name);
		buf_str(out, "::text");
	}
	buf_str(out, ", t.created_at::timestamptz, t.updated_at::timestamptz");
}

void sql_table(struct buf *out, const struct collection *c)
{
	buf_str(out, "CREATE TABLE IF NOT EXISTS ");
	table(out, c);
	buf_str(out, " (\n  \"key\" text COLLATE \"C\" PRIMARY KEY,\n");
	for (size_t i = 0; i < c->nfields; i++) {
		buf_str(out, "  ");
		ident(out, c->fields[i].name);
		buf_printf(out, " %s%s,\n",
		    column_type_name(c->fields[i].column),
		    c->fields[i].nullable ? "" : " NOT NULL");
	}
	buf_str(out, "  created_at timestamptz NOT NULL,\n"
		     "  updated_at timestamptz NOT NULL,\n"
		     "  version bigint NOT NULL\n"
		     ") WITH (fillfactor = 80);\n");
}

void sql_read(struct buf *out, const struct collection *c)
{
	buf_str(out, "SELECT k.i, p.next_offset, t.version, ");
	row(out, c);
	buf_str(out, " FROM unnest($1::text[], $2::int4[])"
		     " WITH ORDINALITY AS k(\"key\", partition, i)"
		     " JOIN sluice.progress p ON p.partition = k.partition"
		     " LEFT JOIN ");
	table(out, c);
	buf_str(out, " t ON t.\"key\" = k.\"key\"");
}

static void names(struct buf *out, const struct collection *c)
{
	for (size_t i = 0; i < c->nfields; i++) {
		buf_str(out, ", ");
		ident(out, c->fields[i].name);
	}
}

/* The parameters as rows r. Every field travels as text. */
static void parameters(struct buf *out, const struct collection *c)
{
	buf_str(out, " SELECT r._key");
	for (size_t i = 0; i < c->nfields; i++) {
		buf_str(out, ", r.");
		ident(out, c->fields[i].name);
		buf_printf(out, "::%s", column_type_name(c->fields[i].column));
	}
	buf_str(out, ", r._created_at, r._updated_at, r._version"
		     " FROM unnest($1::text[], $2::int8[], $3::timestamptz[],"
		     " $4::timestamptz[]");
	for (size_t i = 0; i < c->nfields; i++)
		buf_printf(out, ", $%zu::text[]", i + SQL_UPSERT_FIELDS + 1);
	buf_str(out, ") AS r(_key, _version, _created_at, _updated_at");
	names(out, c);
	buf_char(out, ')');
}

void sql_upsert(struct buf *out, const struct collection *c)
{
	buf_str(out, "INSERT INTO ");
	table(out, c);
	buf_str(out, " AS t (\"key\"");
	names(out, c);
	buf_str(out, ", created_at, updated_at, version)");
	parameters(out, c);
	buf_str(out, " ON CONFLICT (\"key\") DO UPDATE SET ");
	for (size_t i = 0; i < c->nfields; i++) {
		ident(out, c->fields[i].name);
		buf_str(out, " = excluded.");
		ident(out, c->fields[i].name);
		buf_str(out, ", ");
	}
	buf_str(out, "updated_at = excluded.updated_at,"
		     " version = excluded.version"
		     " WHERE t.version < excluded.version"
		     " RETURNING t.xmax = 0, ");
	row(out, c);
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
	buf_str(out, "SELECT t.version, ");
	row(out, c);
	buf_str(out, " FROM unnest($1::text[]) AS k(\"key\") JOIN ");
	table(out, c);
	buf_str(out, " t ON t.\"key\" = k.\"key\"");
}
