/* Two passes over the tables: the first one finds those that can be adopted, so
 * that the second one knows which references have a collection to refer to.
 */
#include "writer/commands/adopt.h"

#include "writer/commands/adopt_priv.h"

#include "common/base/mem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	T_OID,
	T_SCHEMA,
	T_TABLE,
	T_NAME,
	T_KIND,
	T_PARTITION,
	T_DESCRIPTION,
	T_PARENT
};
enum { K_COLUMN, K_NAME, K_TYPE, K_PLACE, K_GENERATED, K_LOOSE };

/* The log has a key as a client sent it, and the row would have another one. */
#define LOOSE                                                                  \
	"has a collation in which different texts are equal (it is not "       \
	"deterministic): give it another one"

void adopt_take_name(void *arg, const char *value)
{
	struct adopt_wanted *w = arg;
	if (w->n < ADOPT_MOST)
		w->names[w->n++] = value;
}

void adopt_take_folder(void *arg, const char *value)
{
	struct adopt_wanted *w = arg;
	w->folder = value;
}

/* --- questions ----------------------------------------------------------- */

struct err adopt_ask(struct adopting *a, const struct pg_statement *s,
    const char *one, const char *two, PGresult **out)
{
	const char *const values[] = {one, two};
	*out = PQexecParams(
	    a->db, s->sql, two ? 2 : 1, NULL, values, NULL, NULL, 0);
	if (PQresultStatus(*out) == PGRES_TUPLES_OK)
		return ERR_OK;
	struct err e = pg_blocking_failed(a->db);
	PQclear(*out);
	*out = NULL;
	return e;
}

const char *adopt_cell(const PGresult *r, int row, int column)
{
	return PQgetisnull(r, row, column) ? NULL : PQgetvalue(r, row, column);
}

bool adopt_is(const PGresult *r, int row, int column)
{
	return *PQgetvalue(r, row, column) == 't';
}

bool adopt_is_field(const PGresult *r, int i)
{
	return PQgetisnull(r, i, C_LEFT_OUT) && !adopt_is(r, i, C_VERSION);
}

/* A key of a declaration; NULL: none has the type. */
const char *adopt_key_of(const char *type)
{
	static const struct {
		const char *type, *key;
	} keys[] = {
	    {"text", "\"type\": \"string\""},
	    {"varchar", "\"type\": \"string\""},
	    {"int8", "\"type\": \"integer\""},
	    {"int4", "\"type\": \"integer\", \"format\": \"int32\""},
	    {"int2", "\"type\": \"integer\", \"format\": \"int16\""},
	    {"uuid", "\"type\": \"uuid\""},
	};
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		if (strcmp(keys[i].type, type) == 0)
			return keys[i].key;
	}
	return NULL;
}

__attribute__((format(printf, 3, 4))) static void adopt_refuse(
    struct adopting *a, const struct adopted *t, const char *fmt, ...)
{
	struct buf why = {0};
	char text[600];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	buf_printf(&why, "%s.%s: not adopted: %s", t->schema, t->table, text);
	fprintf(stderr, "%s\n", why.data);
	buf_free(&why);
	a->refused++;
}

/* --- the tables ---------------------------------------------------------- */

static bool adopt_has_name(const struct adopting *a, const char *name)
{
	for (size_t i = 0; i < a->n; i++) {
		if (strcmp(a->all[i].name, name) == 0)
			return true;
	}
	return false;
}

static bool adopt_has_table(const struct adopting *a, const char *oid)
{
	for (size_t i = 0; i < a->n; i++) {
		if (strcmp(a->all[i].oid, oid) == 0)
			return true;
	}
	return false;
}

static void adopt_add_table(struct adopting *a, const PGresult *r, int i)
{
	const char *name = PQgetvalue(r, i, T_NAME);
	const char *description = adopt_cell(r, i, T_DESCRIPTION);
	struct adopted t = {.kind = *PQgetvalue(r, i, T_KIND),
	    .partition = adopt_is(r, i, T_PARTITION),
	    .parent = adopt_is(r, i, T_PARENT)};
	if (adopt_has_table(a, PQgetvalue(r, i, T_OID)))
		return;
	t.oid = mem_strdup(PQgetvalue(r, i, T_OID));
	t.schema = mem_strdup(PQgetvalue(r, i, T_SCHEMA));
	t.table = mem_strdup(PQgetvalue(r, i, T_TABLE));
	t.description = description ? mem_strdup(description) : NULL;
	snprintf(t.name, sizeof t.name, "%s", name);
	if (adopt_has_name(a, t.name)) /* of another schema, or spelling */
		snprintf(t.name, sizeof t.name, "%.29s_%.10s", name, t.oid);
	MEM_GROW(a->all, a->cap, a->n);
	a->all[a->n++] = t;
}

/* `schema.table`, `schema.*`, `*`; `table` is in the schema public. */
static struct err adopt_find_tables(struct adopting *a, const char *wanted)
{
	const char *dot = strchr(wanted, '.');
	const char *table = dot ? dot + 1 : wanted;
	char *schema = dot ? mem_strndup(wanted, (size_t)(dot - wanted))
			   : mem_strdup(strcmp(wanted, "*") ? "public" : "");
	PGresult *r;
	struct err e = adopt_ask(
	    a, &adopt_tables, schema, strcmp(table, "*") ? table : "", &r);
	for (int i = 0; e.kind == ERR_KIND_OK && i < PQntuples(r); i++)
		adopt_add_table(a, r, i);
	if (e.kind == ERR_KIND_OK && PQntuples(r) == 0)
		e = err_make(ERR_KIND_FATAL, "adopt",
		    "there is no table %s; write schema.table, schema.* or *",
		    wanted);
	PQclear(r);
	free(schema);
	return e;
}

/* --- the first pass ------------------------------------------------------ */

/* Why such a relation cannot be adopted; NULL: it may be. */
static const char *adopt_kind_fault(const struct adopted *t)
{
	static const struct {
		char kind;
		const char *why;
	} kinds[] = {
	    {'p', "it is partitioned, which is not supported"},
	    {'v', "it is a view: adopt the tables that it reads"},
	    {'m', "it is a materialized view: adopt the tables that it reads"},
	    {'f', "it is a foreign table: adopt it where it is"},
	};
	if (t->partition)
		return "it is a partition of another table";
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (kinds[i].kind == t->kind)
			return kinds[i].why;
	}
	if (t->parent)
		return "other tables inherit from it, so it has their rows, "
		       "too: adopt these tables";
	return strchr(t->schema, '.')
		   ? "the name of its schema has a dot: rename the schema"
		   : NULL;
}

/* Why these columns cannot be a key; NULL: they can. */
static const char *parts_fault(const PGresult *parts, int *at)
{
	static const char *const types[] = {"text", "varchar", "bpchar", "enum",
	    "int2", "int4", "int8", "uuid", "date", "timestamptz", "timestamp",
	    "time", "bool"};
	for (*at = 0; *at < PQntuples(parts); (*at)++) {
		size_t i = 0, n = sizeof types / sizeof *types;
		if (adopt_is(parts, *at, P_GENERATED))
			return "is generated: it accepts no value";
		if (adopt_is(parts, *at, P_LOOSE))
			return LOOSE;
		while (i < n &&
		       strcmp(types[i], PQgetvalue(parts, *at, P_TYPE)) != 0)
			i++;
		if (i == n)
			return "cannot be a part of a key: a part is text, "
			       "varchar, char, of an enum type, smallint, "
			       "integer, bigint, numeric(n,0), uuid, boolean, "
			       "date, or a timestamp or a time with all digits "
			       "of its fraction";
	}
	return NULL;
}

/* The key is the primary key's columns, if it has several. */
static void adopt_take_parts(
    struct adopting *a, struct adopted *t, PGresult *parts)
{
	int at = 0;
	const char *fault = parts_fault(parts, &at);
	if (PQntuples(parts) < 2)
		adopt_refuse(a, t,
		    "it has no key: give it a column that is unique and NOT "
		    "NULL");
	else if (PQntuples(parts) > COLLECTION_KEY_PARTS)
		adopt_refuse(a, t,
		    "its primary key has %d columns; a key has at most %d",
		    PQntuples(parts), (int)COLLECTION_KEY_PARTS);
	else if (fault)
		adopt_refuse(a, t, "the column %s of its primary key %s",
		    PQgetvalue(parts, at, P_COLUMN), fault);
	else
		t->parts = parts;
}

static void adopt_take_key(
    struct adopting *a, struct adopted *t, const PGresult *key)
{
	if (adopt_is(key, 0, K_GENERATED)) {
		adopt_refuse(a, t,
		    "its key %s is generated: it accepts no value",
		    PQgetvalue(key, 0, K_COLUMN));
	} else if (adopt_is(key, 0, K_LOOSE)) {
		adopt_refuse(
		    a, t, "its key %s " LOOSE, PQgetvalue(key, 0, K_COLUMN));
	} else if (adopt_key_of(PQgetvalue(key, 0, K_TYPE)) == NULL) {
		adopt_refuse(a, t,
		    "its key %s is of the type %s: a key is text, varchar, "
		    "smallint, integer, bigint, numeric(n,0) or uuid",
		    PQgetvalue(key, 0, K_COLUMN), PQgetvalue(key, 0, K_TYPE));
	} else {
		t->key = mem_strdup(PQgetvalue(key, 0, K_COLUMN));
		t->key_name = mem_strdup(PQgetvalue(key, 0, K_NAME));
		t->key_type = mem_strdup(PQgetvalue(key, 0, K_TYPE));
		t->key_place = mem_strdup(PQgetvalue(key, 0, K_PLACE));
	}
}

static struct err adopt_find_key(struct adopting *a, struct adopted *t)
{
	PGresult *key, *parts;
	struct err e = adopt_ask(a, &adopt_key, t->oid, NULL, &key);
	if (e.kind != ERR_KIND_OK)
		return e;
	e = adopt_ask(a, &adopt_parts, t->oid, NULL, &parts);
	if (e.kind == ERR_KIND_OK && PQntuples(key) == 0)
		adopt_take_parts(a, t, parts);
	else if (e.kind == ERR_KIND_OK)
		adopt_take_key(a, t, key);
	PQclear(key);
	if (t->parts == NULL)
		PQclear(parts);
	return e;
}

/* A column that is left out must get a value by itself. */
static void adopt_check_columns(struct adopting *a, struct adopted *t)
{
	const PGresult *r = t->columns;
	int fields = 0;
	for (int i = 0; i < PQntuples(r); i++) {
		fields += adopt_is_field(r, i);
		if (PQgetisnull(r, i, C_LEFT_OUT) || !adopt_is(r, i, C_MUST))
			continue;
		adopt_refuse(a, t,
		    "the column %s must have a value, but %s: give it a "
		    "default, or DROP NOT NULL",
		    PQgetvalue(r, i, C_COLUMN), PQgetvalue(r, i, C_LEFT_OUT));
		return;
	}
	t->good = fields > 0 && fields <= COLLECTION_FIELDS;
	if (fields == 0)
		adopt_refuse(a, t, "it has no column beside its key");
	else if (!t->good)
		adopt_refuse(a, t,
		    "it has %d columns; a collection has at most %d", fields,
		    (int)COLLECTION_FIELDS);
}

static struct err adopt_examine(struct adopting *a, struct adopted *t)
{
	const char *fault = adopt_kind_fault(t);
	if (fault) {
		adopt_refuse(a, t, "%s", fault);
		return ERR_OK;
	}
	struct err e = adopt_find_key(a, t);
	if (e.kind != ERR_KIND_OK || (t->key == NULL && t->parts == NULL))
		return e;
	e = adopt_ask(a, &adopt_columns, t->oid,
	    t->key_place ? t->key_place : "0", &t->columns);
	if (e.kind == ERR_KIND_OK)
		adopt_check_columns(a, t);
	return e;
}

static struct err adopt_put(
    const struct adopted *t, const char *folder, const struct buf *text)
{
	struct buf path = {0};
	FILE *f = stdout;
	if (folder) {
		buf_printf(&path, "%s/%s.json", folder, t->name);
		f = fopen(path.data, "wxe"); /* never over a file of before */
	}
	bool good = f && fwrite(text->data, 1, text->len, f) == text->len;
	good = f && (folder ? fclose(f) : fflush(f)) == 0 && good;
	struct err e =
	    good ? ERR_OK
		 : err_make(ERR_KIND_FATAL, "adopt", "%s: %s",
		       folder ? path.data : "standard output", strerror(errno));
	buf_free(&path);
	return e;
}

/* --- interface ----------------------------------------------------------- */

static void adopting_free(struct adopting *a)
{
	for (size_t i = 0; i < a->n; i++) {
		struct adopted *t = &a->all[i];
		free(t->oid);
		free(t->schema);
		free(t->table);
		free(t->description);
		free(t->key);
		free(t->key_name);
		free(t->key_type);
		free(t->key_place);
		PQclear(t->columns);
		PQclear(t->parts);
	}
	free(a->all);
	PQfinish(a->db);
}

static struct err adopt_all(
    struct adopting *a, const struct adopt_wanted *wanted)
{
	struct err e = ERR_OK;
	for (size_t i = 0; e.kind == ERR_KIND_OK && i < wanted->n; i++)
		e = adopt_find_tables(a, wanted->names[i]);
	if (e.kind == ERR_KIND_OK && a->n > 1 && wanted->folder == NULL)
		e = err_make(ERR_KIND_FATAL, "adopt",
		    "these are %zu tables: name a folder for their "
		    "declarations with --into",
		    a->n);
	for (size_t i = 0; e.kind == ERR_KIND_OK && i < a->n; i++)
		e = adopt_examine(a, &a->all[i]);
	for (size_t i = 0; e.kind == ERR_KIND_OK && i < a->n; i++) {
		struct buf declaration = {0};
		if (!a->all[i].good)
			continue;
		e = adopt_declaration(&declaration, a, &a->all[i]);
		if (e.kind == ERR_KIND_OK)
			e = adopt_put(&a->all[i], wanted->folder, &declaration);
		buf_free(&declaration);
	}
	return e;
}

int adopt(const struct writer_settings *s, const struct adopt_wanted *wanted)
{
	struct patience patience = patience_of(s->wait);
	struct adopting a = {0};
	struct err e =
	    pg_blocking_open(s->common.primary_url, &patience, &a.db);
	/* Names in expressions have their schema, unless it is pg_catalog. */
	if (e.kind == ERR_KIND_OK)
		e = pg_blocking_run(a.db,
		    "BEGIN TRANSACTION READ ONLY ISOLATION LEVEL REPEATABLE "
		    "READ; SET LOCAL search_path = pg_catalog");
	if (e.kind == ERR_KIND_OK)
		e = adopt_all(&a, wanted);
	int code = EXIT_SUCCESS;
	if (e.kind != ERR_KIND_OK) {
		fprintf(stderr, "sluice-writer: %s\n", e.msg);
		code = EXIT_FAILURE;
	} else if (a.refused) {
		code = ADOPT_NOT_ALL;
	}
	adopting_free(&a);
	return code;
}
