/* The columns of a table, compared with the declared ones. */
#include "writer/commands/tables_priv.h"

#include "common/json/jsonstring.h"
#include "common/sql/sql.h"
#include "common/sql/sql_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In a dry run, a column has its former name. */
static const struct field *field_named(const struct tables *t, const char *name)
{
	for (size_t i = 0; i < t->c->nfields; i++) {
		const struct field *f = &t->c->fields[i];
		bool had = t->dry && (t->renamed >> i & 1);
		if (strcmp(had ? f->was : f->stored, name) == 0)
			return f;
	}
	return NULL;
}

/* What rows of before get in a column that every table of a collection has.
 * Version 0 is below that of every write. NULL: it is no such column. */
static const char *own_column(const struct table *t, const char *name)
{
	if (strcmp(name, t->version) == 0)
		return " bigint NOT NULL DEFAULT 0";
	bool time = t->times && (strcmp(name, t->created_at) == 0 ||
				    strcmp(name, t->updated_at) == 0);
	return time ? " timestamptz NOT NULL DEFAULT now()" : NULL;
}

/* Only its owner may add a column to the operator's table. */
static struct err not_the_owner(
    struct tables *t, const char *sql, const struct err *e)
{
	struct buf why = {0};
	if (strcmp(e->code, "42501") != 0)
		return *e;
	buf_printf(&why,
	    "the role of --migrate does not own the table; as its owner, run: "
	    "%s",
	    sql);
	tables_block(t, why.data);
	buf_free(&why);
	return ERR_OK;
}

static struct err add_column(struct tables *t, const char *name)
{
	const struct field *f = field_named(t, name);
	const char *own = own_column(&t->c->table, name);
	struct buf sql = {0};
	if (own == NULL && (f == NULL || t->c->table.foreign)) {
		buf_printf(&sql, "the table has no column %s", name);
		tables_block(t, sql.data);
		buf_free(&sql);
		return ERR_OK;
	}
	buf_str(&sql, "ALTER TABLE ");
	sql_name(&sql, t->c);
	buf_str(&sql, " ADD COLUMN ");
	if (own) {
		sql_ident(&sql, name);
		buf_str(&sql, own);
	} else {
		sql_table_column(&sql, f);
	}
	struct err e = tables_attempt(t, sql.data);
	if (e.kind != ERR_KIND_OK)
		e = not_the_owner(t, sql.data, &e);
	buf_free(&sql);
	if (e.kind != ERR_KIND_OK && strcmp(e.code, "23502") == 0) {
		tables_block(t, "the table has rows, so a new column must "
				"be nullable or have a default");
		return ERR_OK;
	}
	return e;
}

static bool is_char(const char *type)
{
	return strncmp(type, "character(", 10) == 0;
}

/* Code points that a varchar or char of the table has room for; 0: it is
 * none. */
static size_t varchar_room(const char *type)
{
	static const char varchar[] = "character varying";
	size_t len = sizeof varchar - 1;
	if (is_char(type))
		return strtoul(type + 10, NULL, 10);
	if (strncmp(type, varchar, len) != 0)
		return 0;
	return type[len] == '(' ? strtoul(type + len + 1, NULL, 10) : SIZE_MAX;
}

/* A type whose numbers Postgres rounds, or an array of such. */
static bool rounds_to(const char *is)
{
	return strncmp(is, "numeric(", 8) == 0 || strncmp(is, "real", 4) == 0 ||
	       strncmp(is, "double precision", 16) == 0;
}

/* The type of the table rounds the numbers of the field. Then it judges every
 * write (writer/decide/judges.sql), so that a sum is rounded after each. */
static bool rounds(const struct tables *t, const char *name, const char *is)
{
	const struct field *f = field_named(t, name);
	return f && f->column == COLUMN_NUMERIC && strchr(is, '[') == NULL &&
	       rounds_to(is);
}

/* Integers of at most 18 digits, and nothing behind the point. */
static bool holds_integers(
    const struct tables *t, const char *name, const char *is)
{
	const struct field *f = field_named(t, name);
	char *end = NULL;
	bool key = f == NULL && t->c->key == KEY_INTEGER &&
		   strcmp(name, t->c->table.key) == 0;
	enum column_type column = f	? f->column
				  : key ? key_column(t->c)
					: COLUMN_TEXT;
	if (column != COLUMN_BIGINT || strncmp(is, "numeric(", 8) != 0)
		return false;
	return strtoul(is + 8, &end, 10) <= 18 && strcmp(end, ",0)") == 0;
}

/* A time that Postgres rounds to fewer digits than microseconds have. The key
 * in the log would be another one than that of the row; and a document would
 * expire at two times. */
static bool rounds_time(
    const struct tables *t, const char *name, const char *is)
{
	const struct field *f = field_named(t, name);
	const char *zone = strchr(is, ')');
	if (f == NULL || zone == NULL || f == t->c->expires ||
	    (f->in_key && strncmp(zone - 2, "(6", 2) != 0))
		return false;
	bool with = strcmp(zone, ") with time zone") == 0;
	bool time = strncmp(is, "time(", 5) == 0;
	bool both = strncmp(is, "timestamp(", 10) == 0;
	return f->column == COLUMN_TIMESTAMPTZ ? both && with
	       : f->column == COLUMN_TIMESTAMP ? both && !with
	       : f->column == COLUMN_TIME      ? time && !with
					       : false;
}

/* The text of a json is that of any document. */
static bool is_json(const struct tables *t, const char *name, const char *is)
{
	const struct field *f = field_named(t, name);
	return f && f->column == COLUMN_JSONB && strcmp(is, "json") == 0;
}

/* Does an array of varchar hold every element that is declared, or one of
 * numbers round them? */
static bool array_holds(
    const struct tables *t, const char *name, const char *is)
{
	const struct field *f = field_named(t, name);
	size_t room = varchar_room(is), len = strlen(is);
	if (f == NULL || f->column != COLUMN_ARRAY || len < 3 ||
	    strcmp(is + len - 2, "[]") != 0)
		return false;
	if (f->items->column == COLUMN_NUMERIC)
		return rounds_to(is);
	return room && !is_char(is) && f->items->column == COLUMN_TEXT &&
	       field_max_length(f->items) <= room;
}

static bool choices_fit(const struct field *f, size_t room)
{
	struct jsonslice_element e = jsonslice_elements(f->choices);
	while (jsonslice_each(&e)) {
		if (jsonstring_length(e.value) > room)
			return false;
	}
	return true;
}

/* Does a varchar of the table hold every value that is declared? */
static bool varchar_holds(
    const struct tables *t, const char *name, const char *is)
{
	const struct field *f = field_named(t, name);
	size_t room = varchar_room(is);
	if (room == 0 || strchr(is, '[') || (f && !column_is_text(f->column)))
		return false;
	/* Blanks at the end of a text are a part of a key. */
	if (is_char(is) ? f && f->in_key && !f->fixed_length
			: f && f->fixed_length)
		return false;
	if (f == NULL) /* the key, or a time */
		return t->c->key == KEY_STRING &&
		       strcmp(name, t->c->table.key) == 0 &&
		       (t->c->table.foreign || room >= COLLECTION_KEY_MAX);
	return field_max_length(f) <= room ||
	       (f->choices.s && choices_fit(f, room));
}

/* Then checks are compared as they would be on a column of this type. */
static struct err declare_as(
    struct tables *t, const char *name, const char *type)
{
	struct buf sql = {0};
	buf_str(&sql, "ALTER TABLE pg_temp.sluice_declared ALTER COLUMN ");
	sql_ident(&sql, name);
	buf_printf(&sql, " TYPE %s", type);
	struct err e = pg_blocking_run(t->db, sql.data);
	buf_free(&sql);
	return e;
}

static struct err compare_type(
    struct tables *t, const char *name, const char *declared, const char *is)
{
	char text[400];
	size_t room = varchar_room(is);
	if (is_json(t, name, is) || array_holds(t, name, is))
		return ERR_OK;
	if (varchar_holds(t, name, is) || rounds(t, name, is) ||
	    rounds_time(t, name, is) || holds_integers(t, name, is))
		return declare_as(t, name, is);
	snprintf(text, sizeof text, "the column %s is %s, declared %s", name,
	    is, declared);
	const struct field *f = field_named(t, name);
	if (is_char(is) && f && f->in_key && !f->fixed_length)
		snprintf(text, sizeof text,
		    "the column %s is %s: declare \"columnType\": \"char\", "
		    "because it is a part of the key",
		    name, is);
	else if (room && (strcmp(declared, "text") == 0 ||
			     (is_char(is) && f && f->fixed_length)))
		snprintf(text, sizeof text,
		    "the column %s is %s: declare a maxLength of at most %zu",
		    name, is, room);
	tables_block(t, text);
	return ERR_OK;
}

enum {
	C_NAME,
	C_DECLARED,
	C_NOT_NULL,
	C_IS,
	C_IS_NOT_NULL,
	C_HAS_DEFAULT,
	C_GENERATED
};

static struct err compare_column(struct tables *t, const PGresult *r, int i)
{
	const char *name = PQgetvalue(r, i, C_NAME);
	const char *declared = PQgetvalue(r, i, C_DECLARED);
	const char *is = PQgetvalue(r, i, C_IS);
	bool must = *PQgetvalue(r, i, C_NOT_NULL) == 't';
	bool does = *PQgetvalue(r, i, C_IS_NOT_NULL) == 't';
	char text[400];
	if (PQgetisnull(r, i, C_IS))
		return add_column(t, name);
	if (PQgetisnull(r, i, C_DECLARED)) {
		snprintf(text, sizeof text,
		    "the column %s is not declared, and new rows would have no "
		    "value for it: give it a default, or DROP NOT NULL",
		    name);
		if (does && *PQgetvalue(r, i, C_HAS_DEFAULT) != 't')
			tables_block(t, text);
		return ERR_OK;
	}
	struct err e = ERR_OK;
	if (strcmp(declared, is) != 0)
		e = compare_type(t, name, declared, is);
	const struct field *f = field_named(t, name);
	bool read_only = f && f->read_only;
	bool generated = *PQgetvalue(r, i, C_GENERATED) == 't';
	if (read_only && does && !generated &&
	    *PQgetvalue(r, i, C_HAS_DEFAULT) != 't') {
		snprintf(text, sizeof text,
		    "the column %s is declared readOnly, and new rows would "
		    "have no value for it: give it a default",
		    name);
		tables_block(t, text);
	} else if (generated && !read_only) {
		snprintf(text, sizeof text,
		    "the column %s is generated always and accepts no value: "
		    "declare it readOnly",
		    name);
		tables_block(t, text);
	} else if (must != does && own_column(&t->c->table, name) == NULL) {
		struct buf table = {0}, column = {0};
		sql_name(&table, t->c);
		sql_ident(&column, name);
		printf("left to you: %s: the column %s is %s, declared "
		       "otherwise: ALTER TABLE %s ALTER COLUMN %s %s NOT "
		       "NULL\n",
		    t->c->name, name, does ? "NOT NULL" : "nullable",
		    table.data, column.data, does ? "DROP" : "SET");
		buf_free(&table);
		buf_free(&column);
	}
	return e;
}

struct err table_columns_compare(struct tables *t)
{
	PGresult *r;
	struct err e =
	    tables_ask(t, &tables_columns, t->c->table.foreign ? "t" : "f", &r);
	for (int i = 0; e.kind == ERR_KIND_OK && i < PQntuples(r); i++)
		e = compare_column(t, r, i);
	PQclear(r);
	return e;
}
