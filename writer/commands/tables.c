/* The declaration is made as a temporary table. Then Postgres's catalog entries
 * of this table and of the existing one are compared. So expressions are
 * compared as Postgres understands them.
 *
 * Only what is missing is added. A column cannot be added if it must have a
 * value and the existing rows would have none. A constraint that existing rows
 * violate is added for new rows only.
 */
#include "writer/commands/tables.h"

#include "writer/commands/tables_priv.h"

#include "common/sql/bookkeeping.h"
#include "common/sql/sql.h"
#include "common/sql/sql_relation.h"
#include "common/sql/sql_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- statements ---------------------------------------------------------- */

struct err tables_run(struct tables *t, const char *sql)
{
	printf("%s%s\n", sql, sql[strlen(sql) - 1] == ';' ? "" : ";");
	return t->dry ? ERR_OK : pg_blocking_run(t->db, sql);
}

struct err tables_attempt(struct tables *t, const char *sql)
{
	struct err e = pg_blocking_run(t->db, "SAVEPOINT attempt");
	if (e.kind != ERR_KIND_OK)
		return e;
	e = tables_run(t, sql);
	struct err back = pg_blocking_run(t->db,
	    e.kind == ERR_KIND_OK ? "RELEASE attempt" : "ROLLBACK TO attempt");
	return back.kind == ERR_KIND_OK ? e : back;
}

struct err tables_query(struct tables *t, const struct pg_statement *s,
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

char *tables_regclass(const struct collection *c)
{
	struct buf b = {0};
	sql_name(&b, c);
	return buf_take(&b, NULL);
}

struct err tables_ask(struct tables *t, const struct pg_statement *s,
    const char *more, PGresult **out)
{
	char *quoted = tables_regclass(t->c);
	struct err e = tables_query(
	    t, s, (const char *const[]){quoted, more}, more ? 2 : 1, out);
	free(quoted);
	return e;
}

struct err tables_is(struct err e, PGresult *r, bool *out)
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
	buf_printf(sql, " %s ", what);
	sql_ident(sql, name);
}

void tables_block(struct tables *t, const char *what)
{
	t->blocking++;
	printf("left to you: %s: %s\n", t->c->name, what);
}

/* --- constraints --------------------------------------------------------- */

/* Adds it for new rows first, which does not read the existing ones. */
struct err tables_add_constraint(
    struct tables *t, const char *name, const char *definition)
{
	struct buf sql = {0};
	alter(t, &sql, "ADD CONSTRAINT", name);
	buf_printf(&sql, " %s NOT VALID", definition);
	struct err e = tables_attempt(t, sql.data);
	if (e.kind == ERR_KIND_OK) {
		alter(t, &sql, "VALIDATE CONSTRAINT", name);
		e = tables_attempt(t, sql.data);
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

void tables_only_declared(
    struct tables *t, const char *name, const char *definition)
{
	struct buf sql = {0};
	alter(t, &sql, "ADD CONSTRAINT", name);
	printf("left to you: %s: the table has no such constraint: %s %s\n",
	    t->c->name, sql.data, definition);
	buf_free(&sql);
}

static void told_otherwise(
    struct tables *t, const char *name, const char *is, const char *declared)
{
	struct buf sql = {0};
	alter(t, &sql, "DROP CONSTRAINT", name);
	buf_str(&sql, ", ADD CONSTRAINT ");
	sql_ident(&sql, name);
	printf("left to you: %s: %s is %s, declared otherwise: %s %s\n",
	    t->c->name, name, is, sql.data, declared);
	buf_free(&sql);
}

static struct err compare_check(struct tables *t, const PGresult *r, int i)
{
	const char *name = PQgetvalue(r, i, K_NAME);
	const char *declared = PQgetvalue(r, i, K_DECLARED);
	const char *is = PQgetvalue(r, i, K_IS);
	if (PQgetisnull(r, i, K_IS) && !t->c->table.foreign)
		return tables_add_constraint(t, name, declared);
	if (PQgetisnull(r, i, K_IS)) {
		tables_only_declared(t, name, declared);
		return ERR_OK;
	}
	if (PQgetisnull(r, i, K_DECLARED))
		printf("left to you: %s: %s is not declared: %s\n", t->c->name,
		    name, is);
	else if (strcmp(declared, is) != 0)
		told_otherwise(t, name, is, declared);
	return ERR_OK;
}

static struct err compare_checks(struct tables *t)
{
	PGresult *r;
	struct err e = tables_ask(t, &tables_checks, NULL, &r);
	for (int i = 0; e.kind == ERR_KIND_OK && i < PQntuples(r); i++)
		e = compare_check(t, r, i);
	PQclear(r);
	return e;
}

/* --- tables -------------------------------------------------------------- */

struct err tables_is_there(
    struct tables *t, const struct collection *c, bool *out)
{
	PGresult *r;
	char *name = tables_regclass(c);
	struct err e =
	    tables_query(t, &tables_there, (const char *const[]){name}, 1, &r);
	free(name);
	return tables_is(e, r, out);
}

/* An index or a sequence of the table. */
static struct err tables_has(
    struct tables *t, const struct sql_relation *x, bool *out)
{
	PGresult *r;
	struct buf name = {0}, sql = {0};
	buf_str(&sql, "SELECT to_regclass(");
	if (x->kind == SQL_RELATION_SEQUENCE) {
		sql_table_sequence(&sql, t->c);
	} else {
		sql_ident(&name, t->c->table.schema);
		buf_char(&name, '.');
		sql_ident(&name, x->name);
		sql_literal(&sql, name.data, name.len);
	}
	buf_str(&sql, ") IS NOT NULL");
	const struct pg_statement script = {.sql = sql.data};
	struct err e = tables_query(t, &script, NULL, 0, &r);
	buf_free(&name);
	buf_free(&sql);
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

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* As Postgres writes an element of an array. */
static void array_element(struct buf *out, const char *name)
{
	buf_char(out, '"');
	for (; *name; name++) {
		if (*name == '"' || *name == '\\')
			buf_char(out, '\\');
		buf_char(out, *name);
	}
	buf_char(out, '"');
}

void tables_names_array(struct buf *out, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_char(out, i ? ',' : '{');
		array_element(out, names[i]);
	}
	buf_char(out, '}');
}

static void names_sorted(struct buf *out, const char **names, size_t n)
{
	qsort(names, n, sizeof *names, by_text);
	tables_names_array(out, names, n);
}

/* Do the statements of common/sql/sql.h work with this kind of table? Postgres
 * returns no xmax for a partitioned one. */
static struct err check_kind(struct tables *t)
{
	PGresult *r;
	const char *names[COLLECTION_KEY_PARTS];
	struct buf list = {0};
	for (size_t i = 0; i < t->c->nkey_columns; i++)
		names[i] = t->c->key_columns[i].stored;
	names_sorted(&list, names, t->c->nkey_columns);
	struct err e = tables_ask(t, &tables_kind, list.data, &r);
	buf_free(&list);
	if (e.kind != ERR_KIND_OK)
		return e;
	char kind = *PQgetvalue(r, 0, 0);
	if (kind == 'p')
		tables_block(t, "it is partitioned, which is not supported");
	else if (kind != 'r')
		tables_block(t, "it is not a table");
	else if (*PQgetvalue(r, 0, 1) != 't')
		tables_block(
		    t, "there is no unique constraint on the key alone");
	else if (*PQgetvalue(r, 0, 2) == 't')
		tables_block(t,
		    "other tables inherit from it, so it has their rows, too, "
		    "which is not supported");
	else if (*PQgetvalue(r, 0, 3) == 't')
		tables_block(t,
		    "a column of the key has a collation in which different "
		    "texts are equal (it is not deterministic): give it "
		    "another one");
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
static struct err tables_check_partitions(struct tables *t)
{
	char name[COLLECTION_NAME_MAX + 3];
	const char *columns[COLLECTION_KEY_PARTS];
	struct buf table = {0}, list = {0}, key = {0}, sql = {0};
	bool any;
	struct err e = tables_has_declarations(t, &any);
	if (e.kind != ERR_KIND_OK || !any)
		return e;
	sql_name(&table, t->c);
	snprintf(name, sizeof name, "'%s'", t->c->name);
	for (size_t i = 0; i < t->c->nkey_columns; i++)
		columns[i] = t->c->key_columns[i].stored;
	tables_names_array(&list, columns, t->c->nkey_columns);
	sql_literal(&key, list.data, list.len);
	buf_str(&key, "::text[]");
	pg_statement_script(&sql, &tables_group,
	    (const char *const[]){table.data, name, key.data}, 3);
	PGresult *r;
	const struct pg_statement script = {.sql = sql.data};
	e = tables_query(t, &script, NULL, 0, &r);
	bool known = e.kind == ERR_KIND_OK && !PQgetisnull(r, 0, 0);
	bool had = known && *PQgetvalue(r, 0, 0) == 't';
	bool rows = known && *PQgetvalue(r, 0, 1) == 't';
	if (rows && *PQgetvalue(r, 0, 2) == 't')
		tables_block(t,
		    "it has rows, so the fields of \"key\" must keep their "
		    "order: their keys would belong to other partitions");
	if (rows && had != t->c->group)
		tables_block(
		    t, had ? "it has rows, so it must keep \"group\": true"
			   : "it has rows, so \"group\" cannot become true: "
			     "their keys would belong to other partitions");
	PQclear(r);
	buf_free(&table);
	buf_free(&list);
	buf_free(&key);
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
		e = tables_check_partitions(t);
	size_t before = t->blocking;
	if (e.kind == ERR_KIND_OK)
		e = table_renames(t);
	if (e.kind == ERR_KIND_OK && t->blocking == before)
		e = table_columns_compare(t);
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

/* Whatever the constraint is called that does it. */
static struct err are_unique(
    struct tables *t, const struct unique *u, bool *out)
{
	const char *names[COLLECTION_UNIQUE_FIELDS];
	struct buf list = {0};
	PGresult *r;
	for (size_t i = 0; i < u->n; i++)
		names[i] = u->fields[i]->stored;
	names_sorted(&list, names, u->n);
	struct err e = tables_ask(t, &tables_unique, list.data, &r);
	buf_free(&list);
	return tables_is(e, r, out);
}

/* Rows of which Postgres says that they violate it are left to the operator. */
static struct err tables_add_unique(
    struct tables *t, const struct sql_relation *x)
{
	bool table, there = false;
	struct err e = tables_is_there(t, t->c, &table);
	if (e.kind == ERR_KIND_OK && table) /* not there in a dry run */
		e = are_unique(t, &t->c->uniques[x->of], &there);
	if (e.kind != ERR_KIND_OK || there)
		return e;
	if (t->c->table.foreign) {
		printf("left to you: %s: the fields are not unique: %s\n",
		    t->c->name, x->sql);
		return ERR_OK;
	}
	e = tables_attempt(t, x->sql);
	if (e.kind == ERR_KIND_OK || strcmp(e.code, "23505") != 0)
		return e;
	printf("left to you: %s: existing rows violate %s, so it is not added: "
	       "%s\n",
	    t->c->name, x->name, e.msg);
	return ERR_OK;
}

/* Whatever the index is called that begins with the same column. */
static struct err tables_is_indexed(
    struct tables *t, const struct sql_relation *x, bool *out)
{
	const struct collection *c = t->c;
	const struct list_column *l =
	    x->kind == SQL_RELATION_LIST    ? &c->columns[x->of]
	    : x->kind == SQL_RELATION_INDEX ? c->indexes[x->of].columns[0]
					    : NULL;
	const char *column = l ? l->stored
			     : x->kind == SQL_RELATION_EXPIRES
				 ? c->expires->stored
				 : c->references[x->of].fields[0]->stored;
	PGresult *r;
	if (x->kind == SQL_RELATION_INDEX || (l && l->path))
		return tables_has(t, x, out);
	struct err e = tables_ask(t, &tables_indexed, column, &r);
	return tables_is(e, r, out);
}

static struct err add_extra(struct tables *t, const struct sql_relation *x)
{
	bool there;
	if (table_renames_made(t, x->name))
		return ERR_OK;
	if (x->kind == SQL_RELATION_UNIQUE)
		return tables_add_unique(t, x);
	bool index = x->kind != SQL_RELATION_SEQUENCE;
	struct err e = t->c->table.foreign && index
			   ? tables_is_indexed(t, x, &there)
			   : tables_has(t, x, &there);
	if (e.kind != ERR_KIND_OK || there)
		return e;
	if (!t->c->table.foreign || !index)
		return tables_run(t, x->sql);
	printf("left to you: %s: there is no index: %s\n", t->c->name, x->sql);
	return ERR_OK;
}

static struct err extras(struct tables *t)
{
	size_t n;
	struct sql_relation *all = sql_relation_all(t->c, &n);
	struct err e = ERR_OK;
	for (size_t i = 0; i < n && e.kind == ERR_KIND_OK; i++)
		e = add_extra(t, &all[i]);
	sql_relation_free(all, n);
	return e;
}

static void no_table(struct tables *t)
{
	struct buf why = {0};
	buf_str(&why, "there is no table ");
	sql_name(&why, t->c);
	buf_str(&why, ": make it, or leave \"table\" out, so that one is made");
	tables_block(t, why.data);
	buf_free(&why);
}

static struct err migrate_one(struct tables *t)
{
	bool there;
	size_t before = t->blocking;
	t->renamed = 0;
	printf("-- %s\n", t->c->name);
	struct err e = tables_is_there(t, t->c, &there);
	if (e.kind == ERR_KIND_OK && !there && t->c->table.foreign)
		no_table(t);
	else if (e.kind == ERR_KIND_OK)
		e = there ? tables_compare(t) : tables_make(t);
	if (e.kind != ERR_KIND_OK || t->blocking > before)
		return e;
	e = extras(t);
	return e.kind == ERR_KIND_OK && !t->dry ? note_shape(t) : e;
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

struct err tables_migrate(PGconn *c, bool dry, bool triggers)
{
	struct tables t = {.db = c, .dry = dry, .triggers = triggers};
	struct err e = for_each(&t, migrate_one);
	if (e.kind == ERR_KIND_OK && t.blocking == 0)
		e = for_each(&t, table_references);
	if (e.kind == ERR_KIND_OK && t.blocking == 0)
		e = for_each(&t, tables_triggers);
	buf_free(&t.names);
	if (e.kind != ERR_KIND_OK)
		return e;
	if (t.blocking)
		return err_make(ERR_KIND_FATAL, "collections",
		    "%zu of the above cannot be added: nothing was changed",
		    t.blocking);
	return ERR_OK;
}
