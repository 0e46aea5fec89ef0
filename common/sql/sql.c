#include "common/sql/sql.h"

#include "common/base/check.h"
#include "common/sql/sql_key.h"

#include <string.h>

/* The text, in quotes; a quote or a backslash in it is doubled. */
static void doubled(
    struct buf *out, char quote, bool backslash, const char *text, size_t len)
{
	buf_char(out, quote);
	for (size_t i = 0; i < len; i++) {
		buf_char(out, text[i]);
		if (text[i] == quote || (backslash && text[i] == '\\'))
			buf_char(out, text[i]);
	}
	buf_char(out, quote);
}

/* Also for SQL's reserved words. */
void sql_ident(struct buf *out, const char *name)
{
	doubled(out, '"', false, name, strlen(name));
}

/* A backslash has a meaning in every session only behind an E. The blank keeps
 * the E from becoming a part of a name in front of it. */
void sql_literal(struct buf *out, const char *text, size_t len)
{
	bool escaped = len && memchr(text, '\\', len) != NULL;
	CHECK(len == 0 || memchr(text, '\0', len) == NULL);
	buf_str(out, escaped ? " E" : "");
	doubled(out, '\'', true, text, len);
}

/* With its schema, because the usual search path begins with `"$user"`: for a
 * user called sluice, the name alone would mean another table. */
void sql_name(struct buf *out, const struct collection *c)
{
	if (strcmp(c->table.schema, "public") == 0)
		buf_str(out, "public");
	else
		sql_ident(out, c->table.schema);
	buf_char(out, '.');
	sql_ident(out, c->table.name);
}

/* A column of row t. */
static void sql_of(struct buf *out, const char *column)
{
	buf_str(out, "t.");
	sql_ident(out, column);
}

void sql_type(struct buf *out, const struct field *f)
{
	if (f->column == COLUMN_ENUM) {
		sql_ident(out, f->enum_schema);
		buf_char(out, '.');
		sql_ident(out, f->enum_type);
	} else if (f->column == COLUMN_ARRAY) {
		sql_type(out, f->items);
		buf_str(out, "[]");
	} else {
		buf_str(out, column_type_name(f->column));
	}
}

/* The names of a path are letters, digits, _ and -; the quotes are for NULL. */
void sql_list_column(
    struct buf *out, const char *prefix, const struct list_column *l)
{
	if (l->path == NULL) {
		buf_str(out, prefix);
		sql_ident(out, l->stored);
		return;
	}
	buf_printf(out, "(%s", prefix);
	sql_ident(out, l->stored);
	buf_str(out, " #>> '{");
	for (const char *s = l->path;; s += *s == '.') {
		size_t len = strcspn(s, ".");
		buf_printf(
		    out, "%s\"%.*s\"", s == l->path ? "" : ",", (int)len, s);
		s += len;
		if (*s == '\0')
			break;
	}
	buf_str(out, "}')");
}

/* As what a column comes to common/sql/row_doc.h, whatever an operator has made
 * of its type. */
static const char *row_type(enum column_type column)
{
	bool binary = column == COLUMN_TIMESTAMPTZ ||
		      column == COLUMN_TIMESTAMP || column == COLUMN_BYTEA;
	return binary ? column_type_name(column) : "text";
}

/* Null where the table has no times. */
static void sql_time(
    struct buf *out, const struct collection *c, const char *column)
{
	buf_str(out, ", ");
	if (c->table.times)
		sql_of(out, column);
	else
		buf_str(out, "NULL");
	buf_str(out, "::timestamptz");
}

/* An array of bytea, each as base64. Postgres breaks its lines. */
static void bytes_field(struct buf *out, const struct field *f)
{
	buf_str(out, "CASE WHEN ");
	sql_of(out, f->stored);
	buf_str(out,
	    " IS NOT NULL THEN (SELECT coalesce(json_agg(replace(encode(e.v, "
	    "'base64'), chr(10), '') ORDER BY e.i), '[]') FROM unnest(");
	sql_of(out, f->stored);
	buf_str(out, ") WITH ORDINALITY AS e(v, i)) END");
}

/* The field of row t, as row_to_json has it. The text of a json is not its only
 * one; an inet as text has a mask that says nothing. */
static void sql_field(struct buf *out, const struct field *f)
{
	if (f->column == COLUMN_ARRAY && f->items->column == COLUMN_BYTEA) {
		bytes_field(out, f);
		return;
	}
	bool array = f->column == COLUMN_ARRAY, inet = f->column == COLUMN_INET;
	if (array || inet)
		buf_str(out, array ? "array_to_json(" : "abbrev(");
	sql_of(out, f->stored);
	if (array || inet)
		buf_char(out, ')');
	if (f->column == COLUMN_JSONB)
		buf_str(out, "::jsonb");
}

void sql_row_of(
    struct buf *out, const struct collection *c, const struct selection *only)
{
	sql_key(out, c);
	for (size_t i = 0; i < c->nfields; i++) {
		const struct field *f = &c->fields[i];
		if (selection_has(only, 1 + i)) {
			buf_str(out, ", ");
			sql_field(out, f);
		} else {
			buf_str(out, ", NULL");
		}
		buf_printf(out, "::%s", row_type(f->column));
	}
	sql_time(out, c, c->table.created_at);
	sql_time(out, c, c->table.updated_at);
}

void sql_row(struct buf *out, const struct collection *c)
{
	static const struct selection all;
	sql_row_of(out, c, &all);
}

void sql_read(struct buf *out, const struct collection *c)
{
	buf_str(out, "SELECT k.i, p.next_offset, ");
	sql_of(out, c->table.version);
	buf_str(out, ", ");
	sql_row(out, c);
	buf_str(out, " FROM unnest($1::text[], $2::int4[])"
		     " WITH ORDINALITY AS k(\"key\", partition, i)"
		     " JOIN sluice.progress p ON p.partition = k.partition"
		     " LEFT JOIN ");
	sql_name(out, c);
	buf_str(out, " t ON ");
	sql_is_key(out, c);
}

static bool can_be_large(const struct field *f)
{
	return column_can_be_large(f->column);
}

static void names(struct buf *out, const struct collection *c)
{
	for (size_t i = 0; i < c->nfields; i++) {
		buf_str(out, ", ");
		sql_ident(out, c->fields[i].name);
	}
}

/* Three levels, each computed once because of OFFSET 0: the texts, their
 * lengths, and the result. Postgres knows the length of a text that it stores
 * out of line without fetching it. `first`: the columns before the row. */
static void within(struct buf *out, const struct collection *c,
    const char *first, const char *limit,
    void (*rows)(struct buf *out, const struct collection *c))
{
	buf_printf(out, "SELECT %s, _bytes, _key", first);
	for (size_t i = 0; i < c->nfields; i++) {
		bool large = can_be_large(&c->fields[i]);
		buf_str(out, ", ");
		if (large)
			buf_printf(
			    out, "CASE WHEN _bytes <= %s::int8 THEN ", limit);
		sql_ident(out, c->fields[i].name);
		buf_str(out, large ? " END" : "");
	}
	buf_str(out, ", _created_at, _updated_at FROM (SELECT *, 0::int8");
	size_t large = 0;
	for (size_t i = 0; i < c->nfields; i++) {
		if (!can_be_large(&c->fields[i]))
			continue;
		buf_str(out, " + coalesce(octet_length(");
		sql_ident(out, c->fields[i].name);
		/* In a document, they are base64. */
		buf_str(out, c->fields[i].column == COLUMN_BYTEA
				 ? ") * 4::int8 / 3, 0)"
				 : "), 0)");
		large++;
	}
	if (large == 0) /* a statement must name all of its parameters */
		buf_printf(out, " * %s::int8", limit);
	buf_str(out, " AS _bytes FROM (");
	rows(out, c);
	buf_printf(out, " OFFSET 0) AS r(%s, _key", first);
	names(out, c);
	buf_str(out, ", _created_at, _updated_at) OFFSET 0) AS r");
}

void sql_read_within(struct buf *out, const struct collection *c)
{
	within(out, c, "_i, _as_of, _version", "$3", sql_read);
}

void sql_export(struct buf *out, const struct collection *c,
    const struct selection *only, const char *which)
{
	buf_str(out, "COPY (SELECT ");
	sql_row_of(out, c, only);
	buf_str(out, " FROM ");
	sql_name(out, c);
	buf_printf(out, " t%s) TO STDOUT (FORMAT binary)", which);
}

/* A JSON array as one of Postgres. 7.0 is an integer, too, but not to it. */
static void array_parameter(struct buf *out, const struct field *f)
{
	enum column_type column = f->items->column;
	buf_str(out, ", CASE WHEN r.");
	sql_ident(out, f->name);
	buf_str(out, " IS NOT NULL THEN ARRAY(SELECT ");
	if (column == COLUMN_BYTEA) {
		buf_str(out, "decode(e.v, 'base64')");
	} else {
		buf_str(out,
		    column_is_integer(column) ? "e.v::numeric::" : "e.v::");
		sql_type(out, f->items);
	}
	buf_str(out, " FROM jsonb_array_elements_text(r.");
	sql_ident(out, f->name);
	buf_str(out, "::jsonb) WITH ORDINALITY AS e(v, i) ORDER BY e.i) END");
}

/* Every field travels as text. */
static void sql_parameter(struct buf *out, const struct field *f)
{
	bool bytes = f->column == COLUMN_BYTEA;
	if (f->column == COLUMN_ARRAY) {
		array_parameter(out, f);
		return;
	}
	buf_str(out, bytes ? ", decode(r." : ", r.");
	sql_ident(out, f->name);
	if (bytes) {
		buf_str(out, ", 'base64')");
	} else {
		buf_str(out, "::");
		sql_type(out, f);
	}
}

/* The parts of a key are taken from the key. */
static bool is_written(const struct field *f)
{
	return !f->read_only && !f->in_key;
}

/* The parameters as rows r. Set-returning functions in a list of columns
 * advance together. In FROM, Postgres would first copy all rows into a
 * tuplestore. */
static void sql_parameters(struct buf *out, const struct collection *c)
{
	buf_str(out, " SELECT ");
	for (size_t i = 0; i < c->nkey_columns; i++) {
		buf_str(out, i ? ", " : "");
		sql_key_value(out, c, i, "r._key");
	}
	for (size_t i = 0; i < c->nfields; i++) {
		if (is_written(&c->fields[i]))
			sql_parameter(out, &c->fields[i]);
	}
	if (c->table.times)
		buf_str(out, ", r._created_at, r._updated_at");
	buf_str(out, ", r._version FROM (SELECT unnest($1::text[]) AS _key,"
		     " unnest($2::int8[]) AS _version,"
		     " unnest($3::timestamptz[]) AS _created_at,"
		     " unnest($4::timestamptz[]) AS _updated_at");
	for (size_t i = 0; i < c->nfields; i++) {
		buf_printf(out, ", unnest($%zu::text[]) AS ",
		    i + SQL_UPSERT_FIELDS + 1);
		sql_ident(out, c->fields[i].name);
	}
	buf_str(out, ") AS r");
}

static void sql_upsert_columns(struct buf *out, const struct collection *c)
{
	sql_key_names(out, c);
	for (size_t i = 0; i < c->nfields; i++) {
		if (!is_written(&c->fields[i]))
			continue;
		buf_str(out, ", ");
		sql_ident(out, c->fields[i].stored);
	}
	if (c->table.times) {
		buf_str(out, ", ");
		sql_ident(out, c->table.created_at);
		buf_str(out, ", ");
		sql_ident(out, c->table.updated_at);
	}
	buf_str(out, ", ");
	sql_ident(out, c->table.version);
}

static void sql_set(struct buf *out, const char *column)
{
	sql_ident(out, column);
	buf_str(out, " = excluded.");
	sql_ident(out, column);
}

static void sql_insert_rows(struct buf *out, const struct collection *c)
{
	buf_str(out, "INSERT INTO ");
	sql_name(out, c);
	buf_str(out, " AS t (");
	sql_upsert_columns(out, c);
	/* An operator's key may be GENERATED ALWAYS AS IDENTITY. */
	buf_str(out, c->table.foreign && (c->key == KEY_INTEGER || c->nparts)
			 ? ") OVERRIDING SYSTEM VALUE"
			 : ")");
	sql_parameters(out, c);
}

static void sql_inserted(struct buf *out, const struct collection *c)
{
	buf_str(out, " RETURNING t.xmax = 0, ");
	sql_row(out, c);
}

/* The first write of a partition in epoch 0 has version 0, as a row has that
 * was there before. A row of its key was not written by a later write, because
 * there was none. */
void sql_upsert(struct buf *out, const struct collection *c)
{
	sql_insert_rows(out, c);
	buf_str(out, " ON CONFLICT (");
	sql_key_names(out, c);
	buf_str(out, ") DO UPDATE SET ");
	for (size_t i = 0; i < c->nfields; i++) {
		if (!is_written(&c->fields[i]))
			continue;
		sql_set(out, c->fields[i].stored);
		buf_str(out, ", ");
	}
	if (c->table.times) {
		sql_set(out, c->table.updated_at);
		buf_str(out, ", ");
	}
	sql_set(out, c->table.version);
	buf_str(out, " WHERE ");
	sql_of(out, c->table.version);
	buf_str(out, " < excluded.");
	sql_ident(out, c->table.version);
	buf_str(out, " OR excluded.");
	sql_ident(out, c->table.version);
	buf_str(out, " = 0");
	sql_inserted(out, c);
}

void sql_insert(struct buf *out, const struct collection *c)
{
	sql_insert_rows(out, c);
	sql_inserted(out, c);
}

void sql_delete(struct buf *out, const struct collection *c)
{
	buf_str(out, "DELETE FROM ");
	sql_name(out, c);
	buf_str(out, " t USING unnest($1::text[], $2::int8[])"
		     " AS k(\"key\", version) WHERE ");
	sql_is_key(out, c);
	buf_str(out, " AND (");
	sql_of(out, c->table.version);
	buf_str(out, " < k.version OR k.version = 0) RETURNING ");
	sql_key(out, c);
	buf_str(out, " AS \"key\"");
}

void sql_expired(struct buf *out, const struct collection *c, bool after)
{
	const char *time = c->expires->stored;
	buf_str(out, "SELECT ");
	sql_key(out, c);
	buf_str(out, ", ");
	sql_of(out, c->table.version);
	buf_str(out, ", ");
	sql_of(out, time);
	buf_str(out, "::text FROM ");
	sql_name(out, c);
	buf_str(out, " t WHERE ");
	sql_of(out, time);
	buf_str(out, " <= $1::text::timestamptz");
	if (after) {
		buf_str(out, " AND (");
		sql_of(out, time);
		buf_str(out, ", ");
		sql_key_columns(out, c, "t.", "");
		buf_str(out, ") > ($3::text::timestamptz");
		for (size_t i = 0; i < c->nkey_columns; i++) {
			buf_str(out, ", ");
			sql_key_value(out, c, i, "$4::text");
		}
		buf_char(out, ')');
	}
	buf_str(out, " ORDER BY ");
	sql_of(out, time);
	buf_str(out, ", ");
	sql_key_columns(out, c, "t.", "");
	buf_str(out, " LIMIT $2::int8");
}

static void touched(struct buf *out, const struct collection *c)
{
	(void)c;
	buf_str(out, "SELECT * FROM touched");
}

/* The version is set whatever it was: in the order of the log, no row has a
 * greater one, unless another program has written it. */
void sql_touch(struct buf *out, const struct collection *c)
{
	buf_str(out, "WITH touched AS (UPDATE ");
	sql_name(out, c);
	buf_str(out, " t SET ");
	sql_ident(out, c->table.version);
	buf_str(out, " = k.version FROM unnest($1::text[], $2::int8[])"
		     " AS k(\"key\", version) WHERE ");
	sql_is_key(out, c);
	buf_str(out, " RETURNING ");
	sql_of(out, c->table.version);
	buf_str(out, ", ");
	sql_row(out, c);
	buf_str(out, ") ");
	within(out, c, "_version", "$3", touched);
}

static void of_keys(struct buf *out, const struct collection *c)
{
	buf_str(out, " FROM unnest($1::text[]) AS k(\"key\") JOIN ");
	sql_name(out, c);
	buf_str(out, " t ON ");
	sql_is_key(out, c);
}

static void sql_current_of(struct buf *out, const struct collection *c)
{
	buf_str(out, "SELECT ");
	sql_of(out, c->table.version);
	buf_str(out, ", ");
	sql_row(out, c);
	of_keys(out, c);
}

void sql_current(struct buf *out, const struct collection *c)
{
	within(out, c, "_version", "$2", sql_current_of);
}

void sql_versions(struct buf *out, const struct collection *c)
{
	buf_str(out, "SELECT ");
	sql_of(out, c->table.version);
	buf_str(out, ", $2::int8 + 1, ");
	sql_key(out, c);
	of_keys(out, c);
}
