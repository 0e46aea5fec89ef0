/* The declaration is made as a temporary table. Then Postgres's catalog entries
 * of this table and of the existing one are compared. So expressions are
 * compared as Postgres understands them.
 *
 * Only what is missing is added. A column cannot be added if it must have a
 * value and the existing rows would have none. A constraint that existing rows
 * violate is added for new rows only.
 */
#include "writer/commands/tables.h"

#include "writer/core/pg_blocking.h"

#include "common/base/buf.h"
#include "common/json/jsonstring.h"
#include "common/postgres/pg_statement.h"
#include "common/schema/collection.h"
#include "common/sql/bookkeeping.h"
#include "common/sql/sql.h"
#include "common/sql/sql_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tables {
	PGconn *db;
	bool dry;
	const struct collection *c;
	size_t blocking; /* differences with which a writer cannot work */
};

/* writer/commands/tables.sql */
extern const struct pg_statement tables_there, tables_kind, tables_columns,
    tables_checks, tables_unique, tables_reference, tables_group;

/* --- statements ---------------------------------------------------------- */

static struct err tables_run(struct tables *t, const char *sql)
{
	printf("%s%s\n", sql, sql[strlen(sql) - 1] == ';' ? "" : ";");
	return t->dry ? ERR_OK : pg_blocking_run(t->db, sql);
}

/* Runs a statement that may fail; then nothing is changed. */
static struct err attempt(struct tables *t, const char *sql)
{
	struct err e = pg_blocking_run(t->db, "SAVEPOINT attempt");
	if (e.kind != ERR_KIND_OK)
		return e;
	e = tables_run(t, sql);
	struct err back = pg_blocking_run(t->db,
	    e.kind == ERR_KIND_OK ? "RELEASE attempt" : "ROLLBACK TO attempt");
	return back.kind == ERR_KIND_OK ? e : back;
}

static struct err tables_query(struct tables *t, const struct pg_statement *s,
    const char *const *parameters, int n, PGresult **out)
{
	*out = PQexecParams(t->db, s->sql, n, NULL, parameters, NULL, NULL, 0);
	if (PQresultStatus(*out) == PGRES_TUPLES_OK)
		return ERR_OK;
	struct err e = pg_blocking_failed(t->db);
	PQclear(*out);
	*out = NULL;
	return e;
}

/* The table's name as Postgres's text of a regclass. */
static char *regclass(const char *name)
{
	struct buf b = {0};
	buf_printf(&b, "public.\"%s\"", name);
	return buf_take(&b, NULL);
}

/* Of a table of this name; `more`: the second parameter, or NULL. */
static struct err tables_ask(struct tables *t, const struct pg_statement *s,
    const char *name, const char *more, PGresult **out)
{
	char *quoted = regclass(name);
	struct err e = tables_query(
	    t, s, (const char *const[]){quoted, more}, more ? 2 : 1, out);
	free(quoted);
	return e;
}

/* The answer is one bool; it is false after an error. */
static struct err tables_is(struct err e, PGresult *r, bool *out)
{
	*out = e.kind == ERR_KIND_OK && *PQgetvalue(r, 0, 0) == 't';
	PQclear(r);
	return e;
}

static void alter(
    struct tables *t, struct buf *sql, const char *what, const char *name)
{
	buf_clear(sql);
	buf_str(sql, "ALTER TABLE ");
	sql_name(sql, t->c);
	buf_printf(sql, " %s \"%s\"", what, name);
}

/* --- columns ------------------------------------------------------------- */

static const struct field *field_named(
    const struct collection *c, const char *name)
{
	for (size_t i = 0; i < c->nfields; i++) {
		if (strcmp(c->fields[i].name, name) == 0)
			return &c->fields[i];
	}
	return NULL;
}

static void block(struct tables *t, const char *what)
{
	t->blocking++;
	printf("left to you: %s: %s\n", t->c->name, what);
}

static struct err add_column(struct tables *t, const char *name)
{
	const struct field *f = field_named(t->c, name);
	struct buf sql = {0};
	if (f == NULL) {
		buf_printf(&sql, "the table has no column %s", name);
		block(t, sql.data);
		buf_free(&sql);
		return ERR_OK;
	}
	buf_str(&sql, "ALTER TABLE ");
	sql_name(&sql, t->c);
	buf_str(&sql, " ADD COLUMN ");
	sql_table_column(&sql, f);
	struct err e = attempt(t, sql.data);
	buf_free(&sql);
	if (e.kind != ERR_KIND_OK && strcmp(e.code, "23502") == 0) {
		block(t, "the table has rows, so a new column must "
			 "be nullable or have a default");
		return ERR_OK;
	}
	return e;
}

/* Code points that a varchar of the table has room for; 0: it is none. */
static size_t varchar_room(const char *type)
{
	static const char varchar[] = "character varying";
	size_t len = sizeof varchar - 1;
	if (strncmp(type, varchar, len) != 0)
		return 0;
	return type[len] == '(' ? strtoul(type + len + 1, NULL, 10) : SIZE_MAX;
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
	const struct field *f = field_named(t->c, name);
	size_t room = varchar_room(is);
	if (room == 0 || (f && f->column != COLUMN_TEXT))
		return false;
	if (f == NULL) /* the key, or a time */
		return t->c->key == KEY_STRING &&
		       strcmp(name, t->c->key_name) == 0 &&
		       room >= COLLECTION_KEY_MAX;
	return field_max_length(f) <= room ||
	       (f->choices.s && choices_fit(f, room));
}

/* Then checks are compared as they would be on a column of this type. */
static struct err declare_as(
    struct tables *t, const char *name, const char *type)
{
	struct buf sql = {0};
	buf_printf(&sql,
	    "ALTER TABLE pg_temp.sluice_declared ALTER COLUMN \"%s\" TYPE %s",
	    name, type);
	struct err e = pg_blocking_run(t->db, sql.data);
	buf_free(&sql);
	return e;
}

static struct err compare_type(
    struct tables *t, const char *name, const char *declared, const char *is)
{
	char text[256];
	size_t room = varchar_room(is);
	if (varchar_holds(t, name, is))
		return declare_as(t, name, is);
	snprintf(text, sizeof text, "the column %s is %s, declared %s", name,
	    is, declared);
	if (room && strcmp(declared, "text") == 0)
		snprintf(text, sizeof text,
		    "the column %s is %s: declare a maxLength of at most %zu",
		    name, is, room);
	block(t, text);
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
	char text[256];
	if (PQgetisnull(r, i, C_IS))
		return add_column(t, name);
	if (PQgetisnull(r, i, C_DECLARED)) {
		snprintf(text, sizeof text,
		    "the column %s is not declared, and new rows would have no "
		    "value for it: give it a default, or DROP NOT NULL",
		    name);
		if (does && *PQgetvalue(r, i, C_HAS_DEFAULT) != 't')
			block(t, text);
		return ERR_OK;
	}
	struct err e = ERR_OK;
	if (strcmp(declared, is) != 0)
		e = compare_type(t, name, declared, is);
	if (*PQgetvalue(r, i, C_GENERATED) == 't') {
		snprintf(text, sizeof text,
		    "the column %s is generated always: it accepts no value",
		    name);
		block(t, text);
	} else if (must != does) {
		printf("left to you: %s: the column %s is %s, declared "
		       "otherwise: ALTER TABLE public.\"%s\" ALTER COLUMN "
		       "\"%s\" %s NOT NULL\n",
		    t->c->name, name, does ? "NOT NULL" : "nullable",
		    t->c->name, name, does ? "DROP" : "SET");
	}
	return e;
}

static struct err compare_columns(struct tables *t)
{
	PGresult *r;
	struct err e = tables_ask(t, &tables_columns, t->c->name, NULL, &r);
	for (int i = 0; e.kind == ERR_KIND_OK && i < PQntuples(r); i++)
		e = compare_column(t, r, i);
	PQclear(r);
	return e;
}

/* --- constraints --------------------------------------------------------- */

/* Adds it for new rows first, which does not read the existing ones. */
static struct err add_constraint(
    struct tables *t, const char *name, const char *definition)
{
	struct buf sql = {0};
	alter(t, &sql, "ADD CONSTRAINT", name);
	buf_printf(&sql, " %s NOT VALID", definition);
	struct err e = tables_run(t, sql.data);
	if (e.kind == ERR_KIND_OK) {
		alter(t, &sql, "VALIDATE CONSTRAINT", name);
		e = attempt(t, sql.data);
	}
	if (e.kind != ERR_KIND_OK &&
	    (strcmp(e.code, "23514") == 0 || strcmp(e.code, "23503") == 0)) {
		printf("left to you: %s: existing rows violate %s; it applies "
		       "to new rows only\n",
		    t->c->name, name);
		e = ERR_OK;
	}
	buf_free(&sql);
	return e;
}

enum { K_NAME, K_DECLARED, K_IS };

static struct err compare_check(struct tables *t, const PGresult *r, int i)
{
	const char *name = PQgetvalue(r, i, K_NAME);
	const char *declared = PQgetvalue(r, i, K_DECLARED);
	const char *is = PQgetvalue(r, i, K_IS);
	if (PQgetisnull(r, i, K_IS))
		return add_constraint(t, name, declared);
	if (PQgetisnull(r, i, K_DECLARED))
		printf("left to you: %s: %s is not declared: %s\n", t->c->name,
		    name, is);
	else if (strcmp(declared, is) != 0)
		printf("left to you: %s: %s is %s, declared otherwise: ALTER "
		       "TABLE public.\"%s\" DROP CONSTRAINT \"%s\", ADD "
		       "CONSTRAINT \"%s\" %s\n",
		    t->c->name, name, is, t->c->name, name, name, declared);
	return ERR_OK;
}

static struct err compare_checks(struct tables *t)
{
	PGresult *r;
	struct err e = tables_ask(t, &tables_checks, t->c->name, NULL, &r);
	for (int i = 0; e.kind == ERR_KIND_OK && i < PQntuples(r); i++)
		e = compare_check(t, r, i);
	PQclear(r);
	return e;
}

/* --- tables -------------------------------------------------------------- */

static struct err tables_is_there(struct tables *t, const char *name, bool *out)
{
	PGresult *r;
	struct err e = tables_ask(t, &tables_there, name, NULL, &r);
	return tables_is(e, r, out);
}

static struct err tables_make(struct tables *t)
{
	struct buf sql = {0};
	buf_str(&sql, "CREATE TABLE ");
	sql_name(&sql, t->c);
	buf_char(&sql, ' ');
	sql_table_body(&sql, t->c);
	struct err e = tables_run(t, sql.data);
	buf_free(&sql);
	return e;
}

/* Do the statements of common/sql/sql.h work with this kind of table? Postgres
 * returns no xmax for a partitioned one. */
static struct err check_kind(struct tables *t)
{
	PGresult *r;
	struct err e =
	    tables_ask(t, &tables_kind, t->c->name, t->c->key_name, &r);
	if (e.kind != ERR_KIND_OK)
		return e;
	char kind = *PQgetvalue(r, 0, 0);
	if (kind == 'p')
		block(t, "it is partitioned, which is not supported");
	else if (kind != 'r')
		block(t, "it is not a table");
	else if (*PQgetvalue(r, 0, 1) != 't')
		block(t, "there is no unique constraint on the key alone");
	PQclear(r);
	return ERR_OK;
}

/* Is there a table with the former declarations? Not in a dry run on a new
 * database. */
static struct err tables_has_declarations(struct tables *t, bool *out)
{
	PGresult *r;
	struct err e = tables_query(t, &bookkeeping_migrated, NULL, 0, &r);
	return tables_is(e, r, out);
}

/* The versions of rows belong to the partition that the keys had before. */
static struct err tables_check_group(struct tables *t)
{
	char name[COLLECTION_NAME_MAX + 3];
	struct buf table = {0}, sql = {0};
	bool any;
	struct err e = tables_has_declarations(t, &any);
	if (e.kind != ERR_KIND_OK || !any)
		return e;
	sql_name(&table, t->c);
	snprintf(name, sizeof name, "'%s'", t->c->name);
	pg_statement_script(
	    &sql, &tables_group, (const char *const[]){table.data, name}, 2);
	PGresult *r;
	const struct pg_statement script = {.sql = sql.data};
	e = tables_query(t, &script, NULL, 0, &r);
	bool known = e.kind == ERR_KIND_OK && !PQgetisnull(r, 0, 0);
	bool had = known && *PQgetvalue(r, 0, 0) == 't';
	if (known && had != t->c->group && *PQgetvalue(r, 0, 1) == 't')
		block(t, had ? "it has rows, so it must keep \"group\": true"
			     : "it has rows, so \"group\" cannot become true: "
			       "their keys would belong to other partitions");
	PQclear(r);
	buf_free(&table);
	buf_free(&sql);
	return e;
}

static struct err tables_compare(struct tables *t)
{
	struct buf sql = {0};
	buf_str(&sql, "CREATE TEMP TABLE sluice_declared ");
	sql_table_body(&sql, t->c);
	struct err e = pg_blocking_run(t->db, sql.data);
	buf_free(&sql);
	if (e.kind == ERR_KIND_OK)
		e = check_kind(t);
	if (e.kind == ERR_KIND_OK)
		e = tables_check_group(t);
	if (e.kind == ERR_KIND_OK)
		e = compare_columns(t);
	if (e.kind == ERR_KIND_OK && t->blocking == 0)
		e = compare_checks(t);
	if (e.kind == ERR_KIND_OK)
		e = pg_blocking_run(
		    t->db, "DROP TABLE pg_temp.sluice_declared");
	return e;
}

/* Records this shape as the newest one, also if it was recorded before. */
static struct err note_shape(struct tables *t)
{
	char name[COLLECTION_NAME_MAX + 3], shape[19];
	snprintf(shape, sizeof shape, "'%016" PRIx64 "'", t->c->shape);
	char *text = PQescapeLiteral(t->db, t->c->text.s, t->c->text.len);
	snprintf(name, sizeof name, "'%s'", t->c->name);
	struct buf sql = {0};
	pg_statement_script(&sql, &bookkeeping_note_collection,
	    (const char *const[]){name, shape, text}, 3);
	struct err e = pg_blocking_run(t->db, sql.data);
	PQfreemem(text);
	buf_free(&sql);
	return e;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Whatever the constraint is called that does it. */
static struct err are_unique(
    struct tables *t, const struct unique *u, bool *out)
{
	const char *names[COLLECTION_UNIQUE_FIELDS];
	struct buf list = {0};
	PGresult *r;
	for (size_t i = 0; i < u->n; i++)
		names[i] = u->fields[i]->name;
	qsort(names, u->n, sizeof *names, by_text);
	for (size_t i = 0; i < u->n; i++)
		buf_printf(&list, "%c%s", i ? ',' : '{', names[i]);
	buf_char(&list, '}');
	struct err e = tables_ask(t, &tables_unique, t->c->name, list.data, &r);
	buf_free(&list);
	return tables_is(e, r, out);
}

/* Rows of which Postgres says that they violate it are left to the operator. */
static struct err tables_add_unique(
    struct tables *t, const struct sql_table_extra *x)
{
	bool table, there = false;
	struct err e = tables_is_there(t, t->c->name, &table);
	if (e.kind == ERR_KIND_OK && table) /* not there in a dry run */
		e = are_unique(t, &t->c->uniques[x->of], &there);
	if (e.kind != ERR_KIND_OK || there)
		return e;
	e = attempt(t, x->sql);
	if (e.kind == ERR_KIND_OK || strcmp(e.code, "23505") != 0)
		return e;
	printf("left to you: %s: existing rows violate %s, so it is not added: "
	       "%s\n",
	    t->c->name, x->name, e.msg);
	return ERR_OK;
}

static struct err add_extra(struct tables *t, const struct sql_table_extra *x)
{
	bool there;
	if (x->kind == SQL_TABLE_UNIQUE)
		return tables_add_unique(t, x);
	struct err e = tables_is_there(t, x->name, &there);
	return e.kind == ERR_KIND_OK && !there ? tables_run(t, x->sql) : e;
}

static struct err extras(struct tables *t)
{
	size_t n;
	struct sql_table_extra *all = sql_table_extras(t->c, &n);
	struct err e = ERR_OK;
	for (size_t i = 0; i < n && e.kind == ERR_KIND_OK; i++)
		e = add_extra(t, &all[i]);
	sql_table_extras_free(all, n);
	return e;
}

static struct err migrate_one(struct tables *t)
{
	bool there;
	size_t before = t->blocking;
	printf("-- %s\n", t->c->name);
	struct err e = tables_is_there(t, t->c->name, &there);
	if (e.kind == ERR_KIND_OK)
		e = there ? tables_compare(t) : tables_make(t);
	if (e.kind != ERR_KIND_OK || t->blocking > before)
		return e;
	e = extras(t);
	return e.kind == ERR_KIND_OK && !t->dry ? note_shape(t) : e;
}

/* --- references ---------------------------------------------------------- */

static struct err reference_is_there(
    struct tables *t, const struct reference *r, bool *out)
{
	const struct collection *to =
	    collection_find(r->collection, strlen(r->collection));
	char *from = regclass(t->c->name), *other = regclass(to->name);
	PGresult *result;
	struct err e = tables_query(t, &tables_reference,
	    (const char *const[]){from, r->field->name, other, to->key_name}, 4,
	    &result);
	free(from);
	free(other);
	return tables_is(e, result, out);
}

/* In a dry run, a table may be missing. */
static struct err both_are_there(
    struct tables *t, const struct reference *r, bool *out)
{
	struct err e = tables_is_there(t, t->c->name, out);
	if (e.kind == ERR_KIND_OK && *out)
		e = tables_is_there(t, r->collection, out);
	return e;
}

static struct err add_reference(struct tables *t, const struct reference *r)
{
	char name[SQL_TABLE_NAME_LEN];
	struct buf definition = {0};
	sql_table_reference_name(name, t->c, r);
	sql_table_reference(&definition, r);
	struct err e = add_constraint(t, name, definition.data);
	buf_free(&definition);
	return e;
}

static struct err migrate_reference(struct tables *t, const struct reference *r)
{
	bool tables, there = false;
	struct err e = both_are_there(t, r, &tables);
	if (e.kind == ERR_KIND_OK && tables)
		e = reference_is_there(t, r, &there);
	return e.kind == ERR_KIND_OK && !there ? add_reference(t, r) : e;
}

/* When all tables exist. */
static struct err migrate_references(struct tables *t)
{
	struct err e = ERR_OK;
	for (size_t k = 0; k < t->c->nreferences && e.kind == ERR_KIND_OK; k++)
		e = migrate_reference(t, &t->c->references[k]);
	return e;
}

static struct err for_each(
    struct tables *t, struct err (*migrate)(struct tables *t))
{
	struct err e = ERR_OK;
	for (size_t i = 0;
	     e.kind == ERR_KIND_OK && (t->c = collection_at(i)) != NULL; i++)
		e = migrate(t);
	return e;
}

struct err tables_migrate(PGconn *c, bool dry)
{
	struct tables t = {.db = c, .dry = dry};
	struct err e = for_each(&t, migrate_one);
	if (e.kind == ERR_KIND_OK && t.blocking == 0)
		e = for_each(&t, migrate_references);
	if (e.kind != ERR_KIND_OK)
		return e;
	if (t.blocking)
		return err_make(ERR_KIND_FATAL, "collections",
		    "%zu of the above cannot be added: nothing was changed",
		    t.blocking);
	return ERR_OK;
}
